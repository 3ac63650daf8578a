"""How epochs over several sources go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from unienv_data.base.planning import Planner
from unienv_data.base.sampler_state import SamplerState
from unienv_data.errors import EmptyDataError
from unienv_data.order import ORDERS, GlobalOrder, MixtureOrder, Plan, Shares, derive_key

__all__ = ["MixturePlanner"]


@dataclass
class MixturePlanner(Planner):
    """How epochs go over the batches of a `CombinedBatch`, each in its share.

    Args:
        names: what errors call the batches.
        weights: of the batches.
        shares: the same.
        epoch_length: rows of an epoch; None for as many as the batches with a weight have.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    shares: Shares
    epoch_length: int | None

    def measured(self, state: SamplerState, data: Any) -> SamplerState:
        parts = _lengths(data)
        length = self.epoch_length
        if length is None:
            length = sum(size for size, weight in zip(parts, self.weights, strict=True) if weight)
        return replace(state, length=length, parts=parts)

    def begun(self, state: SamplerState, data: Any) -> SamplerState:
        return self.measured(state, data) if state.length < 0 else state

    def check(self, state: SamplerState, data: Any) -> SamplerState:
        if state.length < 0:
            return state
        found = _lengths(data)
        if len(state.parts) != len(found):
            raise ValueError(
                f"parts: the epoch to continue is of {len(state.parts)} batches that are mixed, "
                f"and here are {len(found)}: {', '.join(self.names)}"
            )
        for name, length, there in zip(self.names, state.parts, found, strict=True):
            if length > there:
                raise ValueError(
                    f"parts: the epoch to continue began with {length} rows of {name}, which has {there}"
                )
        return state

    def order(self, state: SamplerState, data: Any) -> MixtureOrder:
        for name, length, weight in zip(self.names, state.parts, self.weights, strict=True):
            if weight and not length:
                raise EmptyDataError(
                    f"there is nothing to sample: {name} has the weight {weight} and no rows"
                )
        kind = ORDERS.get(self.shuffle or "", GlobalOrder)
        sources = tuple(kind(length, _seed_of(state.seed, place)) for place, length in enumerate(state.parts))
        lengths = np.array(_lengths(data), dtype=np.int64)
        return MixtureOrder(state.length, state.seed, sources, self.shares, np.cumsum(lengths) - lengths)

    def plan(self, state: SamplerState, data: Any) -> Plan:
        # Never remembered: batches that grow renumber the rows of those behind them.
        return self._made(state, data)


def _lengths(data: Any) -> tuple[int, ...]:
    return tuple(batch._indexed_length() for batch in data.batches)


@lru_cache(maxsize=1 << 14)
def _seed_of(seed: int, place: int) -> int:
    """The seed of a source's own order."""
    return int(derive_key(seed, "source", place)[0])
