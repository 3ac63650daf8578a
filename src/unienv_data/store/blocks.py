"""How slots fall into blocks: those whose rows stand in one shard of the widest of some columns. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unienv_data.columns.data import ColumnSpec
from unienv_data.order import Blocks, even_blocks
from unienv_data.selection import Runs, blocks_of_runs
from unienv_data.store.array import StoredArray
from unienv_data.store.ragged import INDEX, VALUES
from unienv_data.store.rowmap import SlotMap

__all__ = ["blocks_of_slots"]

_RAGGED_BYTES = (
    8 << 20
)  # of a block where rows of varying size are the widest: their shards are not the rows'


def blocks_of_slots(
    slots: SlotMap, arrays: Mapping[str, StoredArray], columns: Sequence[ColumnSpec], *, is_remote: bool
) -> Blocks:
    """The blocks of slots, for reading some columns.

    Args:
        slots: which log row each slot shows.
        arrays: the arrays of the storage, by name, with their counters.
        columns: which are read.
        is_remote: whether reading a shard asks elsewhere.
    """
    sizes = {column.name: _row_bytes(column, arrays) for column in columns}
    widest = max(columns, key=lambda column: sizes[column.name], default=None)
    row_bytes = sum(sizes.values())
    if widest is None or not row_bytes:
        return even_blocks(slots.length)
    if widest.ragged_axes is None:
        rows = arrays[widest.name].entry.shard_rows
    else:
        most = max(int(_RAGGED_BYTES / row_bytes), 1)
        rows = min(arrays[widest.name + INDEX].entry.shard_rows, 1 << (most.bit_length() - 1))
    starts, counts, shards = slots.in_shards(rows)
    stored = sum(_shard_bytes(column, arrays, sizes[column.name], rows, slots.length) for column in columns)
    written = Blocks.of(starts, counts, shards, stored_bytes=int(stored) + 1, is_remote=is_remote)
    everything = Runs(*(np.array([number], dtype=np.int64) for number in (0, 0, slots.length)))
    return blocks_of_runs(written, everything, length=slots.length)


def _shard_bytes(
    column: ColumnSpec, arrays: Mapping[str, StoredArray], row_bytes: float, rows: int, length: int
) -> float:
    """What is fetched of a column for a block of so many rows: whole shards."""
    is_fixed = column.ragged_axes is None
    shard = arrays[column.name].entry.shard_rows if is_fixed else rows
    return row_bytes * max(min(shard, length), rows)


def _row_bytes(column: ColumnSpec, arrays: Mapping[str, StoredArray]) -> float:
    """What a row of a column takes, as it is stored, on average."""
    if column.ragged_axes is None:
        return _entry_bytes(arrays[column.name])
    index, values = arrays[column.name + INDEX], arrays[column.name + VALUES]
    rows = max(index.entry.raw_bytes // max(index.row_bytes, 1), 1)
    return _entry_bytes(index) + (values.entry.stored_bytes or values.entry.raw_bytes) / rows


def _entry_bytes(array: StoredArray) -> float:
    """What a row of an array takes, as it is stored; uncompressed, where none has been stored."""
    entry = array.entry
    return array.row_bytes * (entry.stored_bytes / entry.raw_bytes if entry.stored_bytes else 1.0)
