"""Image files as rows: stored as they came, without a second loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from unienv_data.columns.data import EncodedRows
from unienv_data.errors import CodecError
from unienv_data.store import pool
from unienv_data.store.codecs.base import ChunkShape
from unienv_data.store.codecs.images import image_codec
from unienv_data.store.codecs.spec import CodecSpec, chain_of

__all__ = ["rows_of_files"]


def rows_of_files(
    files: Sequence[bytes], spec: CodecSpec, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> EncodedRows:
    """Image files as rows of a column whose codec is their format, to be appended in place of arrays.

    Every file is decoded once, by the decoder that reads it later: what is taken can be read. Its quality and
    subsampling need not be those of the column's codec, which are for frames that come as arrays.

    Args:
        files: whole files, a row each.
        spec: the column's codec, such as `jpeg:95`.
        dtype: the column's data type.
        shape: of a row; colours may come first, though they do not in the files.

    Raises:
        CodecError: the codec stores no images; or a file is of another format or size, has other channels or
            is damaged: names the row.
        MissingDependencyError: imagecodecs is not installed.
    """
    chunk = ChunkShape(1, dtype, shape)
    codec = image_codec(chain_of(spec, chunk), chunk)
    if codec is None:
        raise CodecError(f"codec {spec!r} stores no image files as they come: expected one such as jpeg")

    def adopted(number: int) -> bytes:
        try:
            return codec.adopt(files[number])
        except ValueError as exc:
            raise CodecError(
                f"row {number}: no {codec.pictures.format.name} file of {dtype} {shape}: {exc}"
            ) from exc

    return EncodedRows(dtype, shape, pool.map_threaded(adopted, range(len(files))), [1] * len(files))
