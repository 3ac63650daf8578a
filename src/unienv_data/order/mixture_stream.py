"""What one of several ranks gives out of a mixture of sources, each gone through block by block. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unienv_data.order.block_epoch import Arrival, BlockEpoch
from unienv_data.order.blocks import Blocks
from unienv_data.order.dealing import share
from unienv_data.order.mixture import Shares, by_source
from unienv_data.order.permutation import derive_key

__all__ = ["BlockSources", "MixtureStream"]

Integers = NDArray[np.int64]

_CYCLES_KEPT = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockSources:
    """Sources that follow one another in a batch, and how they are mixed.

    Attributes:
        blocks: of each source.
        seeds: what chooses the order of each.
        starts: (S,) the number that the first row of each has among those of all.
        shares: how often each is visited.
        seed: chooses the order of sources.
        window: blocks of each source that mix.
    """

    blocks: tuple[Blocks, ...]
    seeds: tuple[int, ...]
    starts: Integers
    shares: Shares
    seed: int
    window: int


@dataclass(frozen=True, kw_only=True, eq=False)
class MixtureStream:
    """The rows that a rank gives out in an epoch, by number, from 0.

    Of every source it goes through its part of the source's epochs in the order "block", one after another,
    however long the epochs of the mixture are.

    Attributes:
        sources: what is mixed.
        rank: whose rows these are.
        ranks: how many there are.
        epoch: number of the epoch.
        length: rows that the rank gives out in every epoch.
    """

    sources: BlockSources
    rank: int
    ranks: int
    epoch: int
    length: int
    _cycles: dict[tuple[int, int], _Cycle] = field(default_factory=dict)

    def rows(self, start: int, stop: int) -> Integers:
        """The rows [start, stop)."""
        rows = np.empty(stop - start, dtype=np.int64)
        dealt = self.sources.shares.dealt(start, stop, self._key, self._origin, self.length)
        for source, places, numbers in by_source(*dealt):
            rows[places] = self._of_source(source, int(numbers[0]), int(numbers[-1]) + 1)
        return rows

    def arrivals(self, source: int, start: int, stop: int) -> Iterator[Arrival]:
        """What the rows [start, stop) need of a source, in the order in which they do.

        `first` and `last` are numbers of rows, not of batches.
        """
        size, slack = self._part(source)[1], self.sources.shares.slack
        fraction = float(self.sources.shares.fractions(len(self.sources.blocks))[source])
        begin, end = (int(self._counts(place)[source]) for place in (start, stop))
        for number in range(begin // size, -(-end // size)):
            for needed_from, needed_to, rows in self._cycle(source, number).pieces():
                low, high = number * size + needed_from, number * size + needed_to
                if high > begin and low < end:
                    # Where the source's numbers stand among all, give or take what shares are off.
                    first = int((low - slack) / fraction) - self._origin
                    last = int((high + slack) / fraction) - self._origin
                    found = rows + self.sources.starts[source]
                    yield Arrival(max(first, start), min(max(last, start), stop - 1), found)

    @property
    def _key(self) -> NDArray[np.uint64]:
        return derive_key(self.sources.seed, "mixture of a rank", self.rank, self.ranks)

    @property
    def _origin(self) -> int:
        """The rows that have been given out in epochs before."""
        return self.epoch * self.length

    def _counts(self, place: int) -> Integers:
        """(S,) how many rows of each source come before row number `place`, in all epochs."""
        shares, count = self.sources.shares, len(self.sources.blocks)
        window = place - place % shares.window
        found = shares.counts(self._origin + window, self._key, count)
        if place > window:
            sources, _ = shares.dealt(window, place, self._key, self._origin, self.length)
            found += np.bincount(sources, minlength=count)
        return found

    def _of_source(self, source: int, start: int, stop: int) -> Integers:
        """The rows [start, stop) of the endless sequence of this rank's parts of a source's epochs."""
        found, size = [], self._part(source)[1]
        while start < stop:
            number, position = divmod(start, size)
            end = min(size, position + stop - start)
            found.append(self._cycle(source, number).given_out(position, end))
            start += end - position
        rows: Integers = np.concatenate(found) + self.sources.starts[source]
        return rows

    def _part(self, source: int) -> tuple[int, int]:
        """Which rank's part of a source's epochs is this one's, and how many rows it has."""
        length = self.sources.blocks[source].length
        rank = self.rank % min(self.ranks, length)  # of fewer rows than ranks, some have the same
        return rank, share(rank, self.ranks, 0, length)

    def _cycle(self, source: int, number: int) -> _Cycle:
        """This rank's part of an epoch of a source."""
        kept = self._cycles
        found = kept.get((source, number))
        if found is None:
            found = kept[source, number] = _Cycle(
                number=number,
                batch_size=1,
                rank=self._part(source)[0],
                world_size=self.ranks,
                blocks=self.sources.blocks[source],
                seed=self.sources.seeds[source],
                window=self.sources.window,
            )
            mine = [key for key in kept if key[0] == source]
            for key in mine[: max(len(mine) - _CYCLES_KEPT, 0)]:
                kept.pop(key, None)
        return found


class _Cycle(BlockEpoch):
    """A rank's part of an epoch of one source."""

    def given_out(self, start: int, stop: int) -> Integers:
        """The rows that are given out as number `start` to `stop`."""
        return self._given_out(start, stop)

    def pieces(self) -> Iterator[tuple[int, int, Integers]]:
        """From which number up to which rows of each piece are given out, and all its rows, ascending."""
        mixed = self._mixed
        for piece in range(len(mixed.starts)):
            yield *mixed.needed(piece), mixed.piece_rows(piece)
