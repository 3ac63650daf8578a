"""What specifications of image codecs become: names and configurations that others read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_imagecodecs
from unienv_data.errors import CodecError
from unienv_data.store.codecs import ChunkShape, chain_of, chunk_rows_of, is_lossless, make_codec, packing_of
from unienv_interface._optional import import_optional

RGB, GREY, RGBA, FIRST = (8, 9, 3), (8, 9), (8, 9, 4), (3, 8, 9)

UNDERSTOOD: list[tuple[str, tuple[int, ...], dict[str, Any], bool]] = [
    ("jpeg", RGB, {"level": 95, "subsampling": "420"}, False),
    ("jpeg:80", GREY, {"level": 80}, False),
    ("jpeg:1:444", RGB, {"level": 1, "subsampling": "444"}, False),
    ("jpeg:subsampling=422:quality=100", FIRST, {"level": 100, "subsampling": "422"}, False),
    ("png", GREY, {"level": 1}, True),
    ("png:level=9", RGBA, {"level": 9}, True),
    ("webp", RGB, {"lossless": True, "method": 2}, True),
    ("webp:lossless:6", RGBA, {"lossless": True, "method": 6, "hasalpha": True}, True),
    ("webp:80", RGB, {"level": 80.0, "lossless": False, "method": 4}, False),
    ("jpegxl", GREY, {"lossless": True, "effort": 2}, True),
    ("jpegxl:90:effort=3", FIRST, {"lossless": False, "level": 90, "effort": 3}, False),
    ("avif", RGB, {"speed": 8}, True),
    ("avif:60:10", GREY, {"level": 60, "speed": 10}, False),
    ("qoi", RGBA, {}, True),
]


@pytest.mark.parametrize(
    ("spec", "row", "expected", "lossless"), UNDERSTOOD, ids=[each[0] for each in UNDERSTOOD]
)
def test_understood(spec: str, row: tuple[int, ...], expected: dict[str, Any], lossless: bool) -> None:
    chain = list(chain_of(spec, ChunkShape(1, np.dtype(np.uint8), row)))
    picture: dict[str, Any] = {"name": f"imagecodecs_{spec.split(':')[0]}"}
    if expected:
        picture["configuration"] = expected
    turned = [{"name": "transpose", "configuration": {"order": [0, 2, 3, 1]}}] if row == FIRST else []
    assert chain == [*turned, picture, {"name": "crc32c"}]
    assert is_lossless(chain) is lossless
    assert chunk_rows_of(spec) == chunk_rows_of(chain) == 1
    assert packing_of(spec) == packing_of(chain)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("jpeg:0", "quality must be from 1 to 100, got '0'"),
        ("jpeg:lossless", "quality must be from 1 to 100, got 'lossless'"),
        ("jpeg:95:440", "subsampling must be 444, 422, 420, got '440'"),
        ("jpeg:95:444:1", "jpeg takes quality:subsampling"),
        ("jpeg:level=3", "jpeg takes quality:subsampling"),
        ("jpeg:95:quality=95", "jpeg takes quality:subsampling"),
        ("png:10", "level must be from 0 to 9, got '10'"),
        ("webp:100", "quality must be from 1 to 99, got '100'"),
        ("webp:80:7", "method must be from 0 to 6, got '7'"),
        ("jpegxl:90:0", "effort must be from 1 to 9, got '0'"),
        ("avif:90:11", "speed must be from 0 to 10, got '11'"),
        ("qoi:1", "qoi takes no arguments"),
    ],
)
def test_refused(spec: str, told: str) -> None:
    with pytest.raises(CodecError, match=told):
        chain_of(spec, ChunkShape(1, np.dtype(np.uint8), RGB))


@pytest.mark.parametrize(
    ("name", "configuration", "lossless"),
    [
        ("jpeg", {}, False),
        ("jpeg", {"lossless": True}, True),
        ("webp", {}, True),
        ("webp", {"level": 90.0}, True),
        ("webp", {"lossless": False}, False),
        ("jpegxl", {}, True),
        ("jpegxl", {"level": 100}, False),
        ("jpegxl", {"distance": 0.5}, False),
        ("jpegxl", {"lossless": True, "bitspersample": 6}, False),
        ("avif", {}, True),
        ("avif", {"level": 100}, True),
        ("avif", {"level": 99}, False),
        ("avif", {"pixelformat": "420"}, False),
    ],
)
def test_loss_of_configurations_that_others_write(
    name: str, configuration: dict[str, Any], lossless: bool
) -> None:
    assert is_lossless([{"name": f"imagecodecs_{name}", "configuration": configuration}]) is lossless


@requires_imagecodecs
@pytest.mark.parametrize(
    ("name", "settings"), [("jpegxl", {"lossless": True}), ("avif", {"speed": 10, "numthreads": 1})]
)
def test_animations_of_others_are_read(name: str, settings: dict[str, Any]) -> None:
    """imagecodecs.zarr takes what has four axes for frames that follow one another."""
    frames = np.random.default_rng(0).integers(0, 256, (2, 7, 5, 3), dtype=np.uint8)
    data = bytes(
        getattr(import_optional("imagecodecs", extra="images"), f"{name}_encode")(frames, **settings)
    )
    chunk = ChunkShape(1, frames.dtype, frames.shape)
    out = np.empty(chunk.nbytes, np.uint8)
    make_codec([{"name": f"imagecodecs_{name}"}], chunk).decode(data, out)
    assert out.tobytes() == frames.tobytes()
    for other in ((3, 7, 5, 3), (1, 7, 5, 3)):
        wrong = ChunkShape(1, frames.dtype, other)
        with pytest.raises(ValueError, match=r"."):
            make_codec([{"name": f"imagecodecs_{name}"}], wrong).decode(
                data, np.empty(wrong.nbytes, np.uint8)
            )
