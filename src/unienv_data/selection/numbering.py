"""Which rows a batch has at a moment, how they are numbered, and which are neighbours. Frozen, pure.

Rows of a buffer are numbered by age, so that eviction and removal renumber those that stay. A view that means
certain rows keeps an *anchor*, a small value that says how rows were numbered when it was made, and has them
followed from there.

A *run* is a stretch of consecutive rows that windows may cross: it ends with an episode, where a row has been
removed, and where the data ends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex, ascending, row_array
from unienv_data.segments import Span, ranks, segments_of, sequence_numbers
from unienv_data.selection.rowmaps import RowMap

__all__ = [
    "GONE",
    "EdgeCache",
    "JoinedNumbering",
    "Numbering",
    "PlainNumbering",
    "SelectedNumbering",
    "SequenceNumbering",
    "grouped",
]

Integers = NDArray[np.int64]

_EXTREMES = np.array([0, np.iinfo(np.int64).max], dtype=np.int64)

GONE = -1
"""Stands for a row that is no longer there."""


class Numbering(ABC):
    """The rows of a batch at one moment.

    Two numberings are equal only where neither rows nor segments have come or gone between them.
    """

    @property
    def anchor(self) -> Any:
        """How rows are numbered; None where that never changes."""
        return None

    def moved(self, rows: RowIndex, anchor: Any) -> RowIndex:
        """The numbers of rows that were numbered as at `anchor`; GONE for those that are not there."""
        return rows

    @abstractmethod
    def runs(self, anchor: Any, *, in_segments: bool = True) -> Integers:
        """The runs, numbered as at `anchor`.

        Args:
            anchor: of this numbering or an earlier one.
            in_segments: whether runs end with segments.

        Returns:
            (R, 2) half-open ranges of rows, ascending; every row that is there is in one.
        """

    @abstractmethod
    def segments(self, anchor: Any) -> Integers | None:
        """The segments, (E, 2) half-open ranges of rows numbered as at `anchor`; None where none are kept."""

    def are_there(self, rows: Integers) -> NDArray[np.bool_]:
        """Whether rows, which are numbers of this numbering, can be read."""
        return np.ones(rows.shape, dtype=np.bool_)

    def reach(self, rows: Integers, *, in_segments: bool = True) -> tuple[Integers, Integers]:
        """How many rows of its run stand before and after each of `rows`, which are there."""
        runs = self.runs(self.anchor, in_segments=in_segments)
        run = np.searchsorted(runs[:, 1], rows, side="right")
        return rows - runs[run, 0], runs[run, 1] - 1 - rows


@dataclass(frozen=True, eq=False)
class PlainNumbering(Numbering):
    """Rows that are numbered by their place and nothing else.

    Attributes:
        length: how many there are.
        find_segments: gives the segments in order; None where none are kept.
    """

    length: int
    find_segments: Callable[[], Sequence[Span] | None]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PlainNumbering):
            return NotImplemented
        return self.length == other.length and np.array_equal(self._bounds, other._bounds)

    __hash__ = object.__hash__

    @cached_property
    def _kept(self) -> Integers | None:
        segments = self.find_segments()
        return None if segments is None else np.array(segments, dtype=np.int64).reshape(-1, 2)

    @property
    def _bounds(self) -> Integers:
        return np.empty((0, 2), dtype=np.int64) if self._kept is None else self._kept

    def moved(self, rows: RowIndex, anchor: Any) -> RowIndex:
        if isinstance(rows, range) and (not rows or max(rows[0], rows[-1]) < self.length):
            return rows
        array = row_array(rows)
        return np.where(array < self.length, array, GONE)

    def runs(self, anchor: Any, *, in_segments: bool = True) -> Integers:
        edges = ascending(self._bounds.reshape(-1) if in_segments else _EXTREMES)
        return _between(row_array(edges), 0, self.length)

    def segments(self, anchor: Any) -> Integers | None:
        return self._kept


class EdgeCache:
    """The edges of runs among sequence numbers, found anew only where segments end or rows are removed."""

    def __init__(self) -> None:
        self._found: tuple[Integers | None, tuple[Span, ...], Integers] | None = None

    def edges(self, bounds: Integers | None, removed: tuple[Span, ...]) -> Integers:
        """Every sequence number with which a run begins or ends, ascending, and the extremes of all numbers.

        Args:
            bounds: (E, 2) the segments; None for none.
            removed: the removed ranges.
        """
        found = self._found
        if found is None or found[0] is not bounds or found[1] != removed:
            parts = [_EXTREMES, np.array(removed, dtype=np.int64).reshape(-1)]
            if bounds is not None:
                parts.append(bounds.reshape(-1))
            found = self._found = (bounds, removed, row_array(ascending(np.concatenate(parts))))
        return found[2]


@dataclass(frozen=True, eq=False)
class SequenceNumbering(Numbering):
    """Rows by age: what is left of the sequence numbers from 0 to `appended`.

    Attributes:
        evicted: the first sequence number that has not been evicted.
        appended: the sequence number after the last.
        removed: the ranges that have been removed, ascending, apart, none evicted.
        bounds: gives (E, 2) the segments by sequence number, the same array until they change; None where
            none are kept.
        cache: remembers the edges of runs.
    """

    evicted: int
    appended: int
    removed: tuple[Span, ...]
    bounds: Callable[[], Integers | None]
    cache: EdgeCache

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, SequenceNumbering):
            return NotImplemented
        mine, theirs = (self.appended, *self.anchor), (other.appended, *other.anchor)
        return mine == theirs and self._bounds is other._bounds

    __hash__ = object.__hash__

    @cached_property
    def _bounds(self) -> Integers | None:
        return self.bounds()

    @property
    def anchor(self) -> tuple[int, tuple[Span, ...]]:
        """How many have been evicted, and which removed."""
        return self.evicted, self.removed

    def moved(self, rows: RowIndex, anchor: tuple[int, tuple[Span, ...]]) -> RowIndex:
        evicted, removed = anchor
        shift = self.evicted - evicted
        if removed == self.removed:
            if not shift or not len(rows):
                return rows
            if not removed and isinstance(rows, range) and min(rows[0], rows[-1]) >= shift:
                return range(rows.start - shift, rows.stop - shift, rows.step)
        sequence = sequence_numbers(row_array(rows), evicted, removed)
        is_there = (sequence >= self.evicted) & ~self._is_removed(sequence)
        return np.where(is_there, ranks(sequence, self.evicted, self.removed), GONE)

    def runs(self, anchor: tuple[int, tuple[Span, ...]], *, in_segments: bool = True) -> Integers:
        runs = _between(self._edges(in_segments), self.evicted, self.appended)
        runs = runs[~self._is_removed(runs[:, 0])]
        first = ranks(runs[:, 0], *anchor)
        return np.stack([first, first + runs[:, 1] - runs[:, 0]], axis=1)

    def segments(self, anchor: tuple[int, tuple[Span, ...]]) -> Integers | None:
        if self._bounds is None:
            return None
        rows = segments_of(self._bounds, *anchor)
        return rows[rows[:, 1] > rows[:, 0]]

    def reach(self, rows: Integers, *, in_segments: bool = True) -> tuple[Integers, Integers]:
        sequence = sequence_numbers(rows, *self.anchor)
        edges = self._edges(in_segments)
        after = np.searchsorted(edges, sequence, side="right")
        start, stop = np.maximum(edges[after - 1], self.evicted), np.minimum(edges[after], self.appended)
        return sequence - start, stop - 1 - sequence

    def _edges(self, in_segments: bool) -> Integers:
        if in_segments:
            return self.cache.edges(self._bounds, self.removed)
        return np.concatenate((_EXTREMES[:1], *self.removed, _EXTREMES[1:]))

    def _is_removed(self, sequence: Integers) -> NDArray[np.bool_]:
        if not self.removed:
            return np.zeros(len(sequence), dtype=np.bool_)
        ranges = np.array(self.removed, dtype=np.int64)
        last = np.searchsorted(ranges[:, 0], sequence, side="right") - 1
        is_removed: NDArray[np.bool_] = (last >= 0) & (sequence < ranges[last, 1])
        return is_removed


@dataclass(frozen=True)
class JoinedNumbering(Numbering):
    """The rows of several batches, one after another.

    Attributes:
        parts: the rows of each batch.
        lengths: how many each has.
    """

    parts: tuple[Numbering, ...]
    lengths: tuple[int, ...]

    @cached_property
    def anchor(self) -> Any:
        """How many rows each batch has, and how they are numbered there."""
        return self.lengths, tuple(part.anchor for part in self.parts)

    @cached_property
    def _starts(self) -> Integers:
        return _starts_of(self.lengths)

    def moved(self, rows: RowIndex, anchor: Any) -> RowIndex:
        if anchor == self.anchor:
            return rows
        lengths, anchors = anchor
        moved = np.empty(len(rows), dtype=np.int64)
        for part, local, places in grouped(rows, _starts_of(lengths)):
            now = row_array(self.parts[part].moved(local, anchors[part]))
            moved[places] = np.where(now < 0, GONE, now + self._starts[part])
        return moved

    def runs(self, anchor: Any, *, in_segments: bool = True) -> Integers:
        starts = _starts_of(anchor[0])
        return _stacked(
            part.runs(then, in_segments=in_segments) + start
            for part, then, start in zip(self.parts, anchor[1], starts, strict=True)
        )

    def segments(self, anchor: Any) -> Integers:
        # A batch without segments is one itself: its end is an end of data.
        lengths, anchors = anchor
        found = []
        for part, then, start, length in zip(self.parts, anchors, _starts_of(lengths), lengths, strict=True):
            segments = part.segments(then)
            if segments is None:
                segments = np.array([[0, length]] if length else [], dtype=np.int64).reshape(-1, 2)
            found.append(segments + start)
        return _stacked(found)

    def reach(self, rows: Integers, *, in_segments: bool = True) -> tuple[Integers, Integers]:
        before, after = np.empty_like(rows), np.empty_like(rows)
        for part, local, places in grouped(rows, self._starts):
            before[places], after[places] = self.parts[part].reach(row_array(local), in_segments=in_segments)
        return before, after


@dataclass(frozen=True)
class SelectedNumbering(Numbering):
    """The rows that a view shows.

    Attributes:
        base: the rows of what is viewed.
        rows: which of these; each keeps its position in the view, also once it is gone.
        since: the anchor by which `rows` are numbered.
        follows: whether `rows` are found anew whenever those of `base` change, so that positions shift.
    """

    base: Numbering
    rows: RowMap
    since: Any
    follows: bool = False

    @property
    def anchor(self) -> Any:
        """Which rows the positions mean, where they shift."""
        return (self.rows, self.since) if self.follows else None

    def moved(self, rows: RowIndex, anchor: Any) -> RowIndex:
        if anchor is None or anchor[0] is self.rows:
            return rows
        meant = anchor[0].at(rows)
        if anchor[1] != self.since:
            meant = self.base.moved(meant, anchor[1])
        return self.rows.positions(row_array(meant))

    def runs(self, anchor: Any, *, in_segments: bool = True) -> Integers:
        rows, since = (self.rows, self.since) if anchor is None else anchor
        return rows.within(self.base.runs(since, in_segments=in_segments))

    def segments(self, anchor: Any) -> Integers | None:
        rows, since = (self.rows, self.since) if anchor is None else anchor
        segments = self.base.segments(since)
        return None if segments is None else rows.within(segments)

    def are_there(self, rows: Integers) -> NDArray[np.bool_]:
        now = row_array(self.base.moved(self.rows.at(rows.reshape(-1)), self.since))
        there: NDArray[np.bool_] = (now >= 0).reshape(rows.shape)
        return there

    def reach(self, rows: Integers, *, in_segments: bool = True) -> tuple[Integers, Integers]:
        now = row_array(self.base.moved(self.rows.at(rows), self.since))
        before, after = np.zeros((2, len(rows)), dtype=np.int64)
        is_there = now >= 0
        before[is_there], after[is_there] = self.base.reach(now[is_there], in_segments=in_segments)
        return self.rows.reach(rows, before, after)


def grouped(rows: RowIndex, starts: Integers) -> Iterator[tuple[int, RowIndex, Any]]:
    """Rows of batches that stand one after another, by batch.

    Args:
        rows: rows of the whole.
        starts: (P,) the first row of each batch.

    Yields:
        A batch; which of its rows; the places in `rows` where they stand, as a slice or an array.
    """
    if isinstance(rows, range) and rows.step > 0:
        place = 0
        part = int(np.searchsorted(starts, rows.start, side="right")) - 1
        while place < len(rows):
            stop = int(starts[part + 1]) if part + 1 < len(starts) else rows.stop
            count = min(len(range(rows[place], stop, rows.step)), len(rows) - place)
            if count:
                first = rows[place] - int(starts[part])
                local = range(first, first + (count - 1) * rows.step + 1, rows.step)
                yield part, local, slice(place, place + count)
            place += count
            part += 1
        return
    array = row_array(rows)
    if not len(array):
        return
    part_of = np.searchsorted(starts, array, side="right") - 1
    order = np.argsort(part_of, kind="stable")
    ordered = part_of[order]
    firsts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    local_rows = (array - starts[part_of])[order]
    bounds = [*firsts.tolist(), len(array)]
    for position, part in enumerate(ordered[firsts].tolist()):
        span = slice(bounds[position], bounds[position + 1])
        yield part, local_rows[span], order[span]


def _starts_of(lengths: Sequence[int]) -> Integers:
    return np.concatenate(([0], np.cumsum(np.array(lengths, dtype=np.int64))[:-1])).astype(np.int64)


def _stacked(parts: Any) -> Integers:
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *parts])


def _between(edges: Integers, start: int, stop: int) -> Integers:
    """(R, 2) the parts that ascending edges cut [start, stop) into; none empty."""
    if stop <= start:
        return np.empty((0, 2), dtype=np.int64)
    inside = edges[np.searchsorted(edges, start, side="right") : np.searchsorted(edges, stop, side="left")]
    cuts = np.concatenate(([start], inside, [stop]))
    return np.stack([cuts[:-1], cuts[1:]], axis=1)
