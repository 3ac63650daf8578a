"""How a buffer's state changes, and what it makes of the episode table. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unienv_data import segments
from unienv_data.indexing import RowIndex
from unienv_data.ring import next_slots
from unienv_data.schema.commit import BufferState

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["appended", "cleared", "opened", "removed", "said_of", "segments_of", "visible_episodes"]


def appended(state: BufferState, count: int) -> tuple[RowIndex, BufferState]:
    """The slots that further rows go to, and the state after that.

    Args:
        state: the state.
        count: rows to append; of more than the capacity, the last get slots.
    """
    if state.capacity is None:
        first = state.count + state.offset
        return range(first, first + count), _grown(state, count)
    stored = min(count, state.capacity)
    slots, rows, offset = next_slots(state.count, state.offset, state.capacity, stored)
    # The rows that get no slot are evicted as soon as they are appended.
    gone, ranges = segments.evict(state.count + count - rows, state.evicted, state.removed)
    after = replace(
        state,
        count=rows,
        offset=offset,
        appended=state.appended + count,
        evicted=gone,
        removed=ranges,
        statistics=state.statistics if gone == state.evicted else None,
    )
    return slots, after


def _grown(state: BufferState, count: int) -> BufferState:
    """With further rows, and nothing else: what every row that is appended makes, faster than `replace`."""
    after = object.__new__(BufferState)
    after.__dict__.update(state.__dict__, count=state.count + count, appended=state.appended + count)
    return after


def opened(state: BufferState, count: int, owner: str | None = None) -> BufferState:
    """With the last `count` rows in the open segment, which they begin, as `owner`'s, where none is open."""
    if state.open_start is not None or not count:
        return state
    return replace(state, open_start=state.appended - count, open_owner=owner)


def removed(state: BufferState, rows: RowIndex) -> BufferState:
    """Without some rows, which are ascending, each once; those left stand in the slots from 0 on."""
    gone = segments.remove(rows, state.evicted, state.removed)
    evicted, gone = segments.evict(0, state.evicted, gone)
    return replace(
        state, count=state.count - len(rows), offset=0, evicted=evicted, removed=gone, statistics=None
    )


def cleared(state: BufferState) -> BufferState:
    """Without any row or segment."""
    return replace(
        state,
        count=0,
        offset=0,
        evicted=state.appended,
        removed=(),
        open_start=None,
        open_owner=None,
        episodes=(),
        statistics=None,
    )


def segments_of(bounds: NDArray[np.int64], state: BufferState) -> list[tuple[int, int]]:
    """Segments as rows of the buffer, half-open, without what is no longer there.

    Args:
        bounds: (E, 2) int64, first sequence number of each, and the one after its last.
        state: the state.
    """
    rows = segments.segments_of(bounds, state.evicted, state.removed)
    starts, stops = rows[rows[:, 1] > rows[:, 0]].T.tolist()
    return list(zip(starts, stops, strict=True))


def visible_episodes(table: pa.Table, state: BufferState) -> pa.Table:
    """The episode table in rows of the buffer, without the episodes of which nothing is left."""
    import pyarrow as pa

    start = table["start"].to_numpy()
    bounds = np.stack([start, start + table["length"].to_numpy()], axis=1).astype(np.int64)
    rows = segments.segments_of(bounds, state.evicted, state.removed)
    seen = rows[:, 1] > rows[:, 0]
    kept = table.filter(pa.array(seen))
    for name, values in (("start", rows[seen, 0]), ("length", (rows[:, 1] - rows[:, 0])[seen])):
        kept = kept.set_column(kept.schema.get_field_index(name), name, pa.array(values, pa.int64()))
    return kept


def said_of(episodes: pa.Table) -> dict[int, dict[str, Any]]:
    """The user's columns of each episode, without nulls, by its first row."""
    return {
        row["start"]: {
            name: value
            for name, value in row.items()
            if value is not None and name not in ("start", "length")
        }
        for row in episodes.to_pylist()
    }
