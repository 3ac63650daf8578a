"""Rows in a random order of which only a window of blocks is needed at a time. Pure.

A rank goes through pieces of storage, one after another, and at any moment has a window of K of them. The
rows of each piece, in a random order, are cut into K slices: the first is given out with the piece's arrival,
and one more with the arrival of each of the next K - 1 pieces, among the slices of the others in the window.
What is given out between two arrivals is a *draw*: a random order of these slices. The first draw waits for K
pieces and the last takes all that is left, so that every batch is drawn from about K pieces.

Beside filling a buffer, emptying it, and filling it again, this needs half of the memory for the same number
of pieces that mix, and fetches evenly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unienv_data.order.permutation import derive_key, permute

__all__ = ["Mixed", "draw_ends", "slice_rows"]

Integers = NDArray[np.int64]


def slice_rows(size: int, first: int, last: int, window: int) -> tuple[int, int]:
    """Where the slices [first, last) of `window` slices of a piece of `size` rows stand among its rows."""
    return first * size // window, last * size // window


def draw_ends(sizes: Integers, window: int) -> Integers:
    """(D,) how many rows have been given out after each draw.

    Args:
        sizes: (P,) rows of each piece.
        window: pieces at a time.
    """
    count = len(sizes)
    if not count:
        return np.empty(0, dtype=np.int64)
    total = np.cumsum(sizes)
    if count <= window:
        return total[-1:]
    draws = count - window  # before the last
    ends = total[:draws].copy()
    for slices in range(1, window):
        ends += slices * sizes[window - slices : window - slices + draws] // window
    return np.append(ends, total[-1])


@dataclass(frozen=True, eq=False)
class Mixed:
    """The rows of pieces, one after another, in the order in which one rank gives them out.

    Attributes:
        starts: (P,) where each piece begins among the rows of all blocks, in the order of the epoch.
        stops: (P,) where it ends.
        window: pieces that mix.
        rows_of: gives the rows [start, stop) of all blocks, in the order of the epoch, within one block.
        seed: chooses the order.
        epoch: number of the epoch.
    """

    starts: Integers
    stops: Integers
    window: int
    rows_of: Callable[[int, int], Integers]
    seed: int
    epoch: int
    _pools: dict[int, Integers] = field(default_factory=dict, init=False, repr=False)
    _pieces: dict[int, Integers] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def ends(self) -> Integers:
        """(D,) how many rows have been given out after each draw."""
        return draw_ends(self.stops - self.starts, self.window)

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def rows(self, start: int, stop: int) -> Integers:
        """The rows that are given out as number `start` to `stop`."""
        found = [np.empty(0, dtype=np.int64)]
        while start < stop:
            draw = int(np.searchsorted(self.ends, start, side="right"))
            first, end = self._begin(draw), int(self.ends[draw])
            upto = min(stop, end)
            found.append(self._drawn(draw, start - first, upto - first))
            start = upto
        return np.concatenate(found)

    def touched(self, given: int) -> int:
        """How many pieces have been begun when `given` rows have been given out."""
        if not given:
            return 0
        draw = int(np.searchsorted(self.ends, given, side="left"))
        return min(self.window + draw, len(self.starts))

    def needed(self, piece: int) -> tuple[int, int]:
        """From which number, and up to which, rows of a piece are given out."""
        last = min(piece, len(self.ends) - 1)
        return self._begin(max(piece - self.window + 1, 0)), int(self.ends[last])

    def rest(self, given: int) -> Integers:
        """What is left of the pieces that have been begun, in a random order, when `given` rows are out."""
        if not given:
            return np.empty(0, dtype=np.int64)
        draw = int(np.searchsorted(self.ends, given, side="left"))
        left = [self.rows(given, int(self.ends[draw]))]
        for piece in range(draw, self.touched(given)):
            rows = self._permuted(piece)
            left.append(rows[self._slices(draw, piece)[1] :])
        found = np.concatenate(left)
        key = derive_key(self.seed, "rows left", self.epoch, int(self.starts[0]), given)
        return found[permute(range(len(found)), len(found), key)]

    def piece_rows(self, piece: int) -> Integers:
        """The rows of a piece, ascending."""
        return self.rows_of(int(self.starts[piece]), int(self.stops[piece]))

    def _begin(self, draw: int) -> int:
        return int(self.ends[draw - 1]) if draw else 0

    def _slices(self, draw: int, piece: int) -> tuple[int, int]:
        """Which rows of a piece in its window, in their random order, a draw has."""
        size = int(self.stops[piece] - self.starts[piece])
        newest = self.window - 1 + draw
        first = 0 if draw == 0 else newest - piece
        last = self.window if draw == len(self.ends) - 1 else newest - piece + 1
        return slice_rows(size, first, last, self.window)

    def _drawn(self, draw: int, start: int, stop: int) -> Integers:
        pool = _kept(self._pools, draw, 2, self._pool)
        first = int(self.starts[min(draw, len(self.starts) - 1)])
        key = derive_key(self.seed, "draw of rows", self.epoch, first, draw)
        return pool[permute(range(start, stop), len(pool), key)]

    def _pool(self, draw: int) -> Integers:
        pieces = np.arange(draw, min(self.window + draw, len(self.starts)))
        sizes = (self.stops - self.starts)[pieces]
        newest = self.window - 1 + draw
        low = sizes * 0 if draw == 0 else (newest - pieces) * sizes // self.window
        high = sizes if draw == len(self.ends) - 1 else (newest - pieces + 1) * sizes // self.window
        # Of many small pieces few have rows in a draw.
        some = np.flatnonzero(high > low)
        spans = zip(pieces[some].tolist(), low[some].tolist(), high[some].tolist(), strict=True)
        return np.concatenate([self._permuted(piece)[first:stop] for piece, first, stop in spans])

    def _permuted(self, piece: int) -> Integers:
        return _kept(self._pieces, piece, 2 * self.window, self._shuffled)

    def _shuffled(self, piece: int) -> Integers:
        rows = self.piece_rows(piece)
        key = derive_key(self.seed, "rows of a block", self.epoch, int(self.starts[piece]))
        return rows[permute(range(len(rows)), len(rows), key)]


def _kept(kept: dict[int, Integers], number: int, most: int, make: Callable[[int], Integers]) -> Integers:
    """What `make` gives, and gave before: of so many numbers it is remembered."""
    found = kept.get(number)
    if found is None:
        found = kept[number] = make(number)
        if len(kept) > most:
            kept.pop(next(iter(kept)), None)
    return found
