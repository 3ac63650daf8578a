"""The contract of a sampler: mini-batches of another batch, in an order that is a function of its state.

The state is five integers. From (seed, epoch, position) follow the batches of the rest of an epoch, from
(seed, draw) the next batch drawn with replacement; no random generator advances from one to the next.
"""

from __future__ import annotations

import copy
import operator
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Generic, Self, TypeVar, cast

from unienv_data.base.batch import BatchBase, BatchT
from unienv_data.base.batch_generators import BatchGenerators, GeneratorOwner
from unienv_data.base.batch_request import BatchRequest
from unienv_data.base.paths import Path
from unienv_data.base.planning import BUFFER_BYTES, Planner
from unienv_data.base.sampled_spaces import SampledSpaces
from unienv_data.base.sampler_state import SamplerState
from unienv_data.base.streaming import Expecting, computed_ahead, is_streamed
from unienv_data.base.traffic import Traffic, TrafficMeter, TrafficOwner
from unienv_data.errors import EmptyDataError
from unienv_data.order import Blocks, Plan
from unienv_data.selection import Numbering
from unienv_interface.backends import (
    ArrayAPIArray,
    BArrayType,
    BDeviceType,
    BDtypeType,
    BRNGType,
)
from unienv_interface.space.space import Space
from unienv_interface.space.spaces import DictSpace

__all__ = [
    "BatchSampler",
    "SamplerArrayType",
    "SamplerBatchT",
    "SamplerDeviceType",
    "SamplerDtypeType",
    "SamplerRNGType",
]

SamplerBatchT = TypeVar("SamplerBatchT")
SamplerArrayType = TypeVar("SamplerArrayType", bound=ArrayAPIArray)
SamplerDeviceType = TypeVar("SamplerDeviceType")
SamplerDtypeType = TypeVar("SamplerDtypeType")
SamplerRNGType = TypeVar("SamplerRNGType")


class BatchSampler(
    BatchBase[SamplerBatchT, SamplerArrayType, SamplerDeviceType, SamplerDtypeType, SamplerRNGType],
    GeneratorOwner,
    SampledSpaces,
    TrafficOwner,
    Generic[
        SamplerBatchT,
        SamplerArrayType,
        SamplerDeviceType,
        SamplerDtypeType,
        SamplerRNGType,
        BatchT,
        BArrayType,
        BDeviceType,
        BDtypeType,
        BRNGType,
    ],
):
    """Mini-batches of another batch: drawn with replacement, or epoch by epoch.

    A sampler is a read-only batch itself: indexes address the rows of `data`. `len(sampler)`, however, is the
    number of batches of an epoch, as iterating it gives.

    `sample()` draws independently and never ends. `epoch_iter()` visits every row once and begins the next
    epoch each time that it is called; only directly after `load_state_dict` it gives the rest of the epoch
    that was saved. A source that grows is seen at its new length by the next epoch.

    Where several processes train together, each has a sampler of its own with a `rank`; the batches of all
    ranks are those of one, dealt in turn. Ranks that have given out as many batches have the same state, from
    where any number of ranks can go on.

    Subclasses set `data` and implement `_read`.

    Args:
        single_space: the space of one sample.
        single_metadata_space: the space of one sample's metadata; None where there is none.
        batch_size: rows of a batch.
        seed: any integer; None takes one from the operating system, once. Ranks must be given the same.
        shuffle: "global" for a permutation of all rows; "block" for rows that mix within a window of blocks
            of storage, each fetched once; "none" for the rows' own order. None means "block" where reading
            asks elsewhere, as of a bucket, and "global" where it does not.
        drop_last: leave the last batch of an epoch out where it is shorter than `batch_size`.
        rank: number of this process among those that train together, from 0.
        world_size: how many there are.
        uneven: what becomes of the last rows of an epoch, too few for a full batch for each of several ranks.
            "pad" repeats fewer than world_size * batch_size rows, those with which the epoch began, and
            `metadata["row_valid_mask"]`, (B,) booleans, is False where a row is a repetition. "drop" leaves
            the rows out.
        buffer_bytes: what may be kept of blocks in the order "block", as they are stored: how many mix.

    Attributes:
        data: what is sampled from.
        batch_size, drop_last, rank, world_size, uneven, buffer_bytes: as given.
    """

    is_mutable: bool = False
    data: BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]
    _state: SamplerState
    _has_begun: bool
    _run: object

    def __init__(
        self,
        single_space: Space[SamplerBatchT, SamplerDeviceType, SamplerDtypeType, SamplerRNGType],
        single_metadata_space: DictSpace[SamplerDeviceType, SamplerDtypeType, SamplerRNGType] | None = None,
        batch_size: int = 1,
        *,
        seed: int | None = None,
        shuffle: str | None = None,
        drop_last: bool = False,
        rank: int = 0,
        world_size: int = 1,
        uneven: str = "pad",
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        super().__init__(single_space, single_metadata_space)
        batch_size = operator.index(batch_size)
        self._planner = Planner(batch_size, shuffle, drop_last, rank, world_size, uneven, buffer_bytes)
        self.batch_size, self.buffer_bytes = batch_size, self._planner.buffer_bytes
        self.drop_last, self.uneven = drop_last, uneven
        self.rank, self.world_size = self._planner.rank, self._planner.world_size
        self._meter = TrafficMeter()
        self._begin(SamplerState(secrets.randbits(63) if seed is None else operator.index(seed)))

    # -- what is sampled -----------------------------------------------------------------------

    @property
    def shuffle(self) -> str:
        """The order of epochs: "block", "global" or "none"."""
        return self._planner.shuffle_of(self.data)

    def __len__(self) -> int:
        """How many batches a whole epoch has."""
        return self._planner.batches(self.data)

    def _indexed_length(self) -> int:
        return self.data._indexed_length()

    def get_segments(self) -> list[tuple[int, int]] | None:
        """The segments of `data`."""
        return self.data.get_segments()

    def _numbering(self) -> Numbering:
        return self.data._numbering()

    def _blocks(self, paths: Sequence[Path]) -> Blocks:
        return self.data._blocks(paths)

    def _traffic(self) -> frozenset[Traffic]:
        return self.data._traffic()

    # -- drawing with replacement --------------------------------------------------------------

    def sample_index(self) -> BArrayType:
        """Draw the rows of one batch, independently and with replacement.

        Subclasses may choose by other rules; what they draw from `rng` and `data_rng` is the same whoever
        reads the batch.

        Returns:
            (batch_size,) integers on the backend and device of `data`.

        Raises:
            EmptyDataError: there are no rows.
        """
        if not self.data._indexed_length():
            raise EmptyDataError(f"there is nothing to sample: {type(self.data).__name__} has no rows")
        state = self._state
        order = self._planner.order(self._planner.measured(state, self.data), self.data)
        rows = order.draw(state.draw + self.rank, self.batch_size)
        self._state = self._drawn(state)
        backend = self.data.backend
        return backend.from_numpy(rows, dtype=backend.default_integer_dtype, device=self.data.device)

    def sample(self) -> SamplerBatchT:
        """Draw a batch of `batch_size` rows, independently and with replacement.

        Raises:
            EmptyDataError: there are no rows.
        """
        return cast(SamplerBatchT, self._draw(flat=False, with_metadata=False)[0])

    def sample_with_metadata(self) -> tuple[SamplerBatchT, dict[str, Any] | None]:
        """Draw a batch, as `sample`; gives (batch, metadata)."""
        return self._draw(flat=False, with_metadata=True)

    def sample_flat(self) -> SamplerArrayType:
        """Draw a batch, as `sample`, in flattened form (batch_size, D)."""
        return cast(SamplerArrayType, self._draw(flat=True, with_metadata=False)[0])

    def sample_flat_with_metadata(self) -> tuple[SamplerArrayType, dict[str, Any] | None]:
        """Draw a batch, as `sample_flat`; gives (array, metadata)."""
        return self._draw(flat=True, with_metadata=True)

    def _draw(self, *, flat: bool, with_metadata: bool) -> tuple[Any, dict[str, Any] | None]:
        state = self._state
        drawn = self._serve(BatchRequest(state, None, flat, with_metadata))
        self._state = self._drawn(state)
        return drawn

    def _drawn(self, state: SamplerState) -> SamplerState:
        """The state after a draw: every rank draws one batch."""
        return replace(state, draw=state.draw + self.world_size)

    # -- epochs --------------------------------------------------------------------------------

    def epoch_iter(self) -> Iterator[SamplerBatchT]:
        """The batches of an epoch, every row in one of them, or of the rest of a loaded one.

        The last batch may be shorter than `batch_size`, unless `drop_last`. Of several ranks, each gives
        as many batches, all of them full.
        """
        return (batch for batch, _ in self._run_epoch(flat=False, with_metadata=False))

    def epoch_iter_with_metadata(self) -> Iterator[tuple[SamplerBatchT, dict[str, Any] | None]]:
        """As `epoch_iter`; gives (batch, metadata)."""
        return self._run_epoch(flat=False, with_metadata=True)

    def epoch_flat_iter(self) -> Iterator[SamplerArrayType]:
        """As `epoch_iter`, in flattened form (B, D)."""
        return (batch for batch, _ in self._run_epoch(flat=True, with_metadata=False))

    def epoch_flat_iter_with_metadata(self) -> Iterator[tuple[SamplerArrayType, dict[str, Any] | None]]:
        """As `epoch_flat_iter`; gives (array, metadata)."""
        return self._run_epoch(flat=True, with_metadata=True)

    def __iter__(self) -> Iterator[SamplerBatchT]:
        return self.epoch_iter()

    def _run_epoch(self, *, flat: bool, with_metadata: bool) -> Iterator[tuple[Any, dict[str, Any] | None]]:
        """Begin an epoch, at once; its batches are read as the iterator is advanced."""
        state = self._state
        if self._has_begun:  # and was left, or is being iterated beside this one
            state = SamplerState(state.seed, state.epoch + 1, draw=state.draw)
        self._meter.look_at(self.data._traffic())
        state = self._begun(state)
        self._begin(state)
        self._has_begun = True
        return self._batches(state, self._run, flat, with_metadata)

    def _batches(
        self, state: SamplerState, run: object, flat: bool, with_metadata: bool
    ) -> Iterator[tuple[Any, dict[str, Any] | None]]:
        plan = self._plan(state)
        batches = self._serve_epoch(BatchRequest(state, 0, flat, with_metadata), len(plan))
        for number, batch in enumerate(batches):
            if self._run is run:
                changes: Mapping[str, Any] = plan.state_after(number)
                self._state = replace(self._state, **changes)
            yield batch
        if self._run is run:
            self._begin(SamplerState(self._state.seed, plan.number + 1, draw=self._state.draw))

    def _begun(self, state: SamplerState) -> SamplerState:
        return self._planner.begun(state, self.data)

    def _plan(self, state: SamplerState) -> Plan:
        return self._planner.plan(state, self.data)

    # -- single batches ------------------------------------------------------------------------

    def _serve_epoch(self, first: BatchRequest, count: int) -> Iterator[tuple[Any, dict[str, Any] | None]]:
        """The batches of an epoch one after another, `count` of them from `first` on."""
        plan = self._plan(first.state)
        if not is_streamed(plan):
            yield from (self._serve(replace(first, number=number)) for number in range(count))
            return
        expecting = Expecting(self.data, plan, self.buffer_bytes, self.batch_size)
        reader = self._for_workers()

        def read(number: int) -> tuple[Any, dict[str, Any] | None]:
            expecting.reach(number, number)
            return reader._read_request(replace(first, number=number))

        try:
            for number, (value, metadata) in enumerate(computed_ahead(read, count)):
                request = replace(first, number=number)
                yield self._masked(request, *self._delivered(value, metadata, request.flat))
        finally:
            expecting.close()

    def _serve(self, request: BatchRequest) -> tuple[Any, dict[str, Any] | None]:
        """Read one batch, wherever this sampler stands."""
        return self._masked(request, *self._read_request(request))

    def _read_request(self, request: BatchRequest) -> tuple[Any, dict[str, Any] | None]:
        """A batch as it is read, here or in another process; the sampler is left where it was."""
        stood = self._state
        self._state = state = request.state
        try:
            rows: Any
            if request.number is None:
                rows = self._draw_index(state)
            else:
                plan = self._plan(state)
                self._generators = BatchGenerators(state.seed, 1, plan.number, plan.first(request.number))
                rows = plan.rows(request.number)
            read = self.get_flattened_at_with_metadata if request.flat else self.get_at_with_metadata
            value: Any
            value, metadata = read(rows)
        finally:
            self._state = stood
        return value, metadata if request.with_metadata else None

    def _draw_index(self, state: SamplerState) -> BArrayType:
        """The rows that are drawn where the sampler stands at `state`; it is left where it was."""
        stood = self._state
        self._state = state
        self._generators = BatchGenerators(state.seed, 0, state.draw + self.rank)
        try:
            return self.sample_index()
        finally:
            self._state = stood

    def _masked(self, request: BatchRequest, value: Any, metadata: dict[str, Any] | None) -> tuple[Any, Any]:
        """A batch whose metadata says which rows are repetitions, where some may be."""
        if not self._pads or not request.with_metadata:
            return value, metadata
        real = self.batch_size
        if request.number is not None:
            real = self._plan(request.state).count_real(request.number)
        return value, self._with_mask(metadata, real)

    # -- in other processes --------------------------------------------------------------------

    def _for_workers(self) -> Self:
        """What reads batches in workers: a sampler that gives the same, but for `_delivered`."""
        twin = copy.copy(self)
        for name in [
            name for name in vars(twin) if isinstance(getattr(type(twin), name, None), cached_property)
        ]:
            delattr(twin, name)
        twin._planner = copy.copy(self._planner)  # without the plans that it remembers
        twin._meter = TrafficMeter()
        twin._begin(SamplerState(0))  # requests say where it stands
        return twin

    def _delivered(self, value: Any, metadata: dict[str, Any] | None, flat: bool) -> tuple[Any, Any]:
        """A batch that a worker has read, with what only this process can do to it."""
        return value, metadata

    # -- state ---------------------------------------------------------------------------------

    @property
    def seed(self) -> int:
        """What chooses the order."""
        return self._state.seed

    @property
    def epoch(self) -> int:
        """Number of the epoch that is running, or comes next; the first is 0."""
        return self._state.epoch

    def manual_seed(self, seed: int) -> None:
        """Begin anew with `seed`: epoch 0, nothing drawn; generators start again from it too."""
        self._begin(SamplerState(operator.index(seed)))

    def state_dict(self) -> dict[str, Any]:
        """Where the sampler stands, as integers that JSON can hold.

        Taken while an epoch is iterated, it stands after the batch last given out.
        """
        return self._state.to_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where another sampler of the same data stood.

        The next `epoch_iter()` gives exactly the rows that were left of its epoch, also with another batch
        size, for another number of ranks, and where `data` has grown since; and in the same order, but where
        another number of ranks goes on with an epoch in the order "block". The next `sample()` gives what it
        would have drawn.

        Raises:
            DocumentError: `state` is not what `state_dict` gives.
            ValueError: `data` has fewer rows than the epoch began with, or they lie in other blocks; or the
                epoch is in another order than this sampler's.
        """
        self._begin(self._planner.check(SamplerState.from_dict(state), self.data))

    def _begin(self, state: SamplerState) -> None:
        """Stand at `state`; iterators that are under way no longer move it."""
        self._state = state
        self._has_begun = False
        self._run = object()
        self._generators = BatchGenerators(state.seed, 2, state.epoch, state.position, state.draw)
