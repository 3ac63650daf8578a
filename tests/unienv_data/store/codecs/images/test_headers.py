"""What pictures declare of their size is read from their headers, and bounds what is decoded."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import requires_imagecodecs
from unienv_data.store.codecs import ChunkShape, chain_of, make_codec
from unienv_data.store.codecs.checked import with_checksum
from unienv_data.store.codecs.images import FORMATS
from unienv_interface._optional import import_optional

pytestmark = requires_imagecodecs

#: Forms that differ in where the size stands.
FORMS: list[tuple[str, dict[str, Any], int]] = [
    ("jpeg", {"level": 90}, 3),
    ("jpeg", {"level": 90}, 1),
    ("jpeg", {"optimize": True, "subsampling": "444"}, 3),
    ("png", {}, 1),
    ("png", {}, 4),
    ("webp", {"lossless": True}, 3),
    ("webp", {"lossless": False, "level": 50.0}, 3),
    ("webp", {"lossless": False, "level": 50.0}, 4),
    ("jpegxl", {"lossless": True}, 3),
    ("jpegxl", {"lossless": True, "usecontainer": True}, 3),
    ("jpegxl", {"level": 80}, 1),
    ("avif", {"level": 50, "speed": 10}, 3),
    ("qoi", {}, 3),
]
sizes = st.integers(1, 40) | st.sampled_from([8, 64, 96, 128, 256, 300])


def encoded(name: str, settings: dict[str, Any], shape: tuple[int, ...]) -> bytes:
    library = import_optional("imagecodecs", extra="images")
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    room = {"out": picture.nbytes + 9999} if name == "png" else {}  # imagecodecs' own is too small for some
    return bytes(getattr(library, f"{FORMATS[name].function}_encode")(picture, **settings, **room))


@given(st.sampled_from(FORMS), sizes, sizes)
def test_sizes_are_found(form: tuple[str, dict[str, Any], int], height: int, width: int) -> None:
    name, settings, channels = form
    shape = (height, width, channels) if channels > 1 else (height, width)
    data = encoded(name, settings, shape)
    assert FORMATS[name].size(memoryview(data)) == (height, width)


@pytest.mark.parametrize("ratio", [(1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1)])
def test_sizes_of_common_proportions(ratio: tuple[int, int]) -> None:
    for height in (90, 120, 240, 1080):
        shape = (height, height * ratio[0] // ratio[1])
        assert FORMATS["jpegxl"].size(memoryview(encoded("jpegxl", {"effort": 1}, shape))) == shape


@pytest.mark.parametrize(("name", "settings", "channels"), FORMS)
def test_half_a_header_is_a_value_error(name: str, settings: dict[str, Any], channels: int) -> None:
    data = encoded(name, settings, (7, 5, channels) if channels > 1 else (7, 5))
    assert not any(FORMATS[other].size is FORMATS[name].size for other in FORMATS if other != name)
    seen = 0
    for length in range(len(data)):
        try:
            assert FORMATS[name].size(memoryview(data[:length])) == (7, 5)
        except ValueError:
            seen = length
    assert seen > 3
    for wrong in (
        b"",
        bytes(64),
        b"\xff" * 64,
        b"\x00\x00\x00\x00meta" * 9,
        b"\xff\xd8" + b"\xff\xe0\x00\x00" * 9,
    ):
        with pytest.raises(ValueError, match=r"."):
            FORMATS[name].size(memoryview(wrong))


def _lies() -> dict[str, bytes]:
    """Pictures of 7 x 5 pixels that say that they are enormous."""
    jpeg, png, qoi = (
        encoded("jpeg", {}, (7, 5, 3)),
        encoded("png", {}, (7, 5, 3)),
        encoded("qoi", {}, (7, 5, 3)),
    )
    webp, avif = encoded("webp", {"lossless": True}, (7, 5, 3)), encoded("avif", {}, (7, 5, 3))
    frame = jpeg.index(b"\xff\xc0")
    ispe = avif.index(b"ispe")
    wide = (16382 | 16382 << 14).to_bytes(4, "little")
    # Not small, both lengths by 30 bits, no common proportion.
    bits, place = 0, 0
    for value, count in ((0, 1), (3, 2), (99_999, 30), (0, 3), (3, 2), (99_999, 30)):
        bits, place = bits | value << place, place + count
    return {
        "jpeg": jpeg[: frame + 5] + struct.pack(">HH", 65500, 65500) + jpeg[frame + 9 :],
        "png": png[:16] + struct.pack(">II", 1 << 30, 1 << 30) + png[24:],
        "webp": webp[:21] + wide + webp[25:],
        "jpegxl": b"\xff\x0a" + bits.to_bytes(16, "little"),
        "avif": avif[: ispe + 8] + struct.pack(">II", 30000, 30000) + avif[ispe + 16 :],
        "qoi": qoi[:4] + struct.pack(">II", 1 << 31, 1 << 31) + qoi[12:],
    }


@pytest.mark.parametrize("name", list(FORMATS))
def test_no_decoder_is_handed_a_picture_that_says_it_is_larger(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk = ChunkShape(1, np.dtype(np.uint8), (7, 5, 3))
    codec: Any = make_codec(chain_of(name, chunk), chunk)
    handed = []
    monkeypatch.setattr(codec.pictures, "_decode", lambda *a, **k: handed.append(a))
    lie = with_checksum(_lies()[name])
    with pytest.raises(ValueError, match=r"a picture of \d{5,} x \d{5,}, expected 7 x 5"):
        codec.decode(lie, np.empty(chunk.nbytes, np.uint8))
    assert handed == []


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("shape", [(5, 7, 3), (7, 6, 3), (14, 5, 3)])
def test_another_size_is_told(name: str, shape: tuple[int, ...]) -> None:
    wanted, other = (ChunkShape(1, np.dtype(np.uint8), each) for each in ((7, 5, 3), shape))
    data = make_codec(chain_of(name, other), other).encode(np.zeros(other.full, np.uint8))
    with pytest.raises(ValueError, match=f"a picture of {shape[0]} x {shape[1]}, expected 7 x 5"):
        make_codec(chain_of(name, wanted), wanted).decode(data, np.empty(wanted.nbytes, np.uint8))


@pytest.mark.parametrize("name", ["jpeg", "png", "jpegxl", "avif"])
def test_other_channels_are_told(name: str) -> None:
    wanted, grey = (ChunkShape(1, np.dtype(np.uint8), each) for each in ((7, 5, 3), (7, 5)))
    data = make_codec(chain_of(name, grey), grey).encode(np.zeros(grey.full, np.uint8))
    with pytest.raises(ValueError, match=r"\(7, 5\)"):
        make_codec(chain_of(name, wanted), wanted).decode(data, np.empty(wanted.nbytes, np.uint8))
