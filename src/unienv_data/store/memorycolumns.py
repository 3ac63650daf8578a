"""Rows of one column in memory, written in place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData, ColumnSpec, Ragged, plain_rows
from unienv_data.store.rowmoves import bring_to_front

__all__ = ["FixedRows", "Place", "RaggedRows", "RowsInMemory", "rows_in_memory"]

Place: TypeAlias = slice | NDArray[np.int64]
"""Rows in the form in which an array is indexed by them."""

_SHARED_BYTES = 1024  # longer values are unlikely to come again
_REMEMBERED = 4096
_NOTHING = b""


class RowsInMemory(ABC):
    """Room for rows of one column; those that were never written are zeros, or empty."""

    @abstractmethod
    def allocate(self, rows: int, kept: int) -> None:
        """Have room for `rows` rows; the first `kept` stay as they are, the others are unwritten."""

    @abstractmethod
    def ready(self, data: ColumnData, count: int) -> Any:
        """Rows as `write` takes them; whatever could fail fails here.

        Args:
            data: rows, of which nothing is changed or kept hold of.
            count: how many there must be.
        """

    @abstractmethod
    def write(self, place: Place, rows: Any) -> None:
        """Write rows that `ready` has prepared."""

    @abstractmethod
    def read(self, place: Place) -> ColumnData:
        """A copy of rows."""

    @abstractmethod
    def unwrite(self, start: int, stop: int) -> None:
        """Forget the rows [start, stop)."""

    @abstractmethod
    def bring_to_front(self, spans: Sequence[tuple[int, int]]) -> None:
        """Have the rows of each span [start, stop), in this order, become the first; others are undefined."""

    @abstractmethod
    def row_bytes(self, rows: int) -> int:
        """How many bytes the first `rows` rows hold."""


def rows_in_memory(spec: ColumnSpec, rows: int) -> RowsInMemory:
    """Room for `rows` rows of a column."""
    return FixedRows(spec, rows) if spec.ragged_axes is None else RaggedRows(spec, rows)


class FixedRows(RowsInMemory):
    """Rows of one shape: an array (N, *shape).

    Args:
        spec: the column.
        rows: room for how many.
    """

    def __init__(self, spec: ColumnSpec, rows: int) -> None:
        self._name, self._dtype, self._shape = spec.name, spec.dtype, spec.shape
        self._one = (1, *spec.shape)
        self._rows = self._unwritten(rows)

    def _unwritten(self, rows: int) -> NDArray[Any]:
        # Of zeros that nobody has written to, the system makes no memory.
        return np.zeros((rows, *self._shape), dtype=self._dtype)

    def allocate(self, rows: int, kept: int) -> None:
        # Never in place: another thread may be reading the rows that there are.
        fresh = self._unwritten(rows)
        fresh[:kept] = self._rows[:kept]
        self._rows = fresh

    def ready(self, data: ColumnData, count: int) -> NDArray[Any]:
        if isinstance(data, Ragged):
            raise TypeError(f"{self._name}: rows of this column have one shape")
        data = plain_rows(data)
        shape = self._one if count == 1 else (count, *self._shape)
        if data.shape != shape or data.dtype != self._dtype:
            raise ValueError(
                f"{self._name}: expected {self._dtype} {shape}, got {data.dtype} {tuple(data.shape)}"
            )
        return data

    def write(self, place: Place, rows: NDArray[Any]) -> None:
        self._rows[place] = rows

    def read(self, place: Place) -> NDArray[Any]:
        return self._rows[place].copy() if isinstance(place, slice) else self._rows.take(place, axis=0)

    def unwrite(self, start: int, stop: int) -> None:
        self._rows[start:stop] = 0

    def bring_to_front(self, spans: Sequence[tuple[int, int]]) -> None:
        bring_to_front(self._rows, spans)

    def row_bytes(self, rows: int) -> int:
        return self._rows[:rows].nbytes


class RaggedRows(RowsInMemory):
    """Rows of differing shapes: the values of each as bytes, which equal short ones share, and its shape.

    So nothing is left behind by a row that is overwritten. Beside an arena that is compacted when half of it
    is garbage, writing one row takes half the time, as does reading 256.

    Args:
        spec: the column.
        rows: room for how many.
    """

    def __init__(self, spec: ColumnSpec, rows: int) -> None:
        self._name, self._dtype, self._axes = spec.name, spec.dtype, spec.ragged_axes or 0
        self._known: dict[bytes, bytes] = {}
        self._values: NDArray[np.object_] = np.full(rows, _NOTHING, dtype=object)
        self._shapes: NDArray[np.int64] = np.zeros((rows, self._axes), dtype=np.int64)

    def allocate(self, rows: int, kept: int) -> None:
        values = np.full(rows, _NOTHING, dtype=object)
        shapes = np.zeros((rows, self._axes), dtype=np.int64)
        values[:kept], shapes[:kept] = self._values[:kept], self._shapes[:kept]
        self._values, self._shapes = values, shapes
        self._known = {}

    def ready(self, data: ColumnData, count: int) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
        if not isinstance(data, Ragged):
            raise TypeError(f"{self._name}: rows of this column are ragged")
        if data.shapes.shape != (count, self._axes) or len(data) != count or data.values.dtype != self._dtype:
            found = f"{len(data)} of {data.values.dtype}, their shapes {data.shapes.shape}"
            raise ValueError(
                f"{self._name}: expected {count} rows of {self._dtype} of {self._axes} axes, got {found}"
            )
        parts = np.empty(count, dtype=object)
        placed: dict[tuple[int, int], bytes] = {}
        for row, span in enumerate(zip(data.starts.tolist(), data.counts.tolist(), strict=True)):
            part = placed.get(span)
            if part is None:
                part = placed[span] = self._shared(data.values[span[0] : span[0] + span[1]].tobytes())
            parts[row] = part
        return parts, data.shapes

    def _shared(self, part: bytes) -> bytes:
        """An equal one that was written a moment ago, such as the task of every row of an episode."""
        if len(part) > _SHARED_BYTES:
            return part
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        return self._known.setdefault(part, part)

    def write(self, place: Place, rows: tuple[NDArray[np.object_], NDArray[np.int64]]) -> None:
        self._values[place], self._shapes[place] = rows

    def read(self, place: Place) -> Ragged:
        parts: list[bytes] = self._values[place].tolist()
        shapes = self._shapes[place]
        if isinstance(place, slice):
            shapes = shapes.copy()
        distinct = {id(part): part for part in parts}
        if 2 * len(distinct) > len(parts):  # not worth sharing
            counts = shapes.prod(axis=1)
            return Ragged(self._joined(parts), np.cumsum(counts) - counts, shapes)
        begins: dict[int, int] = {}
        end = 0
        for number, part in distinct.items():
            begins[number] = end
            end += len(part) // self._dtype.itemsize
        starts = np.array([begins[id(part)] for part in parts], dtype=np.int64)
        return Ragged(self._joined(distinct.values()), starts, shapes)

    def _joined(self, parts: Any) -> NDArray[Any]:
        return np.frombuffer(
            bytearray().join(parts), dtype=self._dtype
        )  # of bytes it could not be written to

    def unwrite(self, start: int, stop: int) -> None:
        self._values[start:stop] = _NOTHING
        self._shapes[start:stop] = 0

    def bring_to_front(self, spans: Sequence[tuple[int, int]]) -> None:
        bring_to_front(self._values, spans)
        bring_to_front(self._shapes, spans)

    def row_bytes(self, rows: int) -> int:
        values: list[bytes] = self._values[:rows].tolist()
        return sum(map(len, values)) + self._shapes[:rows].nbytes
