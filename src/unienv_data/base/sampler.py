"""The contract of a sampler: mini-batches of another batch, in an order that is a function of its state.

The state is five integers. From (seed, epoch, position) follow the batches of the rest of an epoch, from
(seed, draw) the next batch drawn with replacement; no random generator advances.
"""

from __future__ import annotations

import operator
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from unienv_data.base.batch import BatchBase, BatchT
from unienv_data.base.sampler_state import SamplerState
from unienv_data.errors import EmptyDataError
from unienv_data.indexing import IndexableType, RowIndex
from unienv_data.order import ORDERS, Epoch, derive_key, draw
from unienv_interface.backends import (
    ArrayAPIArray,
    BArrayType,
    BDeviceType,
    BDtypeType,
    BRNGType,
    ComputeBackend,
)
from unienv_interface.space.space import Space
from unienv_interface.space.space_utils import batch_utils
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
ReadT = TypeVar("ReadT")


class BatchSampler(
    BatchBase[SamplerBatchT, SamplerArrayType, SamplerDeviceType, SamplerDtypeType, SamplerRNGType],
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

    Subclasses set `data` and implement `_read`.

    Args:
        single_space: the space of one sample.
        single_metadata_space: the space of one sample's metadata; None where there is none.
        batch_size: rows of a batch.
        seed: any integer; None takes one from the operating system, once.
        shuffle: a name in `unienv_data.order.ORDERS`: "global" for a permutation of all rows, "none" for the
            rows' own order.
        drop_last: leave the last batch of an epoch out where it is shorter than `batch_size`.

    Attributes:
        data: what is sampled from.
        batch_size: as given.
        shuffle: as given.
        drop_last: as given.
        rng: a generator for what subclasses add to values, on this sampler's backend; None where there is
            none. The choice of rows never uses it.
        data_rng: the same on the backend of `data`.
    """

    is_mutable: bool = False
    data: BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]
    rng: SamplerRNGType | None = None
    data_rng: BRNGType | None = None
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
        shuffle: str = "global",
        drop_last: bool = False,
    ) -> None:
        super().__init__(single_space, single_metadata_space)
        self.batch_size = operator.index(batch_size)
        if self.batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {batch_size}")
        if shuffle not in ORDERS:
            raise ValueError(f"shuffle: expected one of {', '.join(sorted(ORDERS))}, got {shuffle!r}")
        self.shuffle = shuffle
        self.drop_last = drop_last
        self._begin(SamplerState(secrets.randbits(63) if seed is None else operator.index(seed)))

    # -- what is sampled -----------------------------------------------------------------------

    @cached_property
    def sampled_space(self) -> Space[SamplerBatchT, SamplerDeviceType, SamplerDtypeType, SamplerRNGType]:
        """The space of a full batch."""
        space: Space[SamplerBatchT, SamplerDeviceType, SamplerDtypeType, SamplerRNGType]
        space = batch_utils.batch_space(self.single_space, self.batch_size)
        return space

    @cached_property
    def sampled_metadata_space(
        self,
    ) -> DictSpace[SamplerDeviceType, SamplerDtypeType, SamplerRNGType] | None:
        """The space of a full batch's metadata; None where there is none."""
        if self.single_metadata_space is None:
            return None
        space = batch_utils.batch_space(self.single_metadata_space, self.batch_size)
        return cast(DictSpace[SamplerDeviceType, SamplerDtypeType, SamplerRNGType], space)

    def __len__(self) -> int:
        """How many batches a whole epoch has."""
        return len(self._plan(replace(self._state, position=0, length=self.data._indexed_length())))

    def _indexed_length(self) -> int:
        return self.data._indexed_length()

    def get_segments(self) -> list[tuple[int, int]] | None:
        """The segments of `data`."""
        return self.data.get_segments()

    # -- drawing with replacement --------------------------------------------------------------

    def sample_index(self) -> BArrayType:
        """Draw the rows of one batch, independently and with replacement.

        Returns:
            (batch_size,) integers on the backend and device of `data`.

        Raises:
            EmptyDataError: there are no rows.
        """
        length = self.data._indexed_length()
        if not length:
            raise EmptyDataError(f"there is nothing to sample: {type(self.data).__name__} has no rows")
        state = self._state
        rows = draw(self.batch_size, length, derive_key(state.seed, "draw", state.draw))
        self._state = replace(state, draw=state.draw + 1)
        backend = self.data.backend
        return backend.from_numpy(rows, dtype=backend.default_integer_dtype, device=self.data.device)

    def sample(self) -> SamplerBatchT:
        """Draw a batch of `batch_size` rows, independently and with replacement.

        Raises:
            EmptyDataError: there are no rows.
        """
        return self.get_at(self._drawn())

    def sample_with_metadata(self) -> tuple[SamplerBatchT, dict[str, Any] | None]:
        """Draw a batch, as `sample`; gives (batch, metadata)."""
        return self.get_at_with_metadata(self._drawn())

    def sample_flat(self) -> SamplerArrayType:
        """Draw a batch, as `sample`, in flattened form (batch_size, D)."""
        return self.get_flattened_at(self._drawn())

    def sample_flat_with_metadata(self) -> tuple[SamplerArrayType, dict[str, Any] | None]:
        """Draw a batch, as `sample_flat`; gives (array, metadata)."""
        return self.get_flattened_at_with_metadata(self._drawn())

    def _drawn(self) -> IndexableType | Any:
        # Drawn by the method that subclasses may override. Indexes may be of any backend.
        return self.sample_index()

    # -- epochs --------------------------------------------------------------------------------

    def epoch_iter(self) -> Iterator[SamplerBatchT]:
        """The batches of an epoch, every row in one of them, or of the rest of a loaded one.

        The last batch may be shorter than `batch_size`, unless `drop_last`.
        """
        return self._run_epoch(self.get_at)

    def epoch_iter_with_metadata(self) -> Iterator[tuple[SamplerBatchT, dict[str, Any] | None]]:
        """As `epoch_iter`; gives (batch, metadata)."""
        return self._run_epoch(self.get_at_with_metadata)

    def epoch_flat_iter(self) -> Iterator[SamplerArrayType]:
        """As `epoch_iter`, in flattened form (B, D)."""
        return self._run_epoch(self.get_flattened_at)

    def epoch_flat_iter_with_metadata(self) -> Iterator[tuple[SamplerArrayType, dict[str, Any] | None]]:
        """As `epoch_flat_iter`; gives (array, metadata)."""
        return self._run_epoch(self.get_flattened_at_with_metadata)

    def __iter__(self) -> Iterator[SamplerBatchT]:
        return self.epoch_iter()

    def _run_epoch(self, read: Callable[[Any], ReadT]) -> Iterator[ReadT]:
        """Begin an epoch, at once; its batches are read as the iterator is advanced."""
        state = self._state
        if self._has_begun:  # and was left, or is being iterated beside this one
            state = SamplerState(state.seed, state.epoch + 1, draw=state.draw)
        if state.length < 0:
            state = replace(state, length=self.data._indexed_length())
        self._begin(state)
        self._has_begun = True
        return self._batches(self._plan(state), read, self._run)

    def _batches(self, plan: Epoch, read: Callable[[RowIndex], ReadT], run: object) -> Iterator[ReadT]:
        for number in range(len(plan)):
            batch = read(plan.rows(number))
            if self._run is run:
                self._state = replace(self._state, position=plan.span(number)[1])
            yield batch
        if self._run is run:
            self._begin(SamplerState(self._state.seed, plan.number + 1, draw=self._state.draw))

    def _plan(self, state: SamplerState) -> Epoch:
        order = ORDERS[self.shuffle](state.length, state.seed)
        return Epoch(order, state.epoch, self.batch_size, self.drop_last, state.position)

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
        if self.rng is not None:
            self.rng = self._generator(self.backend, self.device)
        if self.data_rng is not None:
            self.data_rng = self._generator(self.data.backend, self.data.device)

    def _generator(self, backend: ComputeBackend[Any, Any, Any, Any], device: Any) -> Any:
        """A generator that depends on the seed and has nothing in common with the order."""
        seed = int(derive_key(self.seed, "generator")[0]) >> 32  # what every backend takes
        return backend.random.random_number_generator(seed, device=device)

    def state_dict(self) -> dict[str, int]:
        """Where the sampler stands, as integers that JSON can hold.

        Taken while an epoch is iterated, it stands after the batch last given out.
        """
        return asdict(self._state)

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go to where another sampler of the same data stood.

        The next `epoch_iter()` gives exactly what was left of its epoch, also with another batch size and
        where `data` has grown since; the next `sample()` what it would have drawn.

        Raises:
            DocumentError: `state` is not what `state_dict` gives.
            ValueError: `data` has fewer rows than the epoch began with.
        """
        loaded = SamplerState.from_dict(state)
        length = self.data._indexed_length()
        if loaded.length > length:
            raise ValueError(
                f"length: the epoch to continue began with {loaded.length} rows, "
                f"and {type(self.data).__name__} has {length}"
            )
        self._begin(loaded)

    def _begin(self, state: SamplerState) -> None:
        """Stand at `state`; iterators that are under way no longer move it."""
        self._state = state
        self._has_begun = False
        self._run = object()
