"""Stores of encoded pictures: appended, reopened, compacted, copied, read by others, damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.registry import register_codec

from tests.conftest import requires_imagecodecs
from tests.unienv_data.store.codecs.images.pictures import LEAST_PSNR, SPECS, psnr, smooth
from unienv_data.columns.data import ColumnSpec
from unienv_data.errors import CodecError, CorruptDataError, MissingDependencyError, SpaceError
from unienv_data.schema.commit import BufferState, Commit
from unienv_data.store.codecs import ChunkShape, chain_of, make_codec
from unienv_data.store.codecs.images.zarr_codecs import CODECS
from unienv_data.store.commits import find_commit
from unienv_data.store.creation import NewStore, create_store
from unienv_data.store.layout import LayoutOptions, lay_out
from unienv_data.store.logstore import LogStore
from unienv_data.store.objects.local import LocalObjects

pytestmark = requires_imagecodecs

PATH = "storage"
SPACE = {"type": "BoxSpace", "shape": [], "dtype": "float32", "low": "-Infinity", "high": "Infinity"}
#: Colours last, colours first, two small frames in one, and numbers.
COLUMNS = (
    ColumnSpec("images/top", "box", np.dtype(np.uint8), (48, 64, 3)),
    ColumnSpec("images/first", "box", np.dtype(np.uint8), (3, 48, 64)),
    ColumnSpec("images/pair", "box", np.dtype(np.uint8), (2, 7, 5, 3)),
    ColumnSpec("state", "box", np.dtype(np.float32), (5,)),
)
IMAGES = [spec.name for spec in COLUMNS if spec.name.startswith("images/")]
ROWS = 21


def create(folder: Path, spec: str, **options: Any) -> LogStore:
    layout = LayoutOptions(codecs={"images/*": spec}, shards={"images/*": 8, "state": 8}, **options)
    new = NewStore("zarr", SPACE, COLUMNS, None, layout)
    return create_store(LocalObjects(folder), PATH, new, buffer=BufferState(), attributes={})


def rows(span: range) -> dict[str, Any]:
    return {
        spec.name: np.stack([smooth(spec.shape, "uint8", seed) for seed in span])
        if spec.name in IMAGES
        else np.arange(len(span) * 5, dtype=np.float32).reshape(-1, 5) + 5 * span.start
        for spec in COLUMNS
    }


def append(store: LogStore, span: range) -> None:
    start = store.length
    store.extend_length(len(span))
    store.set(range(start, start + len(span)), rows(span))


def newest(folder: Path) -> Commit:
    commit = find_commit(LocalObjects(folder), PATH)
    assert commit is not None
    return commit


def reopened(folder: Path, *, writable: bool = False) -> LogStore:
    return LogStore(LocalObjects(folder), newest(folder), COLUMNS, writable=writable)


def read(store: LogStore, index: Any = None) -> dict[str, Any]:
    wanted = range(store.length) if index is None else index
    return dict(store.get(wanted, tuple(spec.name for spec in COLUMNS)))


def check(found: dict[str, Any], spec: str, span: range = range(ROWS)) -> None:
    for name, wanted in rows(span).items():
        if spec in LEAST_PSNR and name in IMAGES:
            # Of noise-like 5 x 7 pixels little can be said, of frames what is stated.
            least = LEAST_PSNR[spec] if name == "images/top" else 20
            assert all(psnr(a, b) >= least for a, b in zip(found[name], wanted, strict=True)), name
        else:
            np.testing.assert_array_equal(found[name], wanted)


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize("spec", SPECS)
def test_frames_are_encoded_once_whatever_happens_to_them(tmp_path: Path, spec: str) -> None:
    store = create(tmp_path / "a", spec)
    append(store, range(3))
    first = read(store)
    check(first, spec, range(3))
    store.commit(BufferState(count=3, appended=3), force=True)
    append(store, range(3, 11))  # more than a shard of 8
    store.commit(BufferState(count=11, appended=11), force=True)
    same({name: values[:3] for name, values in read(store).items()}, first)
    store.abandon()  # as a crash does; the next writer takes the block over
    store = reopened(tmp_path / "a", writable=True)
    same({name: values[:3] for name, values in read(store).items()}, first)
    append(store, range(11, ROWS))
    expected = read(store)
    check(expected, spec)
    store.commit(BufferState(count=ROWS, appended=ROWS), force=True)
    same(read(store, np.array([20, 0, 7, 7, 13])), {n: v[[20, 0, 7, 7, 13]] for n, v in expected.items()})
    target = LocalObjects(tmp_path / "copy")
    store.copy_to(target, store.commit_read.buffer, {})
    copy = reopened(tmp_path / "copy")
    same(read(copy), expected)
    copy.close()
    store.compact(store.commit_read.buffer)
    same(read(store), expected)
    store.close(store.commit_read.buffer)
    store = reopened(tmp_path / "a")
    same(read(store), expected)
    described = {column.name: column for column in store.describe()}
    assert all(described[name].lossy is (spec in LEAST_PSNR) for name in IMAGES)
    assert all(described[name].chunk_rows == 1 for name in IMAGES)
    assert not described["state"].lossy
    assert described["images/top"].codec == spec
    read_by_zarr(tmp_path / "a", expected)


def read_by_zarr(folder: Path, expected: dict[str, Any]) -> None:
    for name, codec in CODECS.items():
        register_codec(name, codec)
    chosen = {f"codecs.{name}": f"{c.__module__}.{c.__qualname__}" for name, c in CODECS.items()}
    with zarr.config.set(chosen):
        group = zarr.open_group(folder / PATH / newest(folder).group, mode="r")
        for name, values in expected.items():
            np.testing.assert_array_equal(group[name][...], values)


@pytest.mark.parametrize("spec", ["jpeg", "png", "webp:80", "jpegxl", "avif", "qoi"])
def test_damaged_frames_are_told_by_file_and_row(tmp_path: Path, spec: str) -> None:
    store = create(tmp_path, spec)
    append(store, range(8))
    store.seal(store.commit_read.buffer)
    store.close()
    shard = tmp_path / PATH / newest(tmp_path).group / "images/top/c.0.0.0.0"
    whole = shard.read_bytes()
    codec_bytes = make_codec(*_chain(spec)).encode(rows(range(8))["images/top"][5:6])
    start = whole.index(codec_bytes)
    # The signature, the header, the pixels, their end, the checksum.
    for place in (0, 5, 12, len(codec_bytes) // 2, len(codec_bytes) - 9, len(codec_bytes) - 1):
        damaged = bytearray(whole)
        damaged[start + place] ^= 0x20
        shard.write_bytes(damaged)
        reader = reopened(tmp_path)
        with pytest.raises(
            CorruptDataError, match=r"c\.0\.0\.0\.0: rows 5 to 5 of images/top cannot be decoded"
        ):
            reader.get(range(8), ("images/top",))
        assert reader.get([0, 4, 6, 7], ("images/top",))["images/top"].shape == (4, 48, 64, 3)
        reader.close()
    shard.write_bytes(whole[: len(whole) // 2])
    reader = reopened(tmp_path)
    with pytest.raises(CorruptDataError, match=r"c\.0\.0\.0\.0"):
        reader.get(range(8), ("images/top",))
    reader.close()


def _chain(spec: str) -> tuple[Any, ChunkShape]:
    chunk = ChunkShape(1, COLUMNS[0].dtype, COLUMNS[0].shape)
    return chain_of(spec, chunk), chunk


def test_what_cannot_be_held_is_told_before_anything_is_written(tmp_path: Path) -> None:
    for spec, options, message in (
        ("jpeg:101", {}, "quality must be from 1 to 100, got '101'"),
        ("jpeg:95:411", {}, "subsampling must be 444, 422, 420, got '411'"),
        ("jpeg", {"chunks": {"images/top": 4}}, "images/top: codec 'jpeg': .* holds one row a chunk, not 4"),
        ("webp:best", {}, "quality must be from 1 to 99, got 'best'"),
        ("png:1:2", {}, "png takes level"),
        ("jpg", {}, "unknown codec 'jpg' in 'jpg'; known are avif, blosclz, gzip, jpeg, jpegxl"),
    ):
        with pytest.raises(CodecError, match=message):
            create(tmp_path / "new", spec, **options)
        assert not (tmp_path / "new").exists()
    numbers = [COLUMNS[-1]]
    with pytest.raises(
        CodecError, match=r"state: codec 'jpeg': float32 rows of shape \(5,\): jpeg holds uint8"
    ):
        lay_out(numbers, LayoutOptions(codecs={"state": "jpeg"}))
    with pytest.raises(SpaceError):
        lay_out(COLUMNS, LayoutOptions(codecs={"images/*": "png"}, chunks={"images/top": 0}))


def test_chains_in_zarrs_words(tmp_path: Path) -> None:
    chain = [{"name": "imagecodecs_jpeg", "configuration": {"level": 90}}, {"name": "crc32c"}]
    entries, _ = lay_out(COLUMNS[:1], LayoutOptions(codecs={"images/top": chain}))
    assert entries["images/top"].chunk_rows == 1
    assert entries["images/top"].lossy
    wrong = [{"name": "imagecodecs_jpeg", "configuration": {"levle": 90}}, {"name": "crc32c"}]
    with pytest.raises(CodecError, match="images/top: codec imagecodecs_jpeg: unknown configuration levle"):
        lay_out(COLUMNS[:1], LayoutOptions(codecs={"images/top": wrong}))
    with pytest.raises(CodecError, match=r"state: codec jpeg: rows of shape \(5,\) are no pictures"):
        lay_out(COLUMNS[-1:], LayoutOptions(codecs={"state": chain}))


def test_without_imagecodecs_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = create(tmp_path, "png")
    append(store, range(2))
    store.close(BufferState(count=2, appended=2))
    monkeypatch.setitem(__import__("sys").modules, "imagecodecs", None)
    hint = r"pip install 'unienv-data\[images\]'"
    with pytest.raises(MissingDependencyError, match=hint):
        lay_out(COLUMNS, LayoutOptions(codecs={"images/*": "jpeg"}))
    reader = reopened(tmp_path)
    assert len(reader.get(range(2), ("state",))["state"]) == 2  # other columns need no pictures
    with pytest.raises(MissingDependencyError, match=hint):
        reader.get(range(2), ("images/top",))
    reader.close()
