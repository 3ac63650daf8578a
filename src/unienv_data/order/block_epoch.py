"""An epoch in the order "block": storage is gone through block by block, and rows mix in a window of these.

The blocks of an epoch stand in a random order, and all rows one after another in that order; what is said
here of rows by number means this numbering. Ranks take pieces of it as `deal` says, and each gives out the
rows of its pieces as `Mixed` says. Where each of W ranks has given out as many rows, what has been given out
follows from three numbers: from which row on pieces were dealt (`origin`), how many ranks there were
(`ranks`), and how many rows they have given out since.

When another number of ranks goes on from there, the rows left of pieces that have been begun come first,
dealt one by one in turn (`left` counts them), and then pieces are dealt anew from where nobody has begun. So
three numbers are enough again, however often that happens, and no row comes twice or never.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unienv_data.order.blocks import Blocks
from unienv_data.order.buffering import Buffering, Streaming
from unienv_data.order.dealing import deal, share
from unienv_data.order.epoch import Plan
from unienv_data.order.permutation import derive_key, permute
from unienv_data.order.rolling import Mixed

__all__ = ["Arrival", "BlockEpoch"]

Integers = NDArray[np.int64]


class Arrival(NamedTuple):
    """Rows that lie together, and when this rank needs them.

    Attributes:
        first: the first batch that may have some of them.
        last: the batch after which none has any.
        rows: which, ascending.
    """

    first: int
    last: int
    rows: Integers


@dataclass(frozen=True, kw_only=True)
class BlockEpoch(Plan):
    """An epoch, or the rest of one, in the order "block".

    Padding are rows that the rank has given out before, the latest first.

    Attributes:
        blocks: of the rows of the epoch.
        seed: chooses the order.
        window: blocks that mix.
        origin: rows that had been given out in all when pieces were dealt last.
        ranks: to how many ranks they were; 0 where that has not happened.
        left: how many of the rows have been given out since that were left of pieces then begun; 0 as long as
            those ranks go on.
    """

    blocks: Blocks
    seed: int
    window: int
    origin: int = 0
    ranks: int = 0
    left: int = 0

    @property
    def length(self) -> int:
        return self.blocks.length

    @property
    def is_remote(self) -> bool:
        """Whether rows are fetched from elsewhere."""
        return self.blocks.is_remote

    def streaming(self, buffer_bytes: int, rows: int) -> Streaming:
        """What is kept of blocks.

        Args:
            buffer_bytes: of all, as they are stored; more, where those that mix take more.
            rows: how many are being read at a time.
        """
        fitting = Buffering.of(self.blocks, buffer_bytes)
        least = Buffering(self.window, 1).least_bytes(self.blocks, rows)
        return Streaming(max(fitting.window + fitting.ahead, self.window + 1), max(buffer_bytes, least))

    def count_real(self, batch: int) -> int:
        first = batch * self.batch_size
        return min(max(self._share - first, 0), self.batch_size)

    def rows(self, batch: int) -> Integers:
        first, real = batch * self.batch_size, self.count_real(batch)
        rows = self._given_out(first, first + real)
        missing = self.batch_size - real
        if not missing or self.world_size == 1:
            return rows
        return np.concatenate([rows, self._padding(missing)])

    def state_after(self, batch: int) -> Mapping[str, int]:
        position = self.position_after(batch)
        given = position - self.start
        if not self._leftover.is_there:
            found = (self._origin, self.world_size, 0)
        elif given < self._leftover.count:
            found = (self.origin, self.ranks, self.left + given)
        else:
            found = (self._origin, self.world_size, 0)
        return {"position": position, **dict(zip(("origin", "ranks", "left"), found, strict=True))}

    def arrivals(self) -> Iterator[Arrival]:
        """What this rank needs, in the order in which it does."""
        share_left = share(self.rank, self.world_size, 0, self._leftover.count)
        for begin, end, rows in self._leftover.pieces(self.left):
            first = share(self.rank, self.world_size, 0, begin)
            last = share(self.rank, self.world_size, 0, end)
            if last > first:
                yield Arrival(first // self.batch_size, (last - 1) // self.batch_size, rows)
        mixed, given = self._mixed, self._given
        for piece in range(len(mixed.starts)):
            begin, end = (number - given + share_left for number in mixed.needed(piece))
            if end > share_left:
                first = max(begin, share_left) // self.batch_size
                yield Arrival(first, (end - 1) // self.batch_size, mixed.piece_rows(piece))

    # -- the rows of all blocks ----------------------------------------------------------------

    @cached_property
    def _order(self) -> Integers:
        count = len(self.blocks)
        return permute(range(count), count, derive_key(self.seed, "blocks", self.number))

    @cached_property
    def _edges(self) -> Integers:
        """(N + 1,) where blocks begin and end, in the order of the epoch."""
        return np.concatenate(([0], np.cumsum(self.blocks.sizes[self._order])))

    def _rows_of(self, start: int, stop: int) -> Integers:
        """The rows [start, stop), which are of one block."""
        place = int(np.searchsorted(self._edges, start, side="right")) - 1
        begin = int(self._edges[place])
        return self.blocks.rows(int(self._order[place]), start - begin, stop - begin)

    def _dealt(self, origin: int, ranks: int, lag: int) -> list[Mixed]:
        return [
            Mixed(dealt.starts, dealt.stops, self.window, self._rows_of, self.seed, self.number)
            for dealt in deal(self._edges, origin, ranks, lag, self.window)
        ]

    # -- what this rank gives out --------------------------------------------------------------

    @property
    def _share(self) -> int:
        """How many rows this rank gives out that are no repetitions, if the last are not left out."""
        return share(self.rank, self.world_size, 0, self.stop - self.start)

    def _given_out(self, start: int, stop: int) -> Integers:
        """The rows that this rank gives out as number `start` to `stop`, counted from the first batch."""
        left = share(self.rank, self.world_size, 0, self._leftover.count)
        places = np.arange(min(start, left), min(stop, left), dtype=np.int64) * self.world_size + self.rank
        found = self._leftover.rows(self.left + places)
        begin, end = max(start, left) - left + self._given, max(stop, left) - left + self._given
        return found if begin == end else np.concatenate([found, self._mixed.rows(begin, end)])

    def _padding(self, count: int) -> Integers:
        own = self._share
        if own:
            numbers = own - 1 - np.arange(count) % own
            first = int(numbers.min())
            return self._given_out(first, own)[numbers - first]
        # There are fewer rows than ranks: those of another.
        other = replace(self, rank=self.rank % (self.stop - self.start))
        return other._padding(count)

    @cached_property
    def _leftover(self) -> _Leftover:
        """The rows left of pieces that other ranks have begun."""
        given = self.start - self.left - self.origin
        if not given or (not self.left and self.ranks == self.world_size):
            return _Leftover([], [], 0)
        lag = -given % self.ranks
        each = [(given + lag) // self.ranks - int(rank < lag) for rank in range(self.ranks)]
        return _Leftover(self._dealt(self.origin, self.ranks, lag), each, self.left)

    @cached_property
    def _origin(self) -> int:
        """From which row on pieces are dealt to these ranks."""
        return self._leftover.end if self._leftover.is_there else self.origin

    @cached_property
    def _lag(self) -> int:
        """The ranks before this one begin a row later with what is dealt."""
        if self._leftover.is_there:
            return self._leftover.count % self.world_size
        return -(self.start - self.origin) % self.world_size

    @cached_property
    def _mixed(self) -> Mixed:
        """What is dealt to this rank."""
        return self._dealt(self._origin, self.world_size, self._lag)[self.rank]

    @cached_property
    def _given(self) -> int:
        """How many rows of that this rank has given out before the first batch."""
        if self._leftover.is_there:
            return 0
        return (self.start - self.origin + self._lag) // self.world_size - int(self.rank < self._lag)


class _Leftover:
    """What is left of the pieces that some ranks have begun.

    Args:
        ranks: what each was dealt.
        given: how many rows of it each has given out.
        taken: how many of those that were left have been given out since.
    """

    def __init__(self, ranks: list[Mixed], given: list[int], taken: int) -> None:
        self._ranks = ranks
        self._given = given
        self._touched = [mixed.touched(rows) for mixed, rows in zip(ranks, given, strict=True)]
        ends = [
            int(mixed.stops[count - 1]) for mixed, count in zip(ranks, self._touched, strict=True) if count
        ]
        self.end = max(ends, default=0)
        sizes = [
            int((mixed.stops - mixed.starts)[:count].sum()) - rows
            for mixed, count, rows in zip(ranks, self._touched, given, strict=True)
        ]
        self._edges = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
        self.count = int(self._edges[-1]) - taken
        self._rest: tuple[int, Integers] | None = None

    @property
    def is_there(self) -> bool:
        """Whether other ranks have begun anything."""
        return bool(self._ranks)

    def rows(self, places: Integers) -> Integers:
        """The rows at ascending places among all that were left."""
        found = np.empty(len(places), dtype=np.int64)
        rank_of = np.searchsorted(self._edges, places, side="right") - 1
        for rank in np.unique(rank_of).tolist():
            mine = rank_of == rank
            found[mine] = self._rest_of(rank)[places[mine] - self._edges[rank]]
        return found

    def pieces(self, taken: int) -> Iterator[tuple[int, int, Integers]]:
        """What is left of each piece: the places [first, stop), after `taken`, that may have it; its rows."""
        for rank, mixed in enumerate(self._ranks):
            begin, end = (max(int(edge) - taken, 0) for edge in self._edges[rank : rank + 2])
            if end > begin:
                rest = self._rest_of(rank)[max(taken - int(self._edges[rank]), 0) :]
                for piece in range(self._touched[rank]):
                    rows = np.intersect1d(mixed.piece_rows(piece), rest, assume_unique=True)
                    if len(rows):
                        yield begin, end, rows

    def _rest_of(self, rank: int) -> Integers:
        kept = self._rest
        if kept is None or kept[0] != rank:
            kept = self._rest = rank, self._ranks[rank].rest(self._given[rank])
        return kept[1]
