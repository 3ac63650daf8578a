"""An epoch over several sources, each gone through block by block of its storage. Pure.

Each rank has a stream of its own, so that it fetches its own blocks only. Row k of the stream of rank r has
the number k * R + r among those of all R ranks' streams: where each has given out as many rows, all numbers
below some position have been given out. Where another number of ranks goes on with the epoch, they deal the
rest of the R streams by these numbers, batch by batch.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unienv_data.order.block_epoch import Arrival
from unienv_data.order.blocks import Blocks
from unienv_data.order.buffering import Buffering, Streaming
from unienv_data.order.dealing import share
from unienv_data.order.epoch import Plan
from unienv_data.order.mixture_stream import BlockSources, MixtureStream

__all__ = ["MixtureBlockEpoch"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class MixtureBlockEpoch(Plan):
    """An epoch, or the rest of one, over several sources in the order "block".

    Padding are rows that have been given out before, the latest first.

    Attributes:
        sources: what is mixed.
        rows_in_all: of the epoch.
        ranks: how many began the epoch.
    """

    sources: BlockSources
    rows_in_all: int
    ranks: int

    @property
    def length(self) -> int:
        return self.rows_in_all

    @property
    def is_remote(self) -> bool:
        """Whether rows are fetched from elsewhere."""
        return any(self.sources.blocks[source].is_remote for source in self._visited)

    def streaming(self, buffer_bytes: int, rows: int) -> Streaming:
        """What is kept of blocks, as for one source; of each in its share."""
        fractions = self.sources.shares.fractions(len(self.sources.blocks))
        window, kept = Buffering(self.sources.window, 1), 0
        for source in self._visited:
            share_of_rows = math.ceil(rows * fractions[source])
            kept = max(kept, window.least_bytes(self.sources.blocks[source], share_of_rows))
        every = Blocks.joined(self.sources.blocks, [blocks.length for blocks in self.sources.blocks])
        fitting = Buffering.of(every, buffer_bytes)
        most = max(fitting.window + fitting.ahead, (self.sources.window + 1) * len(self._visited))
        return Streaming(most, max(buffer_bytes // len(self._visited), kept))

    def count_real(self, batch: int) -> int:
        numbers = self._numbers(batch)
        return int(np.count_nonzero(numbers < self.stop))

    def rows(self, batch: int) -> Integers:
        numbers = self._numbers(batch)
        missing = np.flatnonzero(numbers >= self.stop)
        if len(missing) and self.world_size == 1:
            numbers = numbers[: missing[0]]
        elif len(missing):
            # What has been given out before: from a rank's own stream, where there is any.
            turn, first = (self.ranks, self.rank) if self._has_own and self.rank < self.stop else (1, 0)
            before = -(-(self.stop - first) // turn)
            numbers[missing] = (before - 1 - np.arange(len(missing)) % before) * turn + first
        rows = np.empty(len(numbers), dtype=np.int64)
        streams, places = numbers % self.ranks, numbers // self.ranks
        for stream in np.unique(streams).tolist():
            mine = np.flatnonzero(streams == stream)
            least = int(places[mine].min())
            found = self._stream(stream).rows(least, int(places[mine].max()) + 1)
            rows[mine] = found[places[mine] - least]
        return rows

    def arrivals(self) -> Iterator[Arrival]:
        """What this rank needs, in the order in which it does."""
        coming = [
            self._arrivals(stream, source)
            for stream in ([self.rank] if self._has_own else range(self.ranks))
            for source in self._visited
        ]
        return heapq.merge(*coming, key=lambda arrival: arrival.first)

    def _arrivals(self, stream: int, source: int) -> Iterator[Arrival]:
        begin, end = (share(stream, self.ranks, 0, number) for number in (self.start, self.stop))
        if begin < end:
            for first, last, rows in self._stream(stream).arrivals(source, begin, end):
                yield Arrival(self._batch_of(first, stream), self._batch_of(last, stream), rows)

    def _batch_of(self, place: int, stream: int) -> int:
        """The batch of this rank at the time when a row of a stream is given out."""
        if self._has_own:
            return (place - share(stream, self.ranks, 0, self.start)) // self.batch_size
        return (place * self.ranks + stream - self.start) // (self.world_size * self.batch_size)

    @cached_property
    def _visited(self) -> list[int]:
        """The sources with a share."""
        found: list[int] = np.flatnonzero(self.sources.shares.fractions(len(self.sources.blocks))).tolist()
        return found

    @property
    def _has_own(self) -> bool:
        """Whether this rank has a stream of its own."""
        return self.ranks == self.world_size

    def _numbers(self, batch: int) -> Integers:
        """(batch_size,) the numbers of a batch's rows in all streams; some may be beyond the end."""
        places = np.arange(self.batch_size, dtype=np.int64)
        if not self._has_own:
            return places + self.first(batch)
        begun = share(self.rank, self.ranks, 0, self.start) + batch * self.batch_size
        return (places + begun) * self.ranks + self.rank

    def _stream(self, rank: int) -> MixtureStream:
        if rank not in self._streams:
            self._streams[rank] = MixtureStream(
                sources=self.sources,
                rank=rank,
                ranks=self.ranks,
                epoch=self.number,
                length=share(rank, self.ranks, 0, self.length),
            )
        return self._streams[rank]

    @cached_property
    def _streams(self) -> dict[int, MixtureStream]:
        return {}
