"""Where the rows of a buffer stand in its slots. Pure functions on integers."""

from __future__ import annotations

from collections.abc import Iterable

from unienv_data.indexing import RowIndex, row_array

__all__ = ["next_slots", "slot_spans", "slots_of"]


def slots_of(rows: RowIndex, offset: int, capacity: int | None) -> RowIndex:
    """The slot of each row.

    Args:
        rows: rows by age, the oldest being 0.
        offset: slot of the oldest row.
        capacity: slots of a ring; None where the buffer grows.
    """
    if isinstance(rows, range):
        moved = range(rows.start + offset, rows.stop + offset, rows.step)
        if capacity is None or not moved:
            return moved
        rounds = moved[0] // capacity
        if moved[-1] // capacity == rounds:
            return range(moved.start - rounds * capacity, moved.stop - rounds * capacity, moved.step)
        return row_array(moved) % capacity
    moved_rows = rows + offset if offset else rows
    return moved_rows if capacity is None else moved_rows % capacity


def slot_spans(spans: Iterable[tuple[int, int]], offset: int, capacity: int | None) -> list[tuple[int, int]]:
    """The slots of spans [start, stop) of rows, in order, as spans."""
    found: list[tuple[int, int]] = []
    for start, stop in spans:
        first, last = start + offset, stop + offset
        if capacity is None or last <= capacity:
            found.append((first, last))
        elif first >= capacity:
            found.append((first - capacity, last - capacity))
        else:
            found += [(first, capacity), (0, last - capacity)]
    return found


def next_slots(count: int, offset: int, capacity: int | None, added: int) -> tuple[RowIndex, int, int]:
    """The slots that `added` further rows go to, and the ring after them.

    Args:
        count: rows there are.
        offset: slot of the oldest.
        capacity: slots of a ring; None where the buffer grows.
        added: rows to add, at most the capacity.

    Returns:
        The slots; the new count; the new offset.
    """
    slots = slots_of(range(count, count + added), offset, capacity)
    if capacity is None:
        return slots, count + added, offset
    evicted = max(count + added - capacity, 0)
    return slots, count + added - evicted, (offset + evicted) % capacity
