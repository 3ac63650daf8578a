"""Encoded still images (PNG, JPEG, TIFF) as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_interface._optional import import_optional

__all__ = ["decode_image", "image_kind"]

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
)


def image_kind(data: bytes) -> str | None:
    """`png`, `jpeg` or `tiff` by the first bytes; None for anything else."""
    return next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), None)


def decode_image(data: bytes, where: str) -> NDArray[Any]:
    """The pixels, (H, W, C) in the file's own dtype; a grey image has one channel.

    Args:
        data: the whole file.
        where: its address, for messages.

    Raises:
        ConversionError: it is damaged or of another kind.
        MissingDependencyError: imagecodecs is not installed.
    """
    codecs = import_optional("imagecodecs", extra="images")
    kind = image_kind(data)
    if kind is None:
        raise ConversionError(f"{where}: {len(data)} bytes that are not a PNG, JPEG or TIFF image")
    decode = {"png": codecs.png_decode, "jpeg": codecs.jpeg8_decode, "tiff": codecs.tiff_decode}[kind]
    try:
        pixels: NDArray[Any] = np.asarray(decode(data))
    except Exception as exc:  # each codec has an exception of its own, a RuntimeError or not
        raise ConversionError(f"{where}: the {kind.upper()} image is damaged: {exc}") from exc
    return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
