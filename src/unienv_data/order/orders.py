"""In which order the rows of a source are visited, position by position."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex
from unienv_data.order.permutation import derive_key, draw, permute

__all__ = ["ORDERS", "GlobalOrder", "Order", "OrderFactory", "SequentialOrder"]


@dataclass(frozen=True)
class Order(ABC):
    """In which order the epochs over a source of fixed length visit its rows.

    Frozen and a few integers wide: it travels to workers as it is.

    Attributes:
        length: rows of the source; every epoch visits each once.
        seed: chooses the order among those of its kind.
    """

    length: int
    seed: int

    @abstractmethod
    def rows(self, epoch: int, start: int, stop: int) -> RowIndex:
        """The rows at positions [start, stop) of an epoch.

        Args:
            epoch: number of the epoch, from 0.
            start: first position.
            stop: position after the last; at most `length`.
        """

    def draw(self, moment: int, size: int) -> NDArray[np.int64]:
        """Rows drawn with replacement, whatever epochs do: independently, each as likely as any other.

        Args:
            moment: another one gives others, from 0.
            size: how many.
        """
        return draw(size, self.length, derive_key(self.seed, "draw", moment))


@dataclass(frozen=True)
class SequentialOrder(Order):
    """Every epoch from the first row to the last."""

    def rows(self, epoch: int, start: int, stop: int) -> RowIndex:
        """The rows at positions [start, stop): these themselves."""
        return range(start, stop)


@dataclass(frozen=True)
class GlobalOrder(Order):
    """Every epoch a full permutation of its own, computed by position and never stored."""

    def rows(self, epoch: int, start: int, stop: int) -> RowIndex:
        """The rows at positions [start, stop) of the permutation of `epoch`."""
        return permute(range(start, stop), self.length, derive_key(self.seed, "permutation", epoch))


OrderFactory = Callable[[int, int], Order]
"""From the source's length and the seed to an order."""

ORDERS: Final = MappingProxyType[str, OrderFactory]({"global": GlobalOrder, "none": SequentialOrder})
"""The orders by the name that samplers take as `shuffle`."""
