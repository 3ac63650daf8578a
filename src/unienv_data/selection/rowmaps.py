"""From positions within a view to rows of what it views: frozen, and evenly spaced rows stay ranges.

Two positions that follow one another are neighbours where their rows follow one another too: where they lie
`step` apart, which is 1 but for the positions of a range of another step, and for what is chosen from these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex, row_array

__all__ = ["ArrayMap", "Crossings", "RangeMap", "RowMap", "Runs", "SpanMap", "crossings", "row_map"]

Integers = NDArray[np.int64]


class Runs(NamedTuple):
    """Neighbouring positions, by their first: run k is the positions from `positions[k]` on, whose rows are
    `rows[k]`, `rows[k] + step` ..., `counts[k]` of them."""

    positions: Integers
    rows: Integers
    counts: Integers


class Crossings(NamedTuple):
    """Where runs and intervals of rows meet: (C,) each.

    Attributes:
        runs: number of the run.
        intervals: number of the interval.
        begins: the first of the run's positions, counted from its own first, whose row lies in the interval.
        ends: the position after the last of these.
    """

    runs: Integers
    intervals: Integers
    begins: Integers
    ends: Integers


def crossings(runs: Runs, step: int, intervals: Integers) -> Crossings:
    """Where runs and intervals meet.

    Args:
        runs: runs of neighbouring positions.
        step: how far the rows of neighbours are apart; negative where they go backwards.
        intervals: (E, 2) half-open ranges of rows, ascending, apart.
    """
    stride = abs(step)
    starts, stops = intervals[:, 0], intervals[:, 1]
    span = (runs.counts - 1) * stride
    low = runs.rows if step > 0 else runs.rows - span
    first = np.searchsorted(stops, low, side="right")
    met = np.maximum(np.searchsorted(starts, low + span, side="right") - first, 0)
    run = np.repeat(np.arange(len(met)), met)
    interval = np.arange(len(run)) - np.repeat(np.cumsum(met) - met, met) + first[run]
    # Counted from the lowest row of the run; rounded up to its rows.
    begin = np.maximum(-((low[run] - starts[interval]) // stride), 0)
    end = np.minimum(-((low[run] - stops[interval]) // stride), runs.counts[run])
    if step < 0:
        begin, end = runs.counts[run] - end, runs.counts[run] - begin
    held = end > begin
    return Crossings(run[held], interval[held], begin[held], end[held])


class RowMap(ABC):
    """Which row stands at each position."""

    @property
    @abstractmethod
    def step(self) -> int:
        """How far the rows of neighbours are apart; negative where they go backwards."""

    @abstractmethod
    def __len__(self) -> int:
        """How many positions there are."""

    @abstractmethod
    def at(self, positions: RowIndex) -> RowIndex:
        """The rows at positions within [0, len(self))."""

    @abstractmethod
    def composed(self, positions: RowIndex) -> RowMap:
        """The map whose position i is the position `positions[i]` of this one."""

    @abstractmethod
    def _find_runs(self) -> Runs:
        """The runs, by position; none empty."""

    @cached_property
    def runs(self) -> Runs:
        """Every position in the longest run of neighbours that holds it."""
        return self._find_runs()

    def reach(self, positions: Integers, before: Integers, after: Integers) -> tuple[Integers, Integers]:
        """How many neighbours stand before and after positions.

        Args:
            positions: (B,) positions.
            before: (B,) how many rows before each position's row belong with it.
            after: (B,) how many rows after it do.
        """
        runs = self.runs
        run = np.searchsorted(runs.positions, positions, side="right") - 1
        back = positions - runs.positions[run]
        forth = runs.counts[run] - 1 - back
        if self.step < 0:
            before, after = after, before
        stride = abs(self.step)
        return np.minimum(back, before // stride), np.minimum(forth, after // stride)

    def within(self, intervals: Integers) -> Integers:
        """The longest runs of neighbours whose rows lie in one interval.

        Args:
            intervals: (E, 2) half-open ranges of rows, ascending, apart.

        Returns:
            (K, 2) half-open ranges of positions, ascending.
        """
        runs = self.runs
        met = crossings(runs, self.step, intervals)
        found = np.stack([met.begins, met.ends], axis=1) + runs.positions[met.runs, None]
        ordered: Integers = found[np.argsort(found[:, 0], kind="stable")]
        return ordered

    def kept(self, intervals: Integers) -> RowMap:
        """The map of the positions of (K, 2) half-open ranges, each within one run, one after another."""
        starts, counts = intervals[:, 0], intervals[:, 1] - intervals[:, 0]
        rows = row_array(self.at(starts))
        if self.step == 1:
            return SpanMap.of(rows, counts)
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        return ArrayMap(np.repeat(rows, counts) + within * self.step, self.step)

    def positions(self, rows: Integers) -> Integers:
        """The position of each row, -1 where it has none; of a map that has no row twice."""
        runs, stride = self.runs, abs(self.step)
        if not len(runs.rows):
            return np.full(len(rows), -1, dtype=np.int64)
        low = runs.rows if self.step > 0 else runs.rows - (runs.counts - 1) * stride
        # Rows a stride apart may lie between those of another run: only those of one remainder are in order.
        size = int(max(low.max(), rows.max(initial=0))) // stride + 1
        keys = low % stride * size + low // stride
        order = np.argsort(keys, kind="stable")
        wanted = np.searchsorted(keys[order], rows % stride * size + rows // stride, side="right")
        run = order[np.maximum(wanted - 1, 0)]
        within = rows - runs.rows[run]
        steps = within // self.step
        is_there = (steps >= 0) & (steps < runs.counts[run]) & (steps * self.step == within)
        return np.where(is_there, runs.positions[run] + steps, -1)


@dataclass(frozen=True, eq=False)
class RangeMap(RowMap):
    """Evenly spaced rows.

    Attributes:
        rows: the rows, none negative.
    """

    rows: range

    @property
    def step(self) -> int:
        return self.rows.step

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, positions: RowIndex) -> RowIndex:
        start, step = self.rows.start, self.rows.step
        if isinstance(positions, range):
            return _range_at(self.rows, positions)
        return positions * step + start

    def composed(self, positions: RowIndex) -> RowMap:
        rows = self.at(positions)
        return RangeMap(rows) if isinstance(rows, range) else ArrayMap(rows, self.rows.step)

    def _find_runs(self) -> Runs:
        count = len(self.rows)
        parts = ([0], [self.rows.start], [count]) if count else ([], [], [])
        return Runs(*(np.array(part, dtype=np.int64) for part in parts))


@dataclass(frozen=True, eq=False)
class ArrayMap(RowMap):
    """Any rows.

    Attributes:
        rows: (N,) the rows.
        step: how far the rows of neighbours are apart.
    """

    rows: Integers
    step: int = 1

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, positions: RowIndex) -> RowIndex:
        return self.rows[_as_slice(positions) if isinstance(positions, range) else positions]

    def composed(self, positions: RowIndex) -> RowMap:
        step = self.step * positions.step if isinstance(positions, range) else self.step
        return ArrayMap(row_array(self.at(positions)), step)

    def _find_runs(self) -> Runs:
        if not len(self.rows):
            return Runs(*(np.empty(0, dtype=np.int64) for _ in range(3)))
        positions = np.concatenate(([0], np.flatnonzero(np.diff(self.rows) != self.step) + 1))
        return Runs(positions, self.rows[positions], np.diff(np.append(positions, len(self.rows))))


@dataclass(frozen=True, eq=False)
class SpanMap(RowMap):
    """Spans of consecutive rows, one after another; or an evenly spaced choice of these.

    Attributes:
        starts: (S,) the first row of each span.
        ends: (S,) how many rows the spans up to and with each have.
        picked: which of these rows, counted through all spans.
    """

    starts: Integers
    ends: Integers
    picked: range

    @staticmethod
    def of(starts: Integers, counts: Integers) -> SpanMap:
        """All rows of the spans that begin at `starts`, (S,), and have `counts` rows.

        Spans that continue one another are one.
        """
        starts, counts = starts[counts > 0], counts[counts > 0]
        continues = starts[1:] == (starts + counts)[:-1]
        ends = np.cumsum(counts)
        return SpanMap(
            starts[np.append(True, ~continues)[: len(starts)]],
            ends[np.append(~continues, True)[: len(starts)]],
            range(int(ends[-1]) if len(ends) else 0),
        )

    @property
    def step(self) -> int:
        return self.picked.step

    def __len__(self) -> int:
        return len(self.picked)

    def at(self, positions: RowIndex) -> RowIndex:
        if isinstance(positions, range):
            picked = _range_at(self.picked, positions)
            if not picked:
                return range(0)
            low, high = min(picked[0], picked[-1]), max(picked[0], picked[-1])
            span = int(np.searchsorted(self.ends, low, side="right"))
            if high < self.ends[span]:  # all in one span
                shift = int(self.starts[span]) - (int(self.ends[span - 1]) if span else 0)
                return range(picked.start + shift, picked.stop + shift, picked.step)
            positions = row_array(positions)
        counted = positions * self.picked.step + self.picked.start
        span_of = np.searchsorted(self.ends, counted, side="right")
        rows: Integers = counted + self._shifts[span_of]
        return rows

    def composed(self, positions: RowIndex) -> RowMap:
        if isinstance(positions, range):
            return SpanMap(self.starts, self.ends, _range_at(self.picked, positions))
        return ArrayMap(row_array(self.at(positions)), self.picked.step)

    @cached_property
    def _shifts(self) -> Integers:
        """What to add to a row's place among all rows of the spans, by span."""
        shifts: Integers = self.starts - np.concatenate(([0], self.ends[:-1]))
        return shifts

    def _find_runs(self) -> Runs:
        ascending = self.picked if self.picked.step > 0 else self.picked[::-1]
        stride = ascending.step
        begins = np.concatenate(([0], self.ends[:-1])) if len(self.ends) else self.ends
        # The first position of each span and of the next one, rounded up and cut to those there are.
        first, last = (
            np.clip(-((ascending.start - edge) // stride), 0, len(ascending)) for edge in (begins, self.ends)
        )
        held = last > first
        first, counts = first[held], (last - first)[held]
        rows = ascending.start + first * stride + self._shifts[held] if len(self.ends) else first
        if self.picked.step < 0:
            rows = (rows + (counts - 1) * stride)[::-1]
            first, counts = (len(ascending) - first - counts)[::-1], counts[::-1]
        return Runs(first, rows, counts)


def row_map(rows: RowIndex) -> RowMap:
    """The map of rows; an array is copied."""
    if isinstance(rows, range):
        return RangeMap(rows)
    kept = np.array(rows, dtype=np.int64)
    kept.flags.writeable = False
    return ArrayMap(kept)


def _range_at(rows: range, positions: range) -> range:
    """`rows[position]` for every position."""
    if not positions:
        return range(0)
    return range(
        rows.start + positions.start * rows.step,
        rows.start + positions.stop * rows.step,
        rows.step * positions.step,
    )


def _as_slice(positions: range) -> slice:
    """A range of positions, none negative, as the slice that takes them."""
    if not positions:  # it may stand before the first: range(-1, -1, -1)
        return slice(0, 0)
    stop = positions.stop if positions.stop >= 0 else None
    return slice(positions.start, stop, positions.step)
