"""An epoch cut into batches that ranks deal among themselves."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex, row_array
from unienv_data.order.orders import Order

__all__ = ["UNEVEN", "Epoch", "Plan", "check_ranks"]

UNEVEN: Final = ("pad", "drop")
"""What ranks do with the rows that do not fill a batch for each: repeat some, or leave them out."""


def check_ranks(rank: int, world_size: int, uneven: str) -> tuple[int, int, str]:
    """The arguments, if they are a rank among so many and a rule for the rest.

    Raises:
        ValueError: they are not.
    """
    rank, world_size = operator.index(rank), operator.index(world_size)
    if not 0 <= rank < world_size:
        raise ValueError(f"rank: expected 0 to world_size - 1 = {world_size - 1}, got {rank}")
    if uneven not in UNEVEN:
        raise ValueError(f"uneven: expected one of {', '.join(UNEVEN)}, got {uneven!r}")
    return rank, world_size, uneven


@dataclass(frozen=True, kw_only=True)
class Plan(ABC):
    """An epoch, or the rest of one, cut into batches for ranks that advance together, a batch each at a time.

    Attributes:
        number: of the epoch, from 0.
        batch_size: rows of a batch. The last may be shorter where there is one rank.
        drop_last: leave a shorter last batch out.
        start: how many rows of the epoch have been given out before the first batch.
        rank: whose batches these are.
        world_size: number of ranks. Where there are several, each has as many batches as any other.
        uneven: what becomes of rows that do not make a full batch for each of several ranks: "pad" follows
            them with others of the epoch, fewer than world_size * batch_size, "drop" leaves them out.
    """

    number: int
    batch_size: int
    drop_last: bool = False
    start: int = 0
    rank: int = 0
    world_size: int = 1
    uneven: str = "pad"

    @property
    @abstractmethod
    def length(self) -> int:
        """Rows of the whole epoch."""

    @abstractmethod
    def count_real(self, batch: int) -> int:
        """How many rows of a batch, the first ones, are no repetitions."""

    @abstractmethod
    def rows(self, batch: int) -> RowIndex:
        """The rows of a batch."""

    @property
    def stop(self) -> int:
        """How many rows of the epoch have been given out at all after the last batch."""
        left = max(self.length - self.start, 0)
        if self.world_size > 1 and self.uneven == "drop":
            left -= left % (self.world_size * self.batch_size)
        elif self.drop_last:
            left -= left % self.batch_size
        return self.start + left

    def __len__(self) -> int:
        """How many batches this rank has."""
        return -(-(self.stop - self.start) // (self.world_size * self.batch_size))

    def first(self, batch: int) -> int:
        """A number that is this batch's alone among those of the epoch: where its first row stands, if the
        batches of all ranks are laid out in turn."""
        return self.start + (batch * self.world_size + self.rank) * self.batch_size

    def position_after(self, batch: int) -> int:
        """How many rows all ranks have given out once each has given out a batch of this number."""
        return min(self.start + (batch + 1) * self.world_size * self.batch_size, self.stop)

    def state_after(self, batch: int) -> Mapping[str, int]:
        """What a sampler's state says of the epoch at that moment, by field."""
        return {"position": self.position_after(batch)}


@dataclass(frozen=True, kw_only=True)
class Epoch(Plan):
    """An epoch of an order that has a row for each position.

    Rank r takes batches r, r + W, r + 2 W ... of the W = `world_size` ranks' common order. So all ranks stand
    at one position after as many batches, from where any number of ranks can go on. Padding are the epoch's
    first rows.

    Attributes:
        order: what decides which row stands where.
    """

    order: Order

    @property
    def length(self) -> int:
        return self.order.length

    def count_real(self, batch: int) -> int:
        return min(max(self.stop - self.first(batch), 0), self.batch_size)

    def rows(self, batch: int) -> RowIndex:
        first, real = self.first(batch), self.count_real(batch)
        if real == self.batch_size or self.world_size == 1:
            return self.order.rows(self.number, first, first + real)
        # The epoch's positions once more from the beginning, as often as it takes.
        places = np.arange(first, first + self.batch_size, dtype=np.int64)
        places[real:] = (places[real:] - self.stop) % self.stop
        return self._rows_at(places)

    def _rows_at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows at any positions of the epoch."""
        rows = np.empty(len(places), dtype=np.int64)
        cuts = np.flatnonzero(np.diff(places) != 1) + 1
        for run in np.split(np.arange(len(places)), cuts):
            start = int(places[run[0]])
            rows[run] = row_array(self.order.rows(self.number, start, start + len(run)))
        return rows
