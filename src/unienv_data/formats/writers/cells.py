"""Rows of plain columns as Arrow arrays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unienv_data.store.platform import usable_cores
from unienv_interface._optional import import_optional

__all__ = ["IMAGE_TYPE", "arrow_type", "image_cells", "numbers"]

IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""A picture as Hugging Face's Image feature keeps it: the bytes of its file, or a path."""


def arrow_type(dtype: np.dtype[Any] | None, shape: tuple[int, ...], *, fixed: bool = True) -> pa.DataType:
    """Text, a number, or lists of numbers nested as deep as the shape.

    Args:
        dtype: NumPy's; None for text.
        shape: of a row.
        fixed: whether Arrow is to know the lists' lengths.
    """
    if dtype is None:
        return pa.string()
    type_: pa.DataType = pa.from_numpy_dtype(dtype)
    for size in reversed(shape):
        type_ = pa.list_(type_, size) if fixed else pa.list_(type_)
    return type_


def numbers(values: NDArray[Any], *, fixed: bool = True) -> pa.Array[Any]:
    """Rows (B, *D) of numbers, no axis of which is empty, or of texts (B,), as an array of `arrow_type`."""
    if values.dtype == object:
        return pa.array(values.tolist(), pa.string())
    flat: pa.Array[Any] = pa.array(np.ascontiguousarray(values).reshape(-1))
    shape = values.shape[1:]
    for depth in range(len(shape), 0, -1):
        size = shape[depth - 1]
        if fixed:
            flat = pa.FixedSizeListArray.from_arrays(flat, size)
        else:
            count = int(np.prod(values.shape[:depth], dtype=np.int64))
            offsets = pa.array(np.arange(count + 1, dtype=np.int32) * np.int32(size))
            flat = pa.ListArray.from_arrays(offsets, flat)
    return flat


def image_cells(frames: NDArray[Any]) -> pa.Array[Any]:
    """Frames (B, H, W, C) of uint8, one or three channels, as PNG files.

    Raises:
        MissingDependencyError: imagecodecs is not installed.
    """
    encode = import_optional("imagecodecs", extra="images").png_encode
    pictures = frames[..., 0] if frames.shape[-1] == 1 else frames

    def pack(picture: NDArray[Any]) -> bytes:
        return bytes(encode(np.ascontiguousarray(picture)))

    with ThreadPoolExecutor(usable_cores()) as pool:
        packed = list(pool.map(pack, pictures))
    return pa.StructArray.from_arrays(
        [pa.array(packed, pa.binary()), pa.nulls(len(packed), pa.string())], fields=list(IMAGE_TYPE)
    )
