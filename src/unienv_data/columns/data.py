"""Rows of a column, as the store takes and gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import SpaceError

__all__ = ["ColumnData", "ColumnInfo", "ColumnSpec", "EncodedRows", "Ragged", "joined", "plain_rows"]


@dataclass(frozen=True)
class ColumnSpec:
    """What a column stores.

    Attributes:
        name: its path, `observation/state`; every part is a legal Zarr node name.
        kind: the kind of space that it comes from, such as `box`.
        dtype: data type of an entry, or of a value of a ragged row.
        shape: shape of a row; empty for ragged rows.
        ragged_axes: None for rows of one shape; else how many axes the shape of a row has, which is stored
            with every row.
        max_values: at most how many values a ragged row has; None where nobody knows.
    """

    name: str
    kind: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...] = ()
    ragged_axes: int | None = None
    max_values: int | None = None


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of differing shapes.

    Row i is `values[starts[i] : starts[i] + shapes[i].prod()]`, in C order. Rows may share values.

    Attributes:
        values: (M,) values.
        starts: (N,) int64, where each row begins.
        shapes: (N, axes) int64, the shape of each row.
    """

    values: NDArray[Any]
    starts: NDArray[np.int64]
    shapes: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """(N,) int64, how many values each row has."""
        counts: NDArray[np.int64] = self.shapes.prod(axis=1)
        return counts

    def distinct_values(self, start: int, stop: int) -> int:
        """How many values rows [start, stop) have, those of equal rows at one place counted once."""
        spans = np.stack([self.starts[start:stop], self.counts[start:stop]], axis=1)
        return int(np.unique(spans, axis=0)[:, 1].sum())

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """Rows that are in the form in which the column's codec stores them, and are stored without decoding.

    They stand in the place of arrays where rows are appended, of columns whose codec has such a form: images
    and video.

    Attributes:
        dtype: data type of an entry.
        row_shape: shape of a row.
        pieces: the bytes, some rows each.
        counts: how many rows each piece has.
    """

    dtype: np.dtype[Any]
    row_shape: tuple[int, ...]
    pieces: Sequence[bytes]
    counts: Sequence[int]

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, *row_shape), that of the rows once decoded."""
        return (len(self), *self.row_shape)

    @property
    def row_bytes(self) -> int:
        """Bytes of a decoded row."""
        return int(np.prod(self.row_shape, dtype=np.int64)) * self.dtype.itemsize

    def __len__(self) -> int:
        return sum(self.counts)

    def between(self, start: int, stop: int) -> Sequence[tuple[bytes, int, int]]:
        """What holds the rows [start, stop): pieces, and which of its rows [start, stop) each gives."""
        ends = accumulate(self.counts, initial=0)
        spans = zip(self.pieces, pairwise(ends), strict=True)
        return [
            (piece, max(start - first, 0), min(stop, end) - first)
            for piece, (first, end) in spans
            if max(start, first) < min(stop, end)
        ]


def joined(parts: Sequence[EncodedRows]) -> EncodedRows:
    """The rows of all parts, of which there is at least one, one after another."""
    pieces = [piece for part in parts for piece in part.pieces]
    counts = [count for part in parts for count in part.counts]
    return EncodedRows(parts[0].dtype, parts[0].row_shape, pieces, counts)


ColumnData: TypeAlias = NDArray[Any] | Ragged | EncodedRows
"""Rows of a column: (N, *shape), or ragged; on their way in also encoded already."""


def plain_rows(data: ColumnData) -> NDArray[Any]:
    """Rows (N, *shape) that must be an array, because they are to be looked at.

    Raises:
        SpaceError: they are ragged, or encoded.
    """
    if not isinstance(data, np.ndarray):
        raise SpaceError(f"expected rows as an array, got {type(data).__name__}; decode encoded rows first")
    return data


@dataclass(frozen=True)
class ColumnInfo:
    """What a stored column is, for people.

    Attributes:
        name: its path, `observation/state`.
        kind: the kind of space that it comes from.
        dtype: NumPy's name of its data type.
        shape: shape of a row; empty for rows of differing shapes.
        chunk_rows: rows in an inner chunk, the least that is read.
        shard_rows: rows in a shard, the least that is written.
        codec: the codec's specification.
        lossy: whether what is read may differ from what was written.
        raw_bytes: size of the rows as plain arrays.
        stored_bytes: size of the rows as stored.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int, ...]
    chunk_rows: int
    shard_rows: int
    codec: str
    lossy: bool
    raw_bytes: int
    stored_bytes: int
