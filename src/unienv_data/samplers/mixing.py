"""How epochs over several sources go."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.base.planning import BLOCK, Planner
from unienv_data.base.sampler_state import SamplerState
from unienv_data.errors import EmptyDataError
from unienv_data.order import (
    ORDERS,
    Blocks,
    BlockSources,
    Buffering,
    GlobalOrder,
    MixtureBlockEpoch,
    MixtureOrder,
    Plan,
    Shares,
    derive_key,
)

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
        if state.length < 0:
            state = self.measured(state, data)
        if state.window or state.position or self.shuffle not in (None, BLOCK):
            return state
        blocks = Blocks.joined(self._blocks_of_each(state, data), state.parts)
        if self.shuffle is None and not blocks.is_remote:
            return state
        sources = max(sum(map(bool, self.weights)), 1)
        window = max(Buffering.of(blocks, self.buffer_bytes).window // sources, 1)
        return replace(state, window=window, layout=blocks.layout, ranks=self.world_size)

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
        self._check_blocks(state)
        if not state.position:
            return replace(state, window=0, layout=0, ranks=0)
        if state.window:
            self.plan(state, data)
        return state

    def _check_blocks(self, state: SamplerState) -> None:
        """Check that an epoch is in an order that this sampler goes on with.

        Raises:
            ValueError: it is not.
        """
        if state.position and self.shuffle in (ORDERS if state.window else (BLOCK,)):
            raise ValueError(
                f'window: the epoch to continue is {"" if state.window else "not "}in the order "block"; '
                f"make the sampler with the shuffle that it began with, not {self.shuffle!r}"
            )

    def order(self, state: SamplerState, data: Any) -> MixtureOrder:
        self._require_rows(state)
        kind = ORDERS.get(self.shuffle or "", GlobalOrder)
        sources = tuple(kind(length, _seed_of(state.seed, place)) for place, length in enumerate(state.parts))
        return MixtureOrder(state.length, state.seed, sources, self.shares, _starts(_lengths(data)))

    def _require_rows(self, state: SamplerState) -> None:
        for name, length, weight in zip(self.names, state.parts, self.weights, strict=True):
            if weight and not length:
                raise EmptyDataError(
                    f"there is nothing to sample: {name} has the weight {weight} and no rows"
                )

    def _blocks_of_each(self, state: SamplerState, data: Any) -> list[Blocks]:
        pairs = zip(data.batches, state.parts, strict=True)
        return [batch._blocks(((),)).cut(length) for batch, length in pairs]

    def _moment(self, state: SamplerState, data: Any) -> Hashable:
        return state, _lengths(data)  # batches that grow renumber the rows of those behind them

    def _made(self, state: SamplerState, data: Any) -> Plan:
        if not state.window:
            return super()._made(state, data)
        self._require_rows(state)
        blocks = self._blocks_of_each(state, data)
        if Blocks.joined(blocks, state.parts).layout != state.layout:
            raise ValueError(
                f"layout: the rows of {', '.join(self.names)} no longer lie in blocks as they did when the "
                "epoch began, so that its rest cannot be told; begin another"
            )
        sources = BlockSources(
            blocks=tuple(blocks),
            seeds=tuple(_seed_of(state.seed, place) for place in range(len(blocks))),
            starts=_starts(_lengths(data)),
            shares=self.shares,
            seed=state.seed,
            window=state.window,
        )
        return MixtureBlockEpoch(
            sources=sources,
            rows_in_all=state.length,
            ranks=state.ranks,
            number=state.epoch,
            start=state.position,
            **self._cut,
        )


def _starts(lengths: Sequence[int]) -> NDArray[np.int64]:
    ends = np.cumsum(np.array(lengths, dtype=np.int64))
    return ends - np.array(lengths, dtype=np.int64)


def _lengths(data: Any) -> tuple[int, ...]:
    return tuple(batch._indexed_length() for batch in data.batches)


@lru_cache(maxsize=1 << 14)
def _seed_of(seed: int, place: int) -> int:
    """The seed of a source's own order."""
    return int(derive_key(seed, "source", place)[0])
