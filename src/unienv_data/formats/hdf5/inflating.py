"""Rows of gzip-compressed datasets, their chunks inflated by several threads.

HDF5 inflates one chunk at a time, whoever asks. Here chunks are fetched as they lie in the file, and inflated
beside each other, by libdeflate where imagecodecs brings it. What is not plainly so compressed, and whatever
goes wrong, is left to HDF5, which knows all cases and says what is damaged.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import MissingDependencyError
from unienv_data.formats.hdf5.datasets import OpenDataset
from unienv_data.store import pool
from unienv_interface._optional import import_optional

__all__ = ["inflate_rows"]

Inflate: TypeAlias = Callable[[bytes, int], Any]

_DEFLATE = 1
"""H5Z_FILTER_DEFLATE, of the HDF5 file format."""
_LEAST_BYTES = 1 << 20
_LEAST_CHUNK = 4096
_CHUNKS_A_THREAD = 4


def inflate_rows(dataset: OpenDataset, start: int, stop: int, out: NDArray[Any]) -> bool:
    """Read the rows from `start` to before `stop` into `out`, where that is worth it.

    Args:
        dataset: which.
        start: the first row.
        stop: the row after the last.
        out: (stop - start, *D), contiguous.

    Returns:
        Whether it has been done; what `out` holds otherwise means nothing.
    """
    if not _is_worth_it(dataset, start, stop, out):
        return False
    chunk, shape = dataset.chunks or (), dataset.shape
    first = start - start % chunk[0]
    grid = [range(first, stop, chunk[0])]
    grid += [range(0, length, step) for length, step in zip(shape[1:], chunk[1:], strict=True)]
    places = list(itertools.product(*grid))
    nbytes = int(np.prod(chunk, dtype=np.int64)) * out.dtype.itemsize
    inflate, fetch = _inflate(), dataset.id.read_direct_chunk

    def work(begin: int, end: int) -> None:
        for place in places[begin:end]:
            mask, packed = fetch(place)
            if mask:
                raise ValueError("a chunk that is not compressed")
            block = np.frombuffer(inflate(packed, nbytes), out.dtype).reshape(chunk)
            row, *rest = place
            from_row, to_row = max(start - row, 0), min(chunk[0], stop - row)
            sides = [
                (slice(at, min(at + step, length)), slice(0, min(step, length - at)))
                for at, step, length in zip(rest, chunk[1:], shape[1:], strict=True)
            ]
            target = (slice(row + from_row - start, row + to_row - start), *(side[0] for side in sides))
            out[target] = block[(slice(from_row, to_row), *(side[1] for side in sides))]

    try:
        pool.in_spans(work, len(places), least=_CHUNKS_A_THREAD)
    except (zlib.error, OSError, RuntimeError, ValueError, KeyError):
        return False
    return True


def _is_worth_it(dataset: OpenDataset, start: int, stop: int, out: NDArray[Any]) -> bool:
    chunk = dataset.chunks
    if chunk is None or out.nbytes < _LEAST_BYTES or dataset.dtype != out.dtype:
        return False
    if stop - start < min(2 * chunk[0], dataset.shape[0]):
        return False  # a chunk that two reads share would be inflated by each; HDF5 keeps it
    if int(np.prod(chunk, dtype=np.int64)) * out.dtype.itemsize < _LEAST_CHUNK:
        return False
    filters = dataset.id.get_create_plist()
    return bool(filters.get_nfilters() == 1 and filters.get_filter(0)[0] == _DEFLATE)


@cache
def _inflate() -> Inflate:
    try:
        codecs = import_optional("imagecodecs", extra="images")
        if codecs.DEFLATE.available:
            decode = codecs.deflate_decode
            return lambda packed, nbytes: decode(packed, out=nbytes)
    except (MissingDependencyError, AttributeError):
        pass  # zlib does as well, less fast
    return lambda packed, nbytes: zlib.decompress(packed, bufsize=nbytes)
