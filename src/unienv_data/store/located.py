"""Where the chunks of a plan stand, and which ranges of bytes to ask for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.store.objects import Range, Run

__all__ = ["Located"]

_READ_BYTES = 4 << 20  # neighbouring chunks are read together up to this size

Cuts = list[tuple[int, int]] | None
"""Where chunks stand within the bytes of a range; None where the range is one chunk."""


@dataclass(frozen=True)
class Located:
    """Where the chunks of a plan stand, in the plan's order.

    Attributes:
        names: for each chunk in an object, which one; those of an object follow one another.
        starts: (C,) int64, the first byte of each of these.
        stops: (C,) int64, the byte after its last.
        memory: the chunks after those, which a writer holds: bytes, or rows not yet encoded.
    """

    names: Sequence[str]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    memory: Sequence[Any] = ()

    @property
    def ends_in_rows(self) -> bool:
        """Whether the last chunk is rows that are not yet encoded."""
        return bool(self.memory) and isinstance(self.memory[-1], np.ndarray)

    def runs(self) -> list[Run]:
        """The ranges of all chunks that stand in objects, object by object."""
        names = self.names
        if not names:
            return []
        cuts = [i for i in range(1, len(names)) if names[i] is not names[i - 1]]
        return [Run(names[a], self.starts[a:b], self.stops[a:b]) for a, b in pairwise([0, *cuts, len(names)])]

    def ranges(self, gap: int) -> tuple[list[Range], list[Cuts]]:
        """The ranges to read, and where the chunks stand within each.

        Args:
            gap: chunks of one object that are at most so many bytes apart are read together.
        """
        names, starts, stops = self.names, self.starts, self.stops
        between = starts[1:] - stops[:-1]
        near = np.flatnonzero((between >= 0) & (between <= gap)).tolist()
        follows = {place + 1 for place in near if names[place] == names[place + 1]}
        if not follows:  # random rows seldom are neighbours
            return list(map(Range, names, starts.tolist(), stops.tolist())), [None] * len(names)
        ranges: list[Range] = []
        cuts: list[Cuts] = []
        for place, (name, low, high) in enumerate(zip(names, starts.tolist(), stops.tolist(), strict=True)):
            if place in follows and high - ranges[-1].start <= _READ_BYTES:
                base = ranges[-1].start
                cut = cuts[-1] or [(0, ranges[-1].stop - base)]
                cuts[-1] = cut
                cut.append((low - base, high - base))
                ranges[-1] = Range(name, base, high)
            else:
                ranges.append(Range(name, low, high))
                cuts.append(None)
        return ranges, cuts

    def name_of(self, place: int) -> str:
        """The object that holds the chunk at this place of the plan."""
        return self.names[place] if place < len(self.names) else "what has not been committed"
