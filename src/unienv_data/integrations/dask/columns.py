"""The columns of a batch as Dask arrays, of which nothing is read before it is computed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from unienv_data.base import BatchBase
from unienv_data.base.paths import Path, leaves, resolve_path, subspace
from unienv_interface.space.space import AnySpace

__all__ = ["to_dask"]

AnyBatch = BatchBase[Any, Any, Any, Any, Any]


def to_dask(batch: AnyBatch, columns: Sequence[str | Sequence[Any]] | None = None) -> dict[str, da.Array]:
    """Lazy arrays of a batch's columns, chunked along rows as these are stored: each shard is read once.

    Rows are those that the batch has now. Arrays pickle where the batch does: buffers that were opened for
    reading, local or remote, and views of them; so they can be computed by a cluster whose workers see the
    dataset under the same address.

    Args:
        batch: a buffer or any view.
        columns: which columns, or groups of them, as `observation/state` or as keys; all by default.

    Returns:
        Path, as `observation/state` -> array (N, *D) of NumPy's dtype; texts and other rows of varying size
        as object arrays (N,). A batch whose rows are no mapping has one column, "".

    Raises:
        PathError: there is no such column.

    Example:
        >>> images = to_dask(buffer, ["observation/image"])["observation/image"]  # doctest: +SKIP
        >>> images.mean(axis=(0, 1, 2)).compute()  # doctest: +SKIP
    """
    space = batch.single_space
    chosen = [()] if columns is None else [resolve_path(space, keys) for keys in columns]
    paths = dict.fromkeys(path for group in chosen for path, _ in leaves(subspace(space, group), group))
    return {"/".join(map(str, path)): _lazy(batch, path, subspace(space, path)) for path in paths}


def _lazy(batch: AnyBatch, path: Path, space: AnySpace) -> da.Array:
    keys: Sequence[Any] = path
    column = _Column(batch.get_column(keys), space)
    chunks = (_row_chunks(batch, path), *((length,) for length in column.shape[1:]))
    name = f"unienv-data-{'-'.join(map(str, path))}-{secrets.token_hex(8)}"
    from_array: Any = da.from_array  # untyped
    lazy: da.Array = from_array(column, chunks=chunks, name=name, asarray=True, meta=column.nothing)
    return lazy


class _Column:
    """A column as Dask takes it: an array that is read as it is indexed.

    Args:
        rows: the rows of the column alone.
        space: one of them.
    """

    def __init__(self, rows: AnyBatch, space: AnySpace) -> None:
        self._rows = rows
        is_fixed = space.shape is not None and space.dtype is not None
        shape = tuple(space.shape or ()) if is_fixed else ()
        dtype = np.dtype(space.backend.dtype_name(space.dtype)) if is_fixed else np.dtype(object)
        self.shape = (len(rows), *shape)
        self.dtype = dtype
        self.ndim = len(self.shape)
        self._is_fixed = is_fixed

    @property
    def nothing(self) -> NDArray[Any]:
        """An array of no rows."""
        return np.empty((0,) * self.ndim, dtype=self.dtype)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        first, *rest = index if isinstance(index, tuple) else (index,)
        rows = self._rows.get_at(first)
        array: NDArray[Any] = self._rows.backend.to_numpy(rows) if self._is_fixed else rows
        return array[(slice(None), *rest)] if rest else array


def _row_chunks(batch: AnyBatch, path: Path) -> tuple[int, ...]:
    """How many rows each chunk has: stretches of one shard, joined where they are much shorter than most."""
    length = len(batch)
    if not length:
        return (0,)
    blocks = batch._blocks([path])
    starts, counts = np.sort(blocks.starts), blocks.counts
    least = int(counts.max()) // 2
    edges = [0]
    for start in starts.tolist():
        if start - edges[-1] >= max(least, 1):
            edges.append(start)
    if length - edges[-1] < least and len(edges) > 1:
        edges.pop()
    return tuple(np.diff([*edges, length]).tolist())
