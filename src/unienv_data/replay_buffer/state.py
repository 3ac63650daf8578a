"""How a buffer's state changes, and what it makes of the episode table. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex
from unienv_data.ring import next_slots
from unienv_data.schema.commit import BufferState

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["appended", "opened", "segments_of", "visible_episodes"]


def appended(state: BufferState, count: int) -> tuple[RowIndex, BufferState]:
    """The slots that further rows go to, and the state after that.

    Args:
        state: the state.
        count: rows to append; of more than the capacity, the last get slots.
    """
    stored = count if state.capacity is None else min(count, state.capacity)
    slots, rows, offset = next_slots(state.count, state.offset, state.capacity, stored)
    return slots, replace(state, count=rows, offset=offset, appended=state.appended + count)


def opened(state: BufferState, count: int) -> BufferState:
    """With the last `count` rows in the open segment, which they begin where none is open."""
    if state.open_start is not None or not count:
        return state
    return replace(state, open_start=state.appended - count)


def segments_of(bounds: NDArray[np.int64], state: BufferState) -> list[tuple[int, int]]:
    """Segments as rows of the buffer, half-open, without what has been evicted.

    Args:
        bounds: (E, 2) int64, first sequence number of each, and the one after its last.
        state: the state.
    """
    rows = np.maximum(bounds - (state.appended - state.count), 0)
    return [(start, stop) for start, stop in rows.tolist() if stop > start]


def visible_episodes(table: pa.Table, state: BufferState) -> pa.Table:
    """The episode table in rows of the buffer, without the episodes that have been evicted."""
    start = table["start"].to_numpy() - (state.appended - state.count)
    stop = start + table["length"].to_numpy()
    start = np.maximum(start, 0)
    seen = stop > start
    columns = table.drop_columns(["start", "length"]).filter(seen)
    length = (stop - start)[seen].astype(np.int64)
    return columns.add_column(0, "start", [start[seen].astype(np.int64)]).add_column(1, "length", [length])
