"""Rows visited as often as their weights say, block of storage by block. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unienv_data.order.block_epoch import Arrival, BlockEpoch
from unienv_data.order.weighted import WeightedOrder

__all__ = ["WeightedBlockEpoch"]


@dataclass(frozen=True, kw_only=True)
class WeightedBlockEpoch(BlockEpoch):
    """An epoch in the order "block" of rows with weights: `blocks` are of places, not of rows.

    Attributes:
        order: which row stands at which place.
    """

    order: WeightedOrder

    def rows(self, batch: int) -> NDArray[np.int64]:
        return self.order.at(self.number, super().rows(batch))

    def arrivals(self) -> Iterator[Arrival]:
        """What this rank needs, in the order in which it does."""
        for arrival in super().arrivals():
            yield arrival._replace(rows=np.unique(self.order.at(self.number, arrival.rows)))
