"""Where the chunks of a plan stand, and which ranges of bytes to ask for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.store.objects import Range

__all__ = ["Located", "LocatedRun"]

_READ_BYTES = 4 << 20  # neighbouring chunks are read together up to this size

Cuts = list[tuple[int, int]] | None
"""Where chunks stand within the bytes of a range; None where the range is one chunk."""


@dataclass(frozen=True)
class LocatedRun:
    """Consecutive chunks of a plan that stand in one object.

    Attributes:
        name: the object.
        starts: (C,) int64, first byte of each.
        stops: (C,) int64, the byte after its last.
    """

    name: str
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]


@dataclass(frozen=True)
class Located:
    """Where the chunks of a plan stand, in the plan's order.

    Attributes:
        runs: chunks in objects.
        memory: the chunks after those, which a writer holds: bytes, or rows not yet encoded.
    """

    runs: Sequence[LocatedRun]
    memory: Sequence[Any] = ()

    def ranges(self, start: int, stop: int, gap: int) -> tuple[list[Range], list[Cuts]]:
        """The ranges to read for chunks [start, stop), and where the chunks stand within each.

        Args:
            start: first chunk.
            stop: chunk after the last.
            gap: chunks of one object that are at most so many bytes apart are read together.
        """
        ranges: list[Range] = []
        cuts: list[Cuts] = []
        first = 0
        for run in self.runs:
            low, high = max(start - first, 0), min(stop - first, len(run.starts))
            first += len(run.starts)
            if low < high:
                _add(ranges, cuts, run.name, run.starts[low:high], run.stops[low:high], gap)
        return ranges, cuts

    def name_of(self, place: int) -> str:
        """The object that holds the chunk at this place of the plan."""
        for run in self.runs:
            if place < len(run.starts):
                return run.name
            place -= len(run.starts)
        return "what has not been committed"

    def in_memory(self, start: int, stop: int) -> list[Any]:
        """The chunks of [start, stop) that a writer holds."""
        if not self.memory:
            return []
        first = sum(len(run.starts) for run in self.runs)
        return list(self.memory[max(start - first, 0) : max(stop - first, 0)])


def _add(
    ranges: list[Range],
    cuts: list[Cuts],
    name: str,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    gap: int,
) -> None:
    between = starts[1:] - stops[:-1]
    together = (between >= 0) & (between <= gap)
    if not together.any():  # random rows seldom are neighbours
        ranges += [Range(name, a, b) for a, b in zip(starts.tolist(), stops.tolist(), strict=True)]
        cuts += [None] * len(starts)
        return
    part = (starts - starts[0]) // _READ_BYTES
    breaks = np.flatnonzero(~together | (part[1:] != part[:-1])) + 1
    for a, b in zip([0, *breaks.tolist()], [*breaks.tolist(), len(starts)], strict=True):
        base = int(starts[a])
        ranges.append(Range(name, base, int(stops[b - 1])))
        if b - a == 1:
            cuts.append(None)
        else:
            cuts.append(list(zip((starts[a:b] - base).tolist(), (stops[a:b] - base).tolist(), strict=True)))
