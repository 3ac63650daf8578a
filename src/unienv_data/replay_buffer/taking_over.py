"""The state of a buffer over a storage that holds rows already. Pure functions."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from unienv_data.errors import SpaceError
from unienv_data.schema.commit import BufferState

__all__ = ["run_of_slots", "runs_of_slots", "state_over"]


def state_over(
    slots: int,
    capacity: int | None,
    *,
    count: int,
    offset: int,
    segments: bool,
    open_first: int | None,
    open_length: int,
) -> BufferState:
    """The state of a buffer whose rows stand in the slots of a storage.

    Args:
        slots: how many slots the storage has.
        capacity: its capacity.
        count: rows of the buffer.
        offset: slot of the oldest.
        segments: whether segments are kept.
        open_first: slot at which the open segment began, where known.
        open_length: rows of the open segment.

    Raises:
        SpaceError: the storage has no such slots, or the open segment does not end with the newest row.
    """
    count = _number("count", count, slots)
    last_offset = max(capacity - 1, 0) if capacity is not None else slots - count
    offset = _number("offset", offset, last_offset)
    open_length = _number("active_segment_length", open_length, count)
    if open_length and open_first is not None:
        age, _ = run_of_slots(open_first, open_first, offset, capacity)
        if age != count - open_length:
            newest = f"the newest {open_length} rows do not begin in slot {open_first}"
            raise SpaceError(f"active_segment_start_physical: {newest}")
    return BufferState(
        count=count,
        offset=offset,
        capacity=capacity,
        appended=count,
        open_start=count - open_length if open_length else None,
        segments=segments,
    )


def runs_of_slots(
    physical: Sequence[tuple[int, int]], slots: int, state: BufferState
) -> list[tuple[int, int]]:
    """Segments given as slots (first, last), both included, as (first row, rows), the oldest first.

    Raises:
        SpaceError: one has slots that are no rows of ended segments, or two share a row.
    """
    runs = []
    for ends in physical:
        first, last = (_number("physical_segments", slot, slots - 1) for slot in ends)
        runs.append(run_of_slots(first, last, state.offset, state.capacity))
    runs.sort()
    end = 0
    ended = state.count if state.open_start is None else state.open_start
    for row, length in runs:
        if row < end or length < 1 or row + length > ended:
            raise SpaceError(
                f"physical_segments: expected segments of the {ended} rows before the open segment, each row "
                f"in one at most; got {list(physical)}"
            )
        end = row + length
    return runs


def run_of_slots(first: int, last: int, offset: int, capacity: int | None) -> tuple[int, int]:
    """Rows older than the slot `first`, and how many slots (first, last), both included, are."""
    if capacity is None:
        return first - offset, last - first + 1
    return (first - offset) % capacity, (last - first) % capacity + 1


def _number(name: str, value: Any, most: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if not 0 <= number <= most:
        raise SpaceError(f"{name}: expected an integer from 0 to {most}, got {value!r}")
    return number
