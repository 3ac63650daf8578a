"""Every image codec passes the suite of codecs, and keeps what it says that it keeps."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import requires_imagecodecs
from tests.unienv_data.store.codecs.images.pictures import LEAST_PSNR, ROWS, SPECS, psnr, smooth
from unienv_data.errors import CodecError
from unienv_data.store.codecs import ChunkCodec, ChunkShape, chain_of, is_lossless, make_codec
from unienv_data.store.codecs.images import ImageCodec
from unienv_data.testing.codec_tests import CodecTests

pytestmark = requires_imagecodecs


def fits(spec: str, dtype: str, shape: tuple[int, ...]) -> bool:
    """Whether a codec holds such rows: a table of its own, from what the formats' standards say."""
    holds = {
        "jpeg": ("uint8", {1, 3}),
        "png": ("uint8 uint16", {1, 2, 3, 4}),
        "webp": ("uint8", {3, 4}),
        "jpegxl": ("uint8 uint16", {1, 2, 3, 4}),
        "avif": ("uint8", {1, 3}),
        "qoi": ("uint8", {3, 4}),
    }
    dtypes, channels = holds[spec.split(":")[0]]
    last, third = (shape[-1], shape[-3]) if len(shape) > 2 else (5, 0)
    count = last if last <= 4 else 3 if third == 3 else 1
    return dtype in dtypes.split() and count in channels


def held(spec: str) -> list[tuple[int, str, tuple[int, ...]]]:
    return [(1, dtype, row) for dtype in ("uint8", "uint16") for row in ROWS if fits(spec, dtype, row)]


class OfSpec(CodecTests):
    """The suite for one specification."""

    spec: ClassVar[str] = ""

    def make_codec(self, chunk: ChunkShape) -> ChunkCodec:
        codec = make_codec(chain_of(self.spec, chunk), chunk)
        assert isinstance(codec, ImageCodec)
        return codec

    def contents(self, chunk: ChunkShape) -> list[NDArray[Any]]:
        opaque = super().contents(chunk)[-1].copy()
        opaque[..., -1] = np.iinfo(chunk.dtype).max
        return [*super().contents(chunk), opaque]

    def test_what_it_says_of_itself_is_true(self, chunk: ChunkShape) -> None:
        codec, chain = self.make_codec(chunk), chain_of(self.spec, chunk)
        assert is_lossless(chain) is self.lossless
        assert chain[-1]["name"] == "crc32c"
        # Colours that come first are brought behind; nothing else is turned.
        turned = len(chunk.shape) > 2 and chunk.shape[-3] == 3 and chunk.shape[-1] > 4
        assert (chain[0]["name"] == "transpose") is turned
        content = smooth(chunk.full, chunk.dtype.name)
        found = self.decoded(codec, codec.encode(content)).view(chunk.dtype).reshape(chunk.full)
        if self.lossless:
            np.testing.assert_array_equal(found, content)
        elif chunk.shape == (48, 64, 3):
            assert LEAST_PSNR[self.spec] <= psnr(content, found) < 70


for _spec in SPECS:
    _name = "Test" + _spec.title().replace(":", "_")
    _members = {"spec": _spec, "lossless": _spec not in LEAST_PSNR, "chunks": held(_spec)}
    globals()[_name] = type(_name, (OfSpec,), _members)


@pytest.mark.parametrize("spec", SPECS)
def test_other_pictures_are_refused_by_name(spec: str) -> None:
    for dtype in ("uint8", "uint16", "float32", "bool", "int8"):
        for row in ROWS:
            if not fits(spec, dtype, row):
                chunk = ChunkShape(1, np.dtype(dtype), row)
                with pytest.raises(CodecError, match=rf"codec '{spec}': {dtype} rows of shape .* holds"):
                    chain_of(spec, chunk)


@pytest.mark.parametrize("spec", SPECS)
def test_rows_that_are_no_pictures_are_refused(spec: str) -> None:
    for row in ((), (3,), (224,)):
        with pytest.raises(CodecError, match=r"expected \(H, W\)"):
            chain_of(spec, ChunkShape(1, np.dtype(np.uint8), row))


def test_two_rows_are_no_picture() -> None:
    with pytest.raises(CodecError, match="jpeg holds one row a chunk, not 2"):
        chain_of("jpeg", ChunkShape(2, np.dtype(np.uint8), (8, 8, 3)))


@pytest.mark.parametrize(("spec", "longest"), [("jpeg", 65500), ("webp", 16383), ("avif", 32768)])
def test_sides_are_limited(spec: str, longest: int) -> None:
    chain_of(spec, ChunkShape(1, np.dtype(np.uint8), (longest, 1, 3)))
    for row in ((longest + 1, 1, 3), (1, longest + 1, 3), (2, longest // 2 + 1, 1, 3)):
        with pytest.raises(CodecError, match=f"at most {longest} a side"):
            chain_of(spec, ChunkShape(1, np.dtype(np.uint8), row))


@pytest.mark.parametrize("spec", ["jpeg", "png", "webp"])
def test_empty_rows_are_pictures_of_which_none_is_encoded(spec: str) -> None:
    chunk = ChunkShape(1, np.dtype(np.uint8), (0, 5, 3))
    assert make_codec(chain_of(spec, chunk), chunk).chunk.nbytes == 0


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("lines", [1, 3, 120])
@pytest.mark.parametrize("columns", [1, 3, 120])
def test_noise_of_any_proportions(spec: str, lines: int, columns: int) -> None:
    """Nothing to compress, and much beside the pixels: some encoders run out of room."""
    for row, dtype in (
        ((lines, columns), "uint16"),
        ((lines, columns), "uint8"),
        ((lines, columns, 3), "uint8"),
    ):
        if fits(spec, dtype, row):
            chunk = ChunkShape(1, np.dtype(dtype), row)
            codec = make_codec(chain_of(spec, chunk), chunk)
            content = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, chunk.full, dtype=dtype)
            out = np.empty(chunk.nbytes, np.uint8)
            codec.decode(codec.encode(content), out)
            assert spec in LEAST_PSNR or out.tobytes() == content.tobytes()


@pytest.mark.parametrize("spec", SPECS)
def test_without_a_checksum_damage_is_at_least_no_crash(spec: str) -> None:
    """Damage in every region is refused, or fills what was to be filled and no more."""
    chunk = ChunkShape(1, np.dtype(np.uint8), (16, 24, 3))
    codec = make_codec(chain_of(spec, chunk)[:-1], chunk)
    data = codec.encode(smooth(chunk.full))
    damaged = [data[:length] for length in range(0, len(data), max(len(data) // 40, 1))]
    for bit in range(0, 8 * len(data), max(len(data) // 20, 1)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(flipped))
    refused = 0
    for each in damaged:
        around = np.full(chunk.nbytes + 64, 0x5A, dtype=np.uint8)
        try:
            codec.decode(each, around[32:-32])
        except ValueError:
            refused += 1
        assert (around[:32] == 0x5A).all()
        assert (around[-32:] == 0x5A).all()
    assert refused >= 1  # QOI has nothing to tell damage by but its header
