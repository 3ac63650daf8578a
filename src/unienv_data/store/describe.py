"""What stored columns are, for people."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from unienv_data.columns.data import ColumnInfo, ColumnSpec
from unienv_data.store.array import StoredArray
from unienv_data.store.ragged import INDEX, VALUES

__all__ = ["describe_columns"]


def describe_columns(
    columns: Iterable[ColumnSpec], arrays: Iterable[StoredArray], rows: int
) -> tuple[ColumnInfo, ...]:
    """One description a column.

    Args:
        columns: the columns.
        arrays: every stored array.
        rows: number of rows.
    """
    stored = {array.name: array for array in arrays}
    return tuple(_describe(column, stored, rows) for column in columns)


def _describe(column: ColumnSpec, arrays: dict[str, StoredArray], rows: int) -> ColumnInfo:
    if column.ragged_axes is None:
        parts = [arrays[column.name]]
        raw = rows * parts[0].row_bytes
    else:
        parts = [arrays[column.name + VALUES], arrays[column.name + INDEX]]
        raw = rows * parts[1].row_bytes + parts[0].entry.raw_bytes
    rows_array = parts[-1]
    return ColumnInfo(
        name=column.name,
        kind=column.kind,
        dtype=np.dtype(column.dtype).name,
        shape=column.shape,
        chunk_rows=rows_array.entry.chunk_rows,
        shard_rows=rows_array.entry.shard_rows,
        codec=parts[0].entry.codec,
        lossy=any(part.entry.lossy for part in parts),
        raw_bytes=raw,
        stored_bytes=sum(part.entry.stored_bytes for part in parts),
    )
