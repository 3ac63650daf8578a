"""Rows of an array moved within it: nothing of its size is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

__all__ = ["bring_to_front"]

_MOVED_BYTES = 4 << 20  # at once


def bring_to_front(rows: NDArray[Any], spans: Sequence[tuple[int, int]]) -> None:
    """Have the rows of each span, in this order, become the first rows; what follows them is undefined.

    Ascending spans cost one pass over them, the two halves of a ring a second one.

    Args:
        rows: (N, *shape), changed in place.
        spans: [start, stop) within [0, N), without overlap.
    """
    step = max(_MOVED_BYTES // max(rows.nbytes // max(len(rows), 1), 1), 1)
    wanted = [(start, stop) for start, stop in spans if start < stop]
    begins: dict[int, int] = {}
    end = 0
    for start, stop in sorted(wanted):
        _move(rows, start, end, stop - start, step)
        begins[start] = end
        end += stop - start
    blocks = _joined([(begins[start], stop - start) for start, stop in wanted])
    front = 0
    for number, (start, count) in enumerate(blocks):
        if start > front:
            _rotate(rows, front, start, start + count, step)
            for later in range(number + 1, len(blocks)):
                if blocks[later][0] < start:  # pushed back by what now stands before it
                    blocks[later] = (blocks[later][0] + count, blocks[later][1])
        front += count


def _joined(blocks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Blocks (start, count), with those that continue the one before them joined to it."""
    joined: list[tuple[int, int]] = []
    for start, count in blocks:
        if joined and sum(joined[-1]) == start:
            joined[-1] = (joined[-1][0], joined[-1][1] + count)
        else:
            joined.append((start, count))
    return joined


def _move(rows: NDArray[Any], source: int, target: int, count: int, step: int) -> None:
    """Copy `count` rows to where they may overlap themselves."""
    if source == target:
        return
    parts = range(0, count, step)
    for done in parts if target < source else reversed(parts):
        size = min(step, count - done)
        rows[target + done : target + done + size] = rows[source + done : source + done + size]


def _rotate(rows: NDArray[Any], first: int, middle: int, last: int, step: int) -> None:
    """Exchange [first, middle) and [middle, last)."""
    while min(middle - first, last - middle) > step:
        left, right = middle - first, last - middle
        _swap(rows, first, middle, min(left, right), step)
        # What was swapped to the front is in place; the rest is a smaller problem of the same kind.
        first += min(left, right)
        middle += left if left < right else 0
    left, right = middle - first, last - middle
    if not left or not right:
        return
    if left <= right:
        held = rows[first:middle].copy()
        _move(rows, middle, first, right, step)
        rows[last - left : last] = held
    else:
        held = rows[middle:last].copy()
        _move(rows, first, first + right, left, step)
        rows[first : first + right] = held


def _swap(rows: NDArray[Any], one: int, other: int, count: int, step: int) -> None:
    for done in range(0, count, step):
        size = min(step, count - done)
        here = slice(one + done, one + done + size)
        there = slice(other + done, other + done + size)
        held = rows[here].copy()
        rows[here] = rows[there]
        rows[there] = held
