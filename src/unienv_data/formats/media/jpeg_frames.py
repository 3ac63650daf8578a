"""Frames that a source keeps as JPEG files: decoded, or stored as they came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns import EncodedRows
from unienv_data.errors import CodecError, ConversionError
from unienv_data.formats.base import EncodedForm
from unienv_data.store import pool
from unienv_data.store.codecs import ChunkShape, chain_of, rows_of_files
from unienv_data.store.codecs.images import image_codec
from unienv_data.store.codecs.images.headers import jpeg_size

__all__ = ["JPEG", "Files", "decoded_frames", "frame_shape", "is_jpeg", "jpeg_form", "kept_frames"]

JPEG = "jpeg:95"
"""The codec of columns that keep such files; frames that are appended later are encoded by it."""

Files: TypeAlias = Callable[[int], bytes]
"""The file of a row, by its number."""

_PIXELS = np.dtype(np.uint8)


def jpeg_form(file_bytes: int) -> EncodedForm:
    """How a column keeps files of about this size."""
    return EncodedForm(JPEG, 1, file_bytes)


def frame_shape(file: bytes, where: str) -> tuple[int, int, int]:
    """Height, width and channels that a JPEG file declares.

    Args:
        file: the whole file, or its beginning.
        where: its address, for messages.

    Raises:
        ConversionError: it is no JPEG, or its header is damaged.
    """
    try:
        height, width = jpeg_size(memoryview(file))
    except ValueError as exc:
        raise ConversionError(f"{where}: {len(file)} bytes that are not a JPEG image: {exc}") from exc
    return height, width, _channels(file)


def _channels(file: bytes) -> int:
    """ITU-T T.81, B.2.2: a frame header is its mark, length, precision, height, width, and this number."""
    place = 2
    while file[place + 1] == 0xFF or file[place + 1] not in _FRAME_MARKS:
        if file[place + 1] == 0xFF:
            place += 1
        else:
            place += 2 + int.from_bytes(file[place + 2 : place + 4], "big")
    return file[place + 9]


_FRAME_MARKS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def decoded_frames(
    files: Files, count: int, shape: tuple[int, ...], where: str, first: int = 0, reverse: bool = False
) -> NDArray[np.uint8]:
    """The frames (B, *shape), uint8, as libjpeg-turbo decodes them (Pillow and OpenCV do likewise).

    Args:
        files: the file of each row.
        count: how many rows (B).
        shape: of a frame: (H, W) or (H, W, C).
        where: the address of the rows, for messages.
        first: the first row's number there.
        reverse: whether the channels come in the opposite order, as OpenCV gives them.

    Raises:
        ConversionError: a file is damaged, of another size, or no JPEG.
        MissingDependencyError: imagecodecs is not installed.
    """
    chunk = ChunkShape(1, _PIXELS, shape)
    codec = image_codec(chain_of(JPEG, chunk), chunk)
    if codec is None:
        raise ConversionError(f"{where}: JPEG holds no frames of the shape {shape}")
    frames = np.empty((count, *shape), np.uint8)

    def decode(start: int, stop: int) -> None:
        for row in range(start, stop):
            try:
                codec.pictures.decode(memoryview(files(row)), frames[row].reshape(-1))
            except ValueError as exc:
                raise ConversionError(f"{where}, row {first + row}: a damaged JPEG image: {exc}") from exc

    pool.in_spans(decode, count, least=4)
    return np.ascontiguousarray(frames[..., ::-1]) if reverse else frames


def kept_frames(files: Files, count: int, shape: tuple[int, ...], where: str) -> EncodedRows:
    """The frames in the form of `jpeg_form`: the files as they are, each of which can be decoded.

    Raises:
        ConversionError: a file is damaged, of another size, or no JPEG.
        MissingDependencyError: imagecodecs is not installed.
    """
    try:
        return rows_of_files([files(row) for row in range(count)], JPEG, _PIXELS, shape)
    except CodecError as exc:
        raise ConversionError(f"{where}: a damaged JPEG image: {exc}") from exc


def is_jpeg(file: Any) -> bool:
    """Whether these bytes begin as JPEG files do."""
    return bytes(file[:3]) == b"\xff\xd8\xff"
