"""Image files that become rows as they came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import requires_imagecodecs
from tests.unienv_data.store.codecs.images.pictures import smooth
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.columns import EncodedRows
from unienv_data.errors import CodecError, SpaceValueError
from unienv_data.store.codecs import ChunkShape, chain_of, make_codec, rows_of_files
from unienv_data.store.codecs.checked import with_checksum
from unienv_data.store.codecs.images import ImageCodec
from unienv_interface import BoxSpace, DictSpace, NumpyComputeBackend
from unienv_interface._optional import import_optional

pytestmark = requires_imagecodecs

PIXELS = np.dtype(np.uint8)
SHAPE = (24, 32, 3)


def codecs() -> Any:
    return import_optional("imagecodecs", extra="images")


def jpegs(count: int, **settings: Any) -> list[bytes]:
    return [
        bytes(codecs().jpeg8_encode(smooth(SHAPE, "uint8", number), **settings)) for number in range(count)
    ]


def decoded(files: list[bytes]) -> NDArray[np.uint8]:
    return np.stack([np.asarray(codecs().jpeg8_decode(file)) for file in files])


def space(shape: tuple[int, ...] = SHAPE) -> DictSpace[Any, Any, Any, Any]:
    backend = NumpyComputeBackend
    return DictSpace(backend, {"image": BoxSpace(backend, 0, 255, np.uint8, shape=shape)})


@pytest.mark.parametrize(
    "settings",
    [{"level": 97}, {"level": 30, "subsampling": "444"}, {"optimize": True}],
    ids=["another quality", "another subsampling", "other tables"],
)
def test_rows_are_the_very_files(tmp_path: Path, settings: dict[str, Any]) -> None:
    files = jpegs(9, **settings)
    with ReplayBuffer.create(
        ZarrStorage, space(), cache_path=str(tmp_path / "a.zarr"), codecs={"image": "jpeg:80"}
    ) as buffer:
        buffer.append_batch({"image": rows_of_files(files[:5], "jpeg:80", PIXELS, SHAPE)})
        buffer.append_batch({"image": smooth((2, *SHAPE))})
        buffer.append_batch({"image": rows_of_files(files[5:], "jpeg:80", PIXELS, SHAPE)})
        buffer.mark_segment_end()
        buffer.seal()
    with ReplayBuffer.load_from(str(tmp_path / "a.zarr")) as reader:
        found = reader[:]["image"]
        np.testing.assert_array_equal(np.delete(found, [5, 6], axis=0), decoded(files))
    shards = b"".join(path.read_bytes() for path in sorted((tmp_path / "a.zarr").rglob("c.*")))
    assert all(file in shards for file in files)


def test_colours_that_come_first_in_the_rows_do_not_in_the_files(tmp_path: Path) -> None:
    files, first = jpegs(4), (3, *SHAPE[:2])
    with ReplayBuffer.create(
        ZarrStorage, space(first), cache_path=str(tmp_path / "a.zarr"), codecs={"image": "jpeg"}
    ) as buffer:
        buffer.append_batch({"image": rows_of_files(files, "jpeg", PIXELS, first)})
        np.testing.assert_array_equal(buffer[:]["image"], decoded(files).transpose(0, 3, 1, 2))


def test_png_and_grey() -> None:
    picture = smooth(SHAPE[:2], "uint16")
    file = bytes(codecs().png_encode(picture))
    for shape in (SHAPE[:2], (*SHAPE[:2], 1)):
        rows = rows_of_files([file, file], "png", np.dtype(np.uint16), shape)
        assert (rows.shape, len(rows)) == ((2, *shape), 2)
        out = np.empty(picture.nbytes, np.uint8)
        chunk = ChunkShape(1, np.dtype(np.uint16), shape)
        make_codec(chain_of("png", chunk), chunk).decode(rows.pieces[1], out)
        assert out.tobytes() == picture.tobytes()


def test_other_files_are_refused_by_row() -> None:
    good = jpegs(1)[0]
    small = bytes(codecs().jpeg8_encode(smooth((24, 31, 3))))
    grey = bytes(codecs().jpeg8_encode(smooth(SHAPE[:2])))
    png = bytes(codecs().png_encode(smooth(SHAPE)))
    for wrong, reason in (
        (small, "a picture of 24 x 31, expected 24 x 32"),
        (grey, r"\(24, 32\)"),
        (png, "no JPEG signature"),
        (b"", "no JPEG"),
        (good[:50], "no JPEG frame header"),
    ):
        with pytest.raises(CodecError, match=rf"row 1: no jpeg file of uint8 \(24, 32, 3\): .*{reason}"):
            rows_of_files([good, wrong, good], "jpeg", PIXELS, SHAPE)
    with pytest.raises(CodecError, match="'zstd' stores no image files"):
        rows_of_files([good], "zstd", PIXELS, SHAPE)


def test_rows_that_claim_to_be_encoded_are_looked_at(tmp_path: Path) -> None:
    """Nothing stands in a store that is not at least a picture of the right size, with its checksum."""
    good = jpegs(1)[0]
    small = bytes(codecs().jpeg8_encode(smooth((24, 31, 3))))
    with ReplayBuffer.create(
        ZarrStorage, space(), cache_path=str(tmp_path / "a.zarr"), codecs={"image": "jpeg"}
    ) as buffer:
        buffer.append_batch({"image": rows_of_files([good], "jpeg", PIXELS, SHAPE)})
        before = buffer[:]["image"]
        for piece, reason in (
            (good, "checksum does not match"),
            (with_checksum(small), "a picture of 24 x 31, expected 24 x 32"),
            (with_checksum(b"noise"), "no JPEG signature"),
        ):
            rows = EncodedRows(PIXELS, SHAPE, [with_checksum(good), piece], [1, 1])
            with pytest.raises(CodecError, match=f"image: an encoded row that does not fit: {reason}"):
                buffer.append_batch({"image": rows})
        with pytest.raises(SpaceValueError, match="image"):
            buffer.append_batch({"image": EncodedRows(PIXELS, (24, 31, 3), [with_checksum(small)], [1])})
        assert len(buffer) == 1
        np.testing.assert_array_equal(buffer[:]["image"], before)
    with ReplayBuffer.create(
        ZarrStorage,
        space(),
        cache_path=str(tmp_path / "b.zarr"),
        codecs={"image": "zstd"},
        chunks={"image": 1},
    ) as buffer:
        with pytest.raises(CodecError, match="image: an encoded row that does not fit"):
            buffer.append_batch({"image": rows_of_files([good], "jpeg", PIXELS, SHAPE)})
        assert len(buffer) == 0


def test_without_a_checksum_a_chunk_is_the_file() -> None:
    chunk = ChunkShape(1, PIXELS, SHAPE)
    codec = make_codec([{"name": "imagecodecs_jpeg"}], chunk)
    assert isinstance(codec, ImageCodec)
    good = jpegs(1)[0]
    assert codec.adopt(good) == good
    codec.check_encoded(good)
