"""Encoded images, against Pillow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.media.images import decode_image, image_kind

pytest.importorskip("imagecodecs")
Image = pytest.importorskip("PIL.Image")

NOISE = np.random.default_rng(0)
RGB = NOISE.integers(0, 256, (6, 8, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
DEPTH = NOISE.integers(0, 65536, (24, 32), dtype=np.uint16)


def encoded(pixels: NDArray[Any], kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("pixels", "kind", "options"),
    [
        (RGB, "PNG", {}),
        (RGB[..., 0], "PNG", {}),
        (np.dstack([RGB, RGB[..., 0]]), "PNG", {}),
        (DEPTH, "PNG", {}),
        (DEPTH, "TIFF", {}),
        (DEPTH, "TIFF", {"compression": "tiff_lzw"}),
        (DEPTH.astype(np.float32) / 7, "TIFF", {}),
    ],
)
def test_lossless(pixels: NDArray[Any], kind: str, options: dict[str, Any]) -> None:
    decoded = decode_image(encoded(pixels, kind, **options), "here")
    assert decoded.dtype == pixels.dtype
    assert decoded.ndim == 3
    np.testing.assert_array_equal(decoded, pixels.reshape(*pixels.shape[:2], -1))


def test_jpeg_is_what_pillow_makes_of_it() -> None:
    data = encoded(RGB, "JPEG", quality=90)
    assert image_kind(data) == "jpeg"
    np.testing.assert_array_equal(decode_image(data, "here"), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_damage(kind: str) -> None:
    data = encoded(RGB, kind)
    with pytest.raises(ConversionError, match=f"here: the {kind} image is damaged"):
        decode_image(data[:40], "here")


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PN"])
def test_other_things(data: bytes) -> None:
    assert image_kind(data) is None
    with pytest.raises(ConversionError, match=f"here: {len(data)} bytes that are not a PNG"):
        decode_image(data, "here")
