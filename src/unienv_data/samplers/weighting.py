"""Weights as callers give them, and how epochs go by them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.base.batch import BatchBase
from unienv_data.base.planning import Planner
from unienv_data.base.sampler_state import SamplerState
from unienv_data.errors import EmptyDataError, SegmentError
from unienv_data.order import (
    BlockEpoch,
    Blocks,
    Plan,
    RowWeights,
    WeightedBlockEpoch,
    WeightedOrder,
)
from unienv_interface.backends import get_backend_from_tensor

__all__ = ["WeightedPlanner", "host_weights", "weights_of_rows"]

AnyBatch = BatchBase[Any, Any, Any, Any, Any]


def host_weights(weights: Any, argument: str, expected: str, count: int) -> NDArray[Any]:
    """Weights of any backend, or a sequence, as a host array.

    Args:
        weights: `count` numbers.
        argument: what errors call them.
        expected: what they are one of each of, for the message.
        count: how many there must be.

    Raises:
        ValueError: they are not so many numbers, one is negative or not finite, or all are 0.
    """
    try:
        host = get_backend_from_tensor(weights).to_numpy(weights)
    except TypeError:
        host = np.asarray(weights)
    if host.ndim != 1 or host.dtype.kind not in "biuf":
        raise ValueError(f"{argument}: expected numbers (N,), got {host.dtype} of shape {host.shape}")
    if len(host) != count:
        raise ValueError(f"{argument}: expected {count}, one for each {expected}, got {len(host)}")
    # Reductions make no arrays as long as the weights; the least of numbers with a NaN is NaN.
    if count and not (host.min() >= 0 and np.isfinite(host.max())):
        first = int(np.flatnonzero(~((host >= 0) & np.isfinite(host)))[0])
        raise ValueError(f"{argument}[{first}]: expected a finite number, at least 0, got {host[first]}")
    if not count or not host.max() > 0:
        raise ValueError(f"{argument}: expected one above 0 at least, got {count} that are all 0")
    return host


def weights_of_rows(data: AnyBatch, weights: Any, episode_weights: Any) -> RowWeights:
    """The weights of the rows that data has now.

    Args:
        data: whose rows they are.
        weights: (N,) one of each row; None where `episode_weights` are given.
        episode_weights: (E,) one of each segment, which all its rows have; others have none.

    Raises:
        ValueError: both are given, or they are no weights of these rows.
        EmptyDataError: there are no rows.
        SegmentError: there are no segments.
    """
    if weights is not None and episode_weights is not None:
        raise ValueError("weights, episode_weights: expected one of them, got both")
    length, name = data._indexed_length(), type(data).__name__
    if not length:
        raise EmptyDataError(f"there is nothing to sample: {name} has no rows")
    if weights is not None:
        return RowWeights.of_rows(host_weights(weights, "weights", f"row of {name}", length))
    numbering = data._numbering()
    segments = numbering.segments(numbering.anchor)
    if segments is None:
        raise SegmentError(f"episode_weights: {name} keeps no segments that they could be of")
    found = host_weights(episode_weights, "episode_weights", f"segment of {name}", len(segments))
    edges = np.concatenate(([0], segments.reshape(-1), [length])).astype(np.int64)
    runs = np.zeros(len(edges) - 1, dtype=found.dtype)
    runs[1::2] = found
    kept = np.flatnonzero(np.diff(edges))
    if not runs[kept].any():
        raise ValueError("episode_weights: expected one above 0 of a segment with rows, got none")
    return RowWeights.of_runs(runs[kept], np.append(edges[kept], length))


@dataclass
class WeightedPlanner(Planner):
    """How epochs of rows with weights go.

    Args:
        weights: of the rows that there are.
    """

    weights: RowWeights

    @staticmethod
    def of(planner: Planner, weights: RowWeights) -> WeightedPlanner:
        """What plans as another, by weights."""
        return WeightedPlanner(**planner.arguments, weights=weights)

    def check(self, state: SamplerState, data: AnyBatch) -> SamplerState:
        if state.position and state.length != self.weights.length:
            raise ValueError(
                f"length: the epoch to continue began with {state.length} rows, "
                f"and there are weights of {self.weights.length}"
            )
        return super().check(state, data)

    def order(self, state: SamplerState, data: AnyBatch) -> WeightedOrder:
        places = super().order(state, data)
        return WeightedOrder(state.length, state.seed, self.weights, places)

    def _blocks(self, state: SamplerState, data: AnyBatch) -> Blocks:
        blocks = super()._blocks(state, data)
        return self.order(state, data).blocks(blocks, state.epoch)

    def _made(self, state: SamplerState, data: AnyBatch) -> Plan:
        plan = super()._made(state, data)
        if not isinstance(plan, BlockEpoch):
            return plan
        of_places = {field.name: getattr(plan, field.name) for field in fields(plan)}
        return WeightedBlockEpoch(**of_places, order=self.order(state, data))
