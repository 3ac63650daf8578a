"""Which pieces of storage each rank takes, and when. Pure.

Ranks advance together, a row each at a time. Each takes the next block of the epoch's order when it needs
one: blocks whole, as long as its equal share of the rows has room for them. So what nobody has begun is
always the end of that order, one number wide, however long blocks are.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unienv_data.order.rolling import draw_ends, slice_rows

__all__ = ["Dealt", "deal", "share"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dealt:
    """What one rank takes.

    Attributes:
        starts: (P,) where its pieces begin among the rows of all blocks, in the order of the epoch.
        stops: (P,) where they end.
    """

    starts: Integers
    stops: Integers


def share(rank: int, ranks: int, start: int, stop: int) -> int:
    """How many of the numbers [start, stop) fall to a rank when they are dealt in turn, 0 to rank 0."""
    return (stop - rank + ranks - 1) // ranks - (start - rank + ranks - 1) // ranks


def deal(edges: Integers, origin: int, ranks: int, lag: int, window: int) -> tuple[Dealt, ...]:
    """What each rank takes of the rows from `origin` on.

    Args:
        edges: (N + 1,) where blocks begin and end, in the order of the epoch.
        origin: the first row that is dealt.
        ranks: how many ranks there are.
        lag: the ranks before this one begin a row later than the others.
        window: pieces that a rank has at a time.
    """
    if ranks == 1:
        inner = edges[np.searchsorted(edges, origin, side="right") :]
        starts = np.concatenate(([origin], inner[:-1])) if len(inner) else inner
        return (Dealt(starts.astype(np.int64), inner),)
    rows = int(edges[-1]) - origin
    takers = [_Taker(window, share(rank, ranks, lag, lag + rows)) for rank in range(ranks)]
    turns = [(int(rank < lag), 0, rank) for rank, taker in enumerate(takers) if taker.room]
    heapq.heapify(turns)
    ends = iter(edges[np.searchsorted(edges, origin, side="right") :].tolist())
    place, end = origin, origin
    while turns:
        _, number, rank = heapq.heappop(turns)
        taker = takers[rank]
        if place == end:
            end = next(ends)
        stop = min(end, place + taker.room)
        taker.take(place, stop)
        place = stop
        if taker.room:
            heapq.heappush(turns, (taker.given + int(rank < lag), number + 1, rank))
    return tuple(taker.dealt() for taker in takers)


class _Taker:
    """A rank that takes pieces.

    Args:
        window: pieces at a time.
        room: rows that it will take in all.
    """

    def __init__(self, window: int, room: int) -> None:
        self.room = room
        self.given = 0  # rows that it will have given out when it needs another piece
        self._window = window
        self._places: list[tuple[int, int]] = []
        self._alike = 0

    def take(self, start: int, stop: int) -> None:
        """Take the rows [start, stop)."""
        places, size = self._places, stop - start
        is_alike = bool(places) and places[-1][1] - places[-1][0] == size
        self._alike = self._alike + 1 if is_alike else 1
        places.append((start, stop))
        self.room -= size
        if len(places) == self._window:
            self.given = int(draw_ends(np.array([*self._sizes(), 0]), self._window)[0])
        elif len(places) > self._window:
            self.given += size if self._alike >= self._window else self._drawn()

    def _sizes(self) -> list[int]:
        return [stop - start for start, stop in self._places[-self._window :]]

    def _drawn(self) -> int:
        """Rows of the draw that the newest piece is the last to come to."""
        found = 0
        for number, size in enumerate(reversed(self._sizes())):
            first, last = slice_rows(size, number, number + 1, self._window)
            found += last - first
        return found

    def dealt(self) -> Dealt:
        """What it has taken."""
        table = np.array(self._places, dtype=np.int64).reshape(-1, 2)
        return Dealt(table[:, 0].copy(), table[:, 1].copy())
