"""From the state of a sampler to the plan of its epoch."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from unienv_data.base.batch import BatchBase
from unienv_data.base.sampler_state import SamplerState
from unienv_data.order import (
    ORDERS,
    BlockEpoch,
    Blocks,
    Buffering,
    Epoch,
    GlobalOrder,
    Order,
    Plan,
    check_ranks,
)

__all__ = ["BLOCK", "BUFFER_BYTES", "SHUFFLES", "Planner"]

BLOCK: Final = "block"
SHUFFLES: Final = (*sorted([*ORDERS, BLOCK]),)
"""What samplers take as `shuffle`."""

BUFFER_BYTES: Final = 256 << 20
"""What a sampler may keep of blocks by default, as they are stored."""

_PLANS_KEPT = 4


@dataclass
class Planner:
    """How a sampler's epochs go.

    Args:
        batch_size: rows of a batch.
        shuffle: one of `SHUFFLES`; None for "block" where reading asks elsewhere, and "global" elsewhere.
        drop_last: leave a shorter last batch out.
        rank: number of this process among those that train together.
        world_size: how many there are.
        uneven: what becomes of rows that do not make a full batch for each.
        buffer_bytes: what may be kept of blocks, as they are stored.

    Raises:
        ValueError: an argument makes no sense.
    """

    batch_size: int
    shuffle: str | None
    drop_last: bool
    rank: int
    world_size: int
    uneven: str
    buffer_bytes: int
    _plans: dict[Hashable, Plan] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {self.batch_size}")
        if self.shuffle is not None and self.shuffle not in SHUFFLES:
            raise ValueError(f"shuffle: expected one of {', '.join(SHUFFLES)}, got {self.shuffle!r}")
        self.rank, self.world_size, self.uneven = check_ranks(self.rank, self.world_size, self.uneven)
        self.buffer_bytes = operator.index(self.buffer_bytes)
        if self.buffer_bytes < 1:
            raise ValueError(f"buffer_bytes: expected at least 1, got {self.buffer_bytes}")

    def __getstate__(self) -> Mapping[str, Any]:
        return {**vars(self), "_plans": {}}

    @property
    def arguments(self) -> dict[str, Any]:
        """What it was made with."""
        return {field.name: getattr(self, field.name) for field in fields(Planner) if field.init}

    def shuffle_of(self, data: BatchBase[Any, Any, Any, Any, Any]) -> str:
        """What `shuffle` means for these data."""
        if self.shuffle is not None:
            return self.shuffle
        return BLOCK if data._traffic() else "global"

    def begun(self, state: SamplerState, data: BatchBase[Any, Any, Any, Any, Any]) -> SamplerState:
        """The state from which an epoch runs: with what decides its order, fixed from now on."""
        if state.length < 0:
            state = self.measured(state, data)
        if state.window or state.position or self.shuffle_of(data) != BLOCK:
            return state
        blocks = self._blocks(state, data)
        window = Buffering.of(blocks, self.buffer_bytes).window
        return replace(state, window=window, layout=blocks.layout)

    def check(self, state: SamplerState, data: BatchBase[Any, Any, Any, Any, Any]) -> SamplerState:
        """A state that somebody else saved, if this sampler can go on from it.

        Raises:
            ValueError: its epoch is in another order, or the data are others.
        """
        length = data._indexed_length()
        if state.parts:
            raise ValueError(
                f"parts: the epoch to continue mixes {len(state.parts)} batches, and this one is single"
            )
        if state.length > length:
            raise ValueError(
                f"length: the epoch to continue began with {state.length} rows, "
                f"and {type(data).__name__} has {length}"
            )
        if not state.position and self.shuffle not in (None, BLOCK):
            state = replace(state, window=0, layout=0, origin=0, ranks=0, left=0)
        if state.window and self.shuffle not in (None, BLOCK):
            raise ValueError(
                'window: the epoch to continue is in the order "block"; make the sampler with that, '
                f"not with shuffle={self.shuffle!r}"
            )
        if state.position and not state.window and self.shuffle == BLOCK:
            raise ValueError(
                'window: the epoch to continue is not in the order "block"; make the sampler with the '
                "shuffle that it began with"
            )
        if state.window:
            self.plan(state, data)
        return state

    def plan(self, state: SamplerState, data: BatchBase[Any, Any, Any, Any, Any]) -> Plan:
        """The plan of the rest of an epoch that has begun at `state`.

        Raises:
            ValueError: rows no longer lie in blocks as they did when the epoch began.
        """
        moment = self._moment(state, data)
        found = self._plans.get(moment)
        if found is None:
            found = self._made(state, data)
            kept = list(self._plans.items())[-_PLANS_KEPT + 1 :]
            self._plans = {**dict(kept), moment: found}
        return found

    def _moment(self, state: SamplerState, data: BatchBase[Any, Any, Any, Any, Any]) -> Hashable:
        """What a plan depends on."""
        return state

    def measured(self, state: SamplerState, data: BatchBase[Any, Any, Any, Any, Any]) -> SamplerState:
        """A state with the rows that there are now."""
        return replace(state, length=data._indexed_length())

    def order(self, state: SamplerState, data: BatchBase[Any, Any, Any, Any, Any]) -> Order:
        """What decides of an epoch where blocks play no part, and of draws."""
        return ORDERS.get(self.shuffle or "", GlobalOrder)(state.length, state.seed)

    def batches(self, data: BatchBase[Any, Any, Any, Any, Any]) -> int:
        """How many batches a whole epoch has."""
        length = self.measured(SamplerState(0), data).length
        return len(Epoch(order=ORDERS["none"](length, 0), number=0, **self._cut))

    @property
    def _cut(self) -> dict[str, Any]:
        return {
            "batch_size": self.batch_size,
            "drop_last": self.drop_last,
            "rank": self.rank,
            "world_size": self.world_size,
            "uneven": self.uneven,
        }

    def _made(self, state: SamplerState, data: BatchBase[Any, Any, Any, Any, Any]) -> Plan:
        if not state.window:
            order = self.order(state, data)
            return Epoch(order=order, number=state.epoch, start=state.position, **self._cut)
        blocks = self._blocks(state, data)
        if blocks.layout != state.layout:
            raise ValueError(
                f"layout: the rows of {type(data).__name__} lie in other blocks than when the epoch began, "
                "so that its rest cannot be told; begin another"
            )
        return BlockEpoch(
            blocks=blocks,
            seed=state.seed,
            window=state.window,
            number=state.epoch,
            start=state.position,
            origin=state.origin,
            ranks=state.ranks,
            left=state.left,
            **self._cut,
        )

    def _blocks(self, state: SamplerState, data: BatchBase[Any, Any, Any, Any, Any]) -> Blocks:
        """The blocks of what an epoch visits."""
        return _blocks_of(data).cut(state.length)


def _blocks_of(data: BatchBase[Any, Any, Any, Any, Any]) -> Blocks:
    return data._blocks(((),))
