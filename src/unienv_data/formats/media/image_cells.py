"""Columns of encoded images: a cell is the bytes of an image file, or a struct of these and a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unienv_data.columns import EncodedRows
from unienv_data.errors import ConversionError, MissingDependencyError
from unienv_data.formats.base import EncodedForm
from unienv_data.formats.media.images import decode_image, image_kind
from unienv_data.formats.media.jpeg_frames import frame_shape, jpeg_form, kept_frames
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.arrow import array_space
from unienv_data.store.codecs.images.headers import png_size
from unienv_interface.space.space import AnySpace

__all__ = ["ImageCells", "image_cells", "is_image_type"]


@dataclass(frozen=True)
class ImageCells:
    """A column of encoded images.

    Args:
        name: the column.
        shape: of a frame, (H, W, C).
        dtype: of its values.
        lossy: `jpeg` where the first image is one.
        file_bytes: what the first image weighs.
    """

    name: str
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    lossy: str | None
    file_bytes: int = 0

    @property
    def space(self) -> AnySpace:
        """One row's value, (H, W, C)."""
        return array_space(self.dtype, self.shape)

    @property
    def encoded(self) -> EncodedForm | None:
        """How the images can be stored as they are: JPEG files can."""
        is_kept = self.lossy == "jpeg" and self.dtype == np.uint8 and self.shape[2] in (1, 3)
        return jpeg_form(self.file_bytes) if is_kept else None

    def decoded(self, cells: pa.ChunkedArray[Any], source: Source, where: str) -> NDArray[Any]:
        """The pixels (B, H, W, C).

        Args:
            cells: of the rows.
            source: where image files that are only named lie.
            where: the rows' address, for messages.

        Raises:
            ConversionError: an image is missing, damaged, or of another size than the first.
            MissingDependencyError: imagecodecs is not installed.
        """
        images = np.empty((len(cells), *self.shape), self.dtype)
        for row, cell in enumerate(cells):
            address = f"{where}: {self.name}, row {row} of those read"
            pixels = decode_image(_image_bytes(cell, source, address), address)
            if pixels.shape != self.shape or pixels.dtype != self.dtype:
                raise ConversionError(
                    f"{address}: an image of {pixels.dtype} {pixels.shape}, where {self.dtype} "
                    f"{self.shape} is expected"
                )
            images[row] = pixels
        return images

    def kept(self, cells: pa.ChunkedArray[Any], source: Source, where: str) -> EncodedRows:
        """The same images as they are encoded.

        Raises:
            ConversionError: an image is missing, damaged, of another size than the first, or no JPEG.
            MissingDependencyError: imagecodecs is not installed.
        """
        address = f"{where}: {self.name}"
        files = [_image_bytes(cell, source, address) for cell in cells]
        return kept_frames(files.__getitem__, len(files), self.shape, address)


def is_image_type(type_: pa.DataType) -> bool:
    """Whether Arrow cells of this type hold encoded images."""
    if pa.types.is_struct(type_):
        return any(type_.field(place).name in ("bytes", "path") for place in range(type_.num_fields))
    return bool(pa.types.is_binary(type_) or pa.types.is_large_binary(type_))


def image_cells(
    name: str, first: pa.ChunkedArray[Any], source: Source, declared: tuple[int, int, int] | None = None
) -> ImageCells:
    """The column of encoded images.

    Args:
        name: the column.
        first: the first image's cell, or none: what is in it goes before what is said of it.
        source: where image files that are only named lie.
        declared: the shape that the metadata gives.

    Raises:
        ConversionError: the first image is missing or damaged, or there is none and nothing says its shape.
    """
    shape, dtype, lossy, file_bytes = declared, np.dtype(np.uint8), None, 0
    for cell in first:
        where = source.where(name)
        data = _image_bytes(cell, source, where)
        lossy, file_bytes = ("jpeg" if image_kind(data) == "jpeg" else None), len(data)
        try:
            pixels = decode_image(data, where)
        except MissingDependencyError:
            # The facts can be told without; whoever converts this column is told what to install.
            if declared is None:
                shape, dtype = _header(data, where)
        else:
            shape, dtype = pixels.shape, pixels.dtype
    if shape is None:
        raise ConversionError(f"{source.where(name)}: there is no image, so that their size is not known")
    return ImageCells(name, shape, dtype, lossy, file_bytes)


def _header(data: bytes, where: str) -> tuple[tuple[int, int, int], np.dtype[Any]]:
    """What the beginning of a file says of the pixels. Source for PNG: ISO 15948, 11.2.1 (IHDR)."""
    if image_kind(data) == "jpeg":
        return frame_shape(data, where), np.dtype(np.uint8)
    if image_kind(data) != "png" or len(data) < _PNG_HEADER or data[25] not in _PNG_CHANNELS:
        raise ConversionError(f"{where}: an image whose size cannot be told without imagecodecs")
    height, width = png_size(memoryview(data))
    return (height, width, _PNG_CHANNELS[data[25]]), np.dtype(np.uint16 if data[24] == 16 else np.uint8)


_PNG_HEADER = 33
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}


def _image_bytes(cell: pa.Scalar[Any], source: Source, where: str) -> bytes:
    value = cell.as_py()
    data = value.get("bytes") if isinstance(value, dict) else value
    if data:
        return bytes(data)
    path = value.get("path") if isinstance(value, dict) else None
    if not path:
        raise ConversionError(f"{where}: there is no image (neither bytes nor a path)")
    name = str(path).replace("\\", "/")
    if name not in source.files:
        raise ConversionError(f"{where}: the image file {name} is not in the dataset")
    return source.read(name)
