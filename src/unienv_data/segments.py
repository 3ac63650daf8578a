"""Sequence numbers, which rows keep for ever, and rows by age, which removal shifts. Pure functions.

The sequence numbers from `evicted` on that no removed range holds are the rows of a buffer, in order: a
row's number is its rank among them. So neither eviction nor removal changes what has been written of
segments.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex, row_array

__all__ = [
    "Span",
    "complement",
    "evict",
    "ranks",
    "remove",
    "segments_of",
    "sequence_numbers",
    "spans_of_rows",
]

Span = tuple[int, int]
"""Half-open range (start, stop)."""


def ranks(sequence: NDArray[np.int64], evicted: int, removed: Sequence[Span]) -> NDArray[np.int64]:
    """How many rows are older than each sequence number.

    Args:
        sequence: (N,) sequence numbers, of rows that are there or not.
        evicted: the first sequence number that has not been evicted.
        removed: ranges of removed sequence numbers, ascending, apart, none evicted.
    """
    rows = np.maximum(sequence - evicted, 0)
    if removed:
        starts, lengths = _arrays(removed)
        before = np.searchsorted(starts, sequence, side="left")
        totals = np.concatenate(([0], np.cumsum(lengths)))
        # Of the last range that begins before it, a number counts only what lies before itself.
        last = np.maximum(before - 1, 0)
        inside = np.minimum(np.maximum(sequence - starts[last], 0), lengths[last])
        rows -= np.where(before > 0, totals[last] + inside, 0)
    return rows


def remove(rows: RowIndex, evicted: int, removed: Sequence[Span]) -> tuple[Span, ...]:
    """The removed ranges after rows have been removed.

    Args:
        rows: rows by rank, ascending, each once.
        evicted: the first sequence number that has not been evicted.
        removed: the ranges so far.
    """
    gone: list[Span] = list(removed)
    for start, stop in spans_of_rows(rows):
        first = np.array([start, stop - 1], dtype=np.int64)
        begin, end = sequence_numbers(first, evicted, removed).tolist()
        gone.append((begin, end + 1))
    return _united(gone)


def evict(count: int, evicted: int, removed: Sequence[Span]) -> tuple[int, tuple[Span, ...]]:
    """The first sequence number left, and the removed ranges, after the oldest `count` rows are evicted."""
    rest = list(removed)
    while rest:
        start, stop = rest[0]
        if evicted + count < start:
            break
        # Evicted up to the range: what it holds has gone already.
        count -= start - evicted
        evicted = stop
        rest.pop(0)
    return evicted + count, tuple(rest)


def segments_of(bounds: NDArray[np.int64], evicted: int, removed: Sequence[Span]) -> NDArray[np.int64]:
    """Segments as rows.

    Args:
        bounds: (E, 2) first sequence number of each segment, and the one after its last.
        evicted: the first sequence number that has not been evicted.
        removed: the removed ranges.

    Returns:
        (E, 2) first row of what is left of each segment, and the row after its last.
    """
    return ranks(bounds.reshape(-1), evicted, removed).reshape(-1, 2)


def sequence_numbers(rows: NDArray[np.int64], evicted: int, removed: Sequence[Span]) -> NDArray[np.int64]:
    """The sequence number of each row.

    Args:
        rows: (N,) rows by rank.
        evicted: the first sequence number that has not been evicted.
        removed: the removed ranges.
    """
    sequence = rows + evicted
    if removed:
        starts, lengths = _arrays(removed)
        totals = np.cumsum(lengths)
        at = starts - evicted - (totals - lengths)  # the rank at which each range was cut out
        before = np.searchsorted(at, rows, side="right")
        sequence += np.concatenate(([0], totals))[before]
    return sequence


def spans_of_rows(rows: RowIndex) -> list[Span]:
    """Ascending rows as ranges of consecutive ones."""
    if isinstance(rows, range) and rows.step == 1:
        return [(rows.start, rows.stop)] if rows else []
    array = row_array(rows)
    if not len(array):
        return []
    breaks = np.flatnonzero(np.diff(array) != 1) + 1
    starts = array[np.concatenate(([0], breaks))]
    stops = array[np.concatenate((breaks, [len(array)])) - 1] + 1
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def complement(spans: Sequence[Span], length: int) -> list[Span]:
    """What of range(length) the ascending spans leave, as spans."""
    left: list[Span] = []
    position = 0
    for start, stop in spans:
        if start > position:
            left.append((position, start))
        position = stop
    if position < length:
        left.append((position, length))
    return left


def _arrays(spans: Sequence[Span]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and lengths."""
    table = np.array(spans, dtype=np.int64)
    return table[:, 0], table[:, 1] - table[:, 0]


def _united(spans: list[Span]) -> tuple[Span, ...]:
    """The same numbers in ranges that are ascending and apart."""
    united: list[Span] = []
    for start, stop in sorted(spans):
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], stop))
        else:
            united.append((start, stop))
    return tuple(united)
