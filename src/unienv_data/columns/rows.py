"""Picking, spreading and joining rows of columns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData, Ragged, plain_rows

__all__ = ["flat_values", "pack", "ragged_of", "spread", "take"]


def ragged_of(values: NDArray[Any], shapes: NDArray[np.int64]) -> Ragged:
    """Ragged rows whose values, (M,), follow one another."""
    counts = shapes.prod(axis=1, dtype=np.int64)
    return Ragged(values, np.cumsum(counts) - counts, shapes)


def pack(arrays: Sequence[NDArray[Any]], dtype: np.dtype[Any], axes: int) -> Ragged:
    """One ragged row an array; each has `axes` axes."""
    shapes = np.array([array.shape for array in arrays], dtype=np.int64).reshape(len(arrays), axes)
    flat = [np.ascontiguousarray(array).reshape(-1) for array in arrays]
    return ragged_of(np.concatenate(flat) if flat else np.empty(0, dtype), shapes)


def flat_values(rows: Ragged) -> NDArray[Any]:
    """The values of all rows, one row after another, whether or not they share any."""
    counts = rows.counts
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    if len(rows.values) == total and np.array_equal(rows.starts[counts > 0], (ends - counts)[counts > 0]):
        return rows.values
    within = np.arange(total, dtype=np.int64) - np.repeat(ends - counts, counts)
    flat: NDArray[Any] = rows.values[np.repeat(rows.starts, counts) + within]
    return flat


def take(data: ColumnData, rows: NDArray[Any]) -> ColumnData:
    """Some of the rows, by number or by mask."""
    if isinstance(data, Ragged):
        return Ragged(data.values, data.starts[rows], data.shapes[rows])
    taken: NDArray[Any] = plain_rows(data)[rows]
    return taken


def spread(data: ColumnData, places: NDArray[np.int64], count: int) -> ColumnData:
    """The rows at `places` of `count`; zeros, or empty rows, elsewhere."""
    if isinstance(data, Ragged):
        starts = np.zeros(count, dtype=np.int64)
        shapes = np.zeros((count, data.shapes.shape[1]), dtype=np.int64)
        starts[places], shapes[places] = data.starts, data.shapes
        return Ragged(data.values, starts, shapes)
    out = np.zeros((count, *data.shape[1:]), dtype=data.dtype)
    out[places] = data
    return out
