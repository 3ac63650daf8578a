"""Any index -> the rows that it addresses. Pure functions, no I/O.

Every read and write of rows resolves its index here, so that all batches understand the same indexes: an
integer gives one sample; a slice, `...`, a range, a list or tuple of integers, or a 1-D array of integers or
booleans of any backend gives a batch. Negative integers count from the end.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import IndexOutOfRangeError, InvalidIndexError
from unienv_interface.backends.registry import get_backend_from_tensor

__all__ = ["IndexableType", "RowIndex", "Rows", "ascending", "chunked", "resolve_index", "row_array"]

IndexableType: TypeAlias = int | slice | EllipsisType | range | Sequence[int] | NDArray[Any]
"""The indexes of every batch; arrays of its own backend come beside them."""

RowIndex: TypeAlias = range | NDArray[np.int64]
"""Rows by number, none negative, each within the length: a range where they are evenly spaced."""

_ACCEPTED = "an integer, a slice, '...', a range, a list of integers, or a 1-D array of integers or booleans"


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """The rows that an index addresses.

    Attributes:
        rows: which rows, in the order of the index; an array may share memory with the index.
        is_scalar: the index was one integer: one sample is meant, not a batch of one.
    """

    rows: RowIndex
    is_scalar: bool

    def __len__(self) -> int:
        return len(self.rows)


def resolve_index(index: Any, length: int) -> Rows:
    """The rows of `length` that `index` addresses.

    Args:
        index: an integer (also a NumPy integer or a 0-d integer array), a slice, `...`, a range, a list or
            tuple of integers, a 1-D integer array, or a mask: a list or 1-D array of `length` booleans. An
            empty list is a batch of no rows.
        length: how many rows there are.

    Raises:
        IndexOutOfRangeError: an integer addresses no row.
        InvalidIndexError: `index` is none of the above (a float, a single boolean, an array of more
            dimensions), or a mask of another length.

    Example:
        >>> resolve_index(-1, 10)
        Rows(rows=range(9, 10), is_scalar=True)
        >>> resolve_index(slice(None, None, 4), 10).rows
        range(0, 10, 4)
        >>> resolve_index([3, -1], 10).rows
        array([3, 9])
    """
    if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
        return _scalar(int(index), length)
    if isinstance(index, slice):
        return Rows(_sliced(index, length), False)
    if index is Ellipsis:
        return Rows(range(length), False)
    if isinstance(index, range):
        return Rows(_ranged(index, length), False)
    if isinstance(index, (list, tuple)):
        return Rows(_listed(index, length), False)
    if hasattr(index, "dtype") and hasattr(index, "ndim"):
        return _arrayed(_as_numpy(index), length)
    if hasattr(index, "__index__") and not isinstance(index, bool):
        return _scalar(operator.index(index), length)
    raise InvalidIndexError(f"{_describe(index)} is not an index: expected {_ACCEPTED}")


def row_array(rows: RowIndex) -> NDArray[np.int64]:
    """`rows` as an int64 array (n,)."""
    if isinstance(rows, range):
        return np.arange(rows.start, rows.stop, rows.step, dtype=np.int64)
    return rows


def ascending(rows: RowIndex) -> RowIndex:
    """`rows` in ascending order, each once."""
    if isinstance(rows, range):
        return rows if rows.step > 0 else rows[::-1]
    # np.unique hashes integers since NumPy 2.3: a hundred times slower where they are nearly in order.
    ordered = np.sort(rows, kind="stable")
    distinct: NDArray[np.int64] = ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]
    return distinct


def chunked(rows: RowIndex, size: int) -> Iterator[RowIndex]:
    """`rows` in consecutive parts of at most `size`.

    Raises:
        ValueError: `size` is not positive.
    """
    if size < 1:
        raise ValueError(f"a chunk must hold at least one row, got a size of {size}")
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _scalar(index: int, length: int) -> Rows:
    if not -length <= index < length:
        raise _out_of_range(index, length)
    row = index + length if index < 0 else index
    return Rows(range(row, row + 1), True)


def _sliced(index: slice, length: int) -> range:
    try:
        return range(length)[index]
    except (TypeError, ValueError) as exc:
        raise InvalidIndexError(f"{index!r} is not an index: {exc}") from exc


def _ranged(index: range, length: int) -> RowIndex:
    if not index:
        return range(0)
    low, high = min(index[0], index[-1]), max(index[0], index[-1])
    if low < -length or high >= length:
        raise _out_of_range(low if low < -length else high, length)
    if low >= 0:
        return index
    if high < 0:
        return range(index.start + length, index.stop + length, index.step)
    return _wrapped(row_array(index), length)


def _listed(index: Sequence[Any], length: int) -> RowIndex:
    if not index:
        return range(0)
    kinds = set(map(type, index))
    if kinds <= {bool, np.bool_}:
        return _masked(np.array(index, dtype=np.bool_), length)
    if not kinds <= {int}:
        index = [_element(item, position) for position, item in enumerate(index)]
    try:
        return _wrapped(np.array(index, dtype=np.int64), length)
    except OverflowError:
        worst = next(item for item in index if not -length <= item < length)
        raise _out_of_range(worst, length) from None


def _element(item: Any, position: int) -> int:
    """One integer of a list."""
    is_boolean = isinstance(item, bool) or str(getattr(item, "dtype", "")).endswith("bool")
    if not is_boolean and hasattr(item, "__index__") and not getattr(item, "ndim", 0):
        try:
            return operator.index(item)
        except TypeError:  # a 0-d array of floats has the method and refuses
            pass
    raise InvalidIndexError(f"element {position} of the index is {_describe(item)}: expected an integer")


def _arrayed(index: NDArray[Any], length: int) -> Rows:
    if index.ndim == 0 and index.dtype.kind in "iu":
        return _scalar(int(index), length)
    if index.ndim == 1 and index.dtype.kind == "b":
        return Rows(_masked(index, length), False)
    if index.ndim == 1 and index.dtype.kind in "iu":
        return Rows(_wrapped(index, length), False)
    raise InvalidIndexError(f"{_describe(index)} is not an index: expected {_ACCEPTED}")


def _masked(mask: NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    if len(mask) != length:
        raise InvalidIndexError(f"a mask of {len(mask)} booleans cannot index {length} rows")
    return np.flatnonzero(mask).astype(np.int64, copy=False)


def _wrapped(index: NDArray[Any], length: int) -> NDArray[np.int64]:
    """A 1-D integer array with the negative ones counted from the end."""
    if not len(index):
        return np.empty(0, dtype=np.int64)
    # Compared as Python integers: uint64 beyond int64 must not wrap around first.
    low, high = int(index.min()), int(index.max())
    if low < -length or high >= length:
        raise _out_of_range(low if low < -length else high, length)
    rows = index.astype(np.int64, copy=False)
    return np.where(rows < 0, rows + length, rows) if low < 0 else rows


def _as_numpy(index: Any) -> NDArray[Any]:
    """An array of any backend as a NumPy array."""
    if isinstance(index, (np.ndarray, np.generic)):
        return np.asarray(index)
    try:
        backend = get_backend_from_tensor(index)
    except TypeError:  # of no backend, as a column of a table is: what NumPy makes of it
        return np.asarray(index)
    return backend.to_numpy(index)


def _out_of_range(index: int, length: int) -> IndexOutOfRangeError:
    return IndexOutOfRangeError(f"index {index} is out of range for {length} rows")


def _describe(index: Any) -> str:
    name = type(index).__name__
    if isinstance(index, (str, bytes, bool, int, float, complex)):
        text = repr(index)
        return f"{name} {text if len(text) <= 40 else text[:37] + '...'}"
    shape, dtype = getattr(index, "shape", None), getattr(index, "dtype", None)
    return name if dtype is None else f"{name} of shape {tuple(shape or ())} and dtype {dtype}"
