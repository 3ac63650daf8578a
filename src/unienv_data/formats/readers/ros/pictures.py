"""Images in messages: sensor_msgs/Image and sensor_msgs/CompressedImage.

Source: sensor_msgs/image_encodings.hpp (encodings, OpenCV's type names), and image_transport's
compressed_depth: a header of 12 bytes before a PNG.
"""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.media.images import decode_image
from unienv_data.formats.media.jpeg_frames import frame_shape

__all__ = ["COMPRESSED", "RAW", "declared_shape", "decoded_file", "file_of", "is_depth_file", "pixels_of"]

RAW = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"

_DEPTH_HEADER = 12
_NAMED: dict[str, tuple[str, int, bool]] = {  # data type, channels, blue first
    "rgb8": ("u1", 3, False),
    "bgr8": ("u1", 3, True),
    "rgba8": ("u1", 4, False),
    "bgra8": ("u1", 4, True),
    "mono8": ("u1", 1, False),
    "rgb16": ("u2", 3, False),
    "bgr16": ("u2", 3, True),
    "rgba16": ("u2", 4, False),
    "bgra16": ("u2", 4, True),
    "mono16": ("u2", 1, False),
    **{f"bayer_{order}8": ("u1", 1, False) for order in ("rggb", "bggr", "gbrg", "grbg")},
    **{f"bayer_{order}16": ("u2", 1, False) for order in ("rggb", "bggr", "gbrg", "grbg")},
}
_TYPED = re.compile(r"(8|16|32|64)([USF])C([1-4]?)")
_TYPES = ("8U", "8S", "16U", "16S", "16F", "32S", "32F", "64F")
_LETTERS = {"U": "u", "S": "i", "F": "f"}


def pixels_of(message: Any, where: str) -> NDArray[Any]:
    """The pixels (H, W, C) of an Image, in its own data type; red comes first, whatever its encoding.

    Raises:
        ConversionError: the encoding is no array of pixels, or the data are too few.
    """
    code, channels, is_reversed = _layout(str(message.encoding), where)
    dtype = np.dtype(code).newbyteorder(">" if message.is_bigendian else "<")
    height, width, step = int(message.height), int(message.width), int(message.step)
    row = width * channels * dtype.itemsize
    data = np.asarray(message.data, np.uint8).reshape(-1)
    if step < row or len(data) < step * max(height - 1, 0) + row * bool(height):
        raise ConversionError(
            f"{where}: {len(data)} bytes with {step} a line, where an image of {height} x {width} x "
            f"{channels} "
            f"{dtype.name} needs {row} a line"
        )
    lines = np.zeros((height, step), np.uint8)
    lines.reshape(-1)[: min(len(data), lines.size)] = data[: lines.size]
    pixels = np.ascontiguousarray(lines[:, :row]).view(dtype).reshape(height, width, channels)
    if is_reversed:
        pixels = np.concatenate([pixels[..., 2::-1], pixels[..., 3:]], axis=2)
    return np.ascontiguousarray(pixels.astype(dtype.newbyteorder("=")))


def _layout(encoding: str, where: str) -> tuple[str, int, bool]:
    if encoding in _NAMED:
        return _NAMED[encoding]
    typed = _TYPED.fullmatch(encoding)
    if typed is None or f"{typed[1]}{typed[2]}" not in _TYPES:
        raise ConversionError(
            f"{where}: images of the encoding {encoding!r}; known are {', '.join(_NAMED)} and OpenCV's 8UC3, "
            f"16UC1, 32FC1 and the like"
        )
    return f"{_LETTERS[typed[2]]}{int(typed[1]) // 8}", int(typed[3] or 1), False


def file_of(message: Any) -> bytes:
    """The image file of a CompressedImage."""
    data = bytes(message.data)
    return data[_DEPTH_HEADER:] if is_depth_file(message) else data


def is_depth_file(message: Any) -> bool:
    """Whether a CompressedImage holds a depth map, behind a header of its own."""
    return "compressedDepth" in str(message.format)


def decoded_file(message: Any, where: str) -> NDArray[Any]:
    """The pixels (H, W, C) of a CompressedImage, as its file has them.

    Raises:
        ConversionError: it is damaged or of another kind; or it holds distances packed into fewer bits.
    """
    if is_depth_file(message) and "32FC1" in str(message.format):
        raise ConversionError(
            f"{where}: a depth map of 32FC1 packed with loss, which cannot be told from its file; leave it "
            "out"
        )
    return decode_image(file_of(message), where)


def declared_shape(data: bytes, where: str) -> tuple[tuple[int, int, int], np.dtype[Any]]:
    """The shape (H, W, C) and data type that an image file declares, without decoding it.

    Raises:
        ConversionError: it is no JPEG or PNG, or its header is damaged.
    """
    if not data.startswith(_PNG):
        return frame_shape(data, where), np.dtype(np.uint8)
    if len(data) < 26 or data[25] not in _PNG_CHANNELS:
        raise ConversionError(f"{where}: the PNG image has a damaged header")
    width, height = struct.unpack_from(">II", data, 16)
    return (height, width, _PNG_CHANNELS[data[25]]), np.dtype(np.uint16 if data[24] == 16 else np.uint8)


_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
"""Channels by the kind of colour in IHDR; a palette is of three."""
