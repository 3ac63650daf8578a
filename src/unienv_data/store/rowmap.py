"""The slot map: which log row each slot of a storage shows. Frozen, pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex, row_array

__all__ = ["SlotMap", "runs_of"]

Run = tuple[int, int, int]
_FEW = 4  # runs that are cheaper to assign one by one


@dataclass(frozen=True)
class SlotMap:
    """Runs of slots that show consecutive log rows.

    A slot that no run covers was never written, and shows the fill value of every column.

    Attributes:
        length: number of slots.
        runs: (first slot, first log row, count), by slot, without overlap.
    """

    length: int = 0
    runs: tuple[Run, ...] = ()

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        table = np.array(self.runs, dtype=np.int64).reshape(-1, 3)
        return table[:, 0].copy(), table[:, 1].copy(), table[:, 2].copy()

    def lookup(self, slots: RowIndex) -> RowIndex:
        """The log row of each slot, -1 where it was never written.

        Args:
            slots: slots within [0, length); a range stays one where a single run covers it.
        """
        if isinstance(slots, range):
            found = self._lookup_range(slots)
            if found is not None:
                return found
            slots = row_array(slots)
        first_slot, first_row, count = self._arrays
        if not len(first_slot):
            return np.full(len(slots), -1, dtype=np.int64)
        if len(first_slot) == 1 and first_slot[0] == 0 and count[0] == self.length:
            shifted: NDArray[np.int64] = slots + first_row[0]
            return shifted
        run = np.maximum(np.searchsorted(first_slot, slots, side="right") - 1, 0)
        within = slots - first_slot[run]
        rows: NDArray[np.int64] = np.where((within >= 0) & (within < count[run]), within + first_row[run], -1)
        return rows

    def _lookup_range(self, slots: range) -> range | None:
        if not slots:
            return range(0)
        low, high = min(slots[0], slots[-1]), max(slots[0], slots[-1])
        first_slot, first_row, count = self._arrays
        run = int(np.searchsorted(first_slot, low, side="right")) - 1
        if run < 0 or high >= first_slot[run] + count[run]:
            return None
        shift = int(first_row[run] - first_slot[run])
        return range(slots.start + shift, slots.stop + shift, slots.step)

    def in_shards(self, shard_rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Runs of slots whose log rows lie in one shard each.

        Returns:
            (K,) the first slot of each, how many there are, and the number of the shard; slots that were
            never written are in none.
        """
        first_slot, first_row, count = self._arrays
        shard = first_row // shard_rows
        parts = (first_row + count - 1) // shard_rows - shard + 1
        run = np.repeat(np.arange(len(parts)), parts)
        number = np.arange(len(run)) - np.repeat(np.cumsum(parts) - parts, parts) + shard[run]
        begin = np.maximum(first_row[run], number * shard_rows)
        end = np.minimum((first_row + count)[run], (number + 1) * shard_rows)
        return first_slot[run] + begin - first_row[run], end - begin, number

    def resized(self, length: int) -> SlotMap:
        """With `length` slots: new ones are unwritten, runs beyond the end are cut."""
        if length >= self.length:
            return SlotMap(length, self.runs)
        kept = [(slot, row, min(count, length - slot)) for slot, row, count in self.runs if slot < length]
        return SlotMap(length, tuple(kept))

    def assigned(self, slot: int, row: int, count: int) -> SlotMap:
        """With the slots [slot, slot + count) showing the log rows from `row` on."""
        if not count:
            return self
        if self.runs:
            last_slot, _, last_count = self.runs[-1]
            if last_slot + last_count <= slot:  # appending, the common case, costs no rebuilding
                return SlotMap(self.length, _joined(self.runs, (slot, row, count)))
        return SlotMap(self.length, _normalized([*self._without(slot, slot + count), (slot, row, count)]))

    def assigned_runs(self, runs: Sequence[Run]) -> SlotMap:
        """With the slots of every run showing its log rows; where runs overlap, the later one counts.

        Args:
            runs: (first slot, first log row, count), in any order.
        """
        if len(runs) <= _FEW:
            mapped = self
            for run in runs:
                mapped = mapped.assigned(*run)
            return mapped
        slots, rows = _last_of_each(runs)
        breaks = np.flatnonzero((np.diff(slots) != 1) | (np.diff(rows) != 1)) + 1
        starts = np.concatenate(([0], breaks))
        counts = np.diff(np.append(starts, len(slots)))
        fresh = np.stack([slots[starts], rows[starts], counts], axis=1)
        parts = np.concatenate([self._outside(fresh[:, 0], fresh[:, 0] + counts), fresh])
        return SlotMap(self.length, _normalized(map(tuple, parts.tolist())))

    def _outside(self, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
        """The runs, (R, 3), less the slots of the spans [begins, ends), which are ascending and apart."""
        first_slot, first_row, count = self._arrays
        # What is kept lies in the gaps before, between and after the spans.
        gap_begins, gap_ends = np.append(0, ends), np.append(begins, np.iinfo(np.int64).max)
        first_gap = np.searchsorted(ends, first_slot, side="right")
        gaps = np.searchsorted(begins, first_slot + count, side="left") - first_gap + 1
        run = np.repeat(np.arange(len(gaps)), gaps)
        gap = np.arange(len(run)) - np.repeat(np.cumsum(gaps) - gaps, gaps) + first_gap[run]
        begin = np.maximum(first_slot[run], gap_begins[gap])
        end = np.minimum(first_slot[run] + count[run], gap_ends[gap])
        parts = np.stack([begin, first_row[run] + begin - first_slot[run], end - begin], axis=1)
        kept: NDArray[np.int64] = parts[end > begin]
        return kept

    def _without(self, start: int, stop: int) -> list[Run]:
        """The runs less the slots [start, stop)."""
        kept: list[Run] = []
        for slot, row, count in self.runs:
            end = slot + count
            if slot < start:
                kept.append((slot, row, min(end, start) - slot))
            if end > stop:
                begin = max(slot, stop)
                kept.append((begin, row + begin - slot, end - begin))
        return kept

    def kept(self, spans: Iterable[tuple[int, int]], length: int) -> SlotMap:
        """With the slots of each span [start, stop), in this order, as the slots from 0 on.

        Args:
            spans: slots of this map, none twice.
            length: slots of the result; those beyond the kept ones are unwritten.
        """
        first_slot, first_row, count = self._arrays
        parts: list[Run] = []
        target = 0
        for start, stop in spans:
            low = max(int(np.searchsorted(first_slot, start, side="right")) - 1, 0)
            high = int(np.searchsorted(first_slot, stop, side="left"))
            for slot, row, size in zip(
                first_slot[low:high].tolist(),
                first_row[low:high].tolist(),
                count[low:high].tolist(),
                strict=True,
            ):
                begin, end = max(slot, start), min(slot + size, stop)
                if begin < end:
                    parts.append((target + begin - start, row + begin - slot, end - begin))
            target += stop - start
        return SlotMap(length, _normalized(parts))

    def moved(self, first_row: int, shift: int) -> SlotMap:
        """With every log row from `first_row` on moved by `shift`."""
        parts: list[Run] = []
        for slot, row, count in self.runs:
            below = min(max(first_row - row, 0), count)
            if below:
                parts.append((slot, row, below))
            if count > below:
                parts.append((slot + below, row + below + shift, count - below))
        return SlotMap(self.length, _normalized(parts))


def _joined(runs: tuple[Run, ...], run: Run) -> tuple[Run, ...]:
    slot, row, count = runs[-1]
    if slot + count == run[0] and row + count == run[1]:
        return (*runs[:-1], (slot, row, count + run[2]))
    return (*runs, run)


def _last_of_each(runs: Sequence[Run]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The slots of the runs, ascending, each once, and the log row that the last run gives it."""
    slot, row, count = np.array(runs, dtype=np.int64).T
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    slots, rows = np.repeat(slot, count) + within, np.repeat(row, count) + within
    unique, last = np.unique(slots[::-1], return_index=True)
    return unique, rows[::-1][last]


def _normalized(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Sorted by slot, with runs that continue one another joined."""
    joined: list[Run] = []
    for slot, row, count in sorted(runs):
        if joined and joined[-1][0] + joined[-1][2] == slot and joined[-1][1] + joined[-1][2] == row:
            joined[-1] = (joined[-1][0], joined[-1][1], joined[-1][2] + count)
        else:
            joined.append((slot, row, count))
    return tuple(joined)


def runs_of(slots: RowIndex) -> list[tuple[int, int, int]]:
    """Consecutive slots: (first slot, offset within `slots`, count)."""
    if isinstance(slots, range) and slots.step == 1:
        return [(slots.start, 0, len(slots))] if slots else []
    array = row_array(slots)
    if not len(array):
        return []
    starts = np.flatnonzero(np.concatenate(([True], np.diff(array) != 1)))
    counts = np.diff(np.append(starts, len(array)))
    return list(zip(array[starts].tolist(), starts.tolist(), counts.tolist(), strict=True))
