"""The order in which samplers visit rows: a pure function of (seed, epoch, position).

Nothing is stored and no generator advances, so that any position of any epoch costs the same, workers agree
without talking, and the state of a sampler is a few integers.
"""

from __future__ import annotations

from unienv_data.order.block_epoch import Arrival, BlockEpoch
from unienv_data.order.blocks import Blocks, even_blocks
from unienv_data.order.buffering import Buffering, Streaming
from unienv_data.order.epoch import UNEVEN, Epoch, Plan, check_ranks
from unienv_data.order.mixture import MixtureOrder, Shares
from unienv_data.order.mixture_blocks import MixtureBlockEpoch
from unienv_data.order.mixture_stream import BlockSources
from unienv_data.order.orders import ORDERS, GlobalOrder, Order, OrderFactory, SequentialOrder
from unienv_data.order.permutation import derive_key, draw, hashes, high_product, permute
from unienv_data.order.weighted import RowWeights, WeightedOrder
from unienv_data.order.weighted_blocks import WeightedBlockEpoch

__all__ = [
    "ORDERS",
    "UNEVEN",
    "Arrival",
    "BlockEpoch",
    "BlockSources",
    "Blocks",
    "Buffering",
    "Epoch",
    "GlobalOrder",
    "MixtureBlockEpoch",
    "MixtureOrder",
    "Order",
    "OrderFactory",
    "Plan",
    "RowWeights",
    "SequentialOrder",
    "Shares",
    "Streaming",
    "WeightedBlockEpoch",
    "WeightedOrder",
    "check_ranks",
    "derive_key",
    "draw",
    "even_blocks",
    "hashes",
    "high_product",
    "permute",
]
