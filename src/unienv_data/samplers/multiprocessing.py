"""Batches that other processes read ahead."""

from __future__ import annotations

import operator
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from multiprocessing import util
from multiprocessing.context import BaseContext
from typing import Any

from unienv_data.base.batch import BatchT
from unienv_data.base.batch_request import BatchRequest
from unienv_data.base.sampler import (
    BatchSampler,
    SamplerArrayType,
    SamplerBatchT,
    SamplerDeviceType,
    SamplerDtypeType,
    SamplerRNGType,
)
from unienv_data.base.sampler_state import SamplerState
from unienv_data.base.streaming import Expecting, is_streamed
from unienv_data.indexing import RowIndex
from unienv_data.order import Plan
from unienv_data.samplers.prefetching import Prefetcher, Stream
from unienv_data.samplers.sizes import batch_bytes
from unienv_data.samplers.travelling import pickled_reader
from unienv_data.workers import Job, WorkerCrew, default_context
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space import Space

__all__ = ["MultiprocessingSampler"]

# Seconds for which draws go on from the data as it was, before it is looked whether it has changed.
_DRAWS_STAY_CURRENT = 1.0
_BEFORE_OTHERS = 10
_RUNNING = ("_owner", "_end", "_job", "_job_made_at", "_draws", "_drawn_next", "_prefetcher")


class MultiprocessingSampler(
    BatchSampler[
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
    ]
):
    """The batches of another sampler, read ahead by worker processes.

    Which batches, and in which order, is a function of the sampler's state alone: they are the same for any
    number of workers, and as the sampler alone gives them. `state_dict()` stands where the consumer does,
    whatever has been read ahead.

    Workers are started when the first batch is asked for. They open the data themselves: it travels as a path
    and the rows that are meant, functions by value. They see the data as it is when an epoch begins; draws
    follow its changes about every second. Of a buffer that is open for writing in this process, they see what
    is committed, which the beginning of an epoch sees to.

    Batches stand in shared memory and are the consumer's to keep and to change: a place is used again when
    nobody refers to its batch any more. While batches in half of `n_buffers` are being kept, further ones are
    copied.

    An exception in a worker is raised here as what it is, with the worker's traceback. A worker that dies is
    a WorkerDiedError; the next batch that is asked for starts workers anew. When the sampler is closed or
    forgotten, or this process ends, however it does, no process and no shared memory is left.

    Args:
        sampler: whose batches these are. It is copied in its present state, stays as it is, and stays open.
        n_workers: how many processes; with 0, batches are read in this one.
        n_buffers: how many batches there is room for in shared memory: read ahead, or in use.
        ctx: how processes are started; by default from a fork server where there is one, else spawned.
            Scripts need `if __name__ == "__main__":`, as always with `multiprocessing`.
        doze_time: accepted for compatibility: nobody dozes, whoever waits is woken.
        daemon: whether workers are daemonic, which they are by default; others may start processes.

    Attributes:
        sampler: as given.
        n_workers: as given.
        n_buffers: as given.

    Example:
        >>> from unienv_data.samplers import MultiprocessingSampler, StepSampler
        >>> sampler = StepSampler(data, 256, seed=0)  # doctest: +SKIP
        >>> with MultiprocessingSampler(sampler, n_workers=4) as ahead:  # doctest: +SKIP
        ...     for batch in ahead:
        ...         train(batch)
    """

    def __init__(
        self,
        sampler: BatchSampler[
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
        n_workers: int = 4,
        n_buffers: int = 8,
        ctx: BaseContext | None = None,
        doze_time: float = 0.005,
        daemon: bool | None = None,
    ) -> None:
        if not isinstance(sampler, BatchSampler):
            raise TypeError(f"sampler: expected a BatchSampler, got {type(sampler).__name__}")
        self.n_workers, self.n_buffers = operator.index(n_workers), operator.index(n_buffers)
        if self.n_workers < 0:
            raise ValueError(f"n_workers: expected at least 0, got {n_workers}")
        if self.n_buffers < 1:
            raise ValueError(f"n_buffers: expected at least 1, got {n_buffers}")
        if not doze_time >= 0:
            raise ValueError(f"doze_time: expected at least 0 seconds, got {doze_time}")
        super().__init__(
            sampler.single_space,
            sampler.single_metadata_space,
            sampler.batch_size,
            seed=sampler.seed,
            shuffle=sampler._planner.shuffle,
            drop_last=sampler.drop_last,
            rank=sampler.rank,
            world_size=sampler.world_size,
            uneven=sampler.uneven,
            buffer_bytes=sampler.buffer_bytes,
        )
        self.sampler = sampler
        self.data = sampler.data
        self._planner = sampler._planner
        self._begin(sampler._state)
        self._has_begun = sampler._has_begun
        self._context = ctx or default_context()
        self._daemon = daemon is None or daemon
        self._make_ready()

    def _make_ready(self) -> None:
        """Have nothing running."""
        self._owner: int | None = None  # the process whose end the crew must not outlive
        self._job: Job | None = None
        self._job_made_at = 0.0
        self._draws: Stream | None = None
        self._drawn_next: tuple[Any, ...] = ()
        # Nothing here may refer to the sampler: it is to end as soon as its user has dropped it.
        self._prefetcher = Prefetcher(
            partial(
                _started,
                (self.single_space, self.single_metadata_space),
                self.batch_size,
                self.n_workers,
                self.n_buffers,
                self._context,
                self._daemon,
            )
        )

    def __getstate__(self) -> dict[str, Any]:
        # What runs is this process's alone.
        return {name: value for name, value in vars(self).items() if name not in _RUNNING}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._make_ready()

    # -- what the sampler does -----------------------------------------------------------------

    def sample_index(self) -> BArrayType:
        state = self._state
        index = self.sampler._draw_index(state)
        self._state = self._drawn(state)
        return index

    def _begun(self, state: SamplerState) -> SamplerState:
        return self.sampler._begun(state)

    def _plan(self, state: SamplerState) -> Plan:
        return self.sampler._plan(state)

    def _read(self, rows: RowIndex) -> tuple[SamplerBatchT, dict[str, Any] | None]:
        return self.sampler._read(rows)

    def _read_flattened(self, rows: RowIndex) -> tuple[SamplerArrayType, dict[str, Any] | None]:
        return self.sampler._read_flattened(rows)

    def _read_request(self, request: BatchRequest) -> tuple[Any, dict[str, Any] | None]:
        return self.sampler._read_request(request)

    def _masked(
        self, request: BatchRequest, value: Any, metadata: dict[str, Any] | None
    ) -> tuple[Any, dict[str, Any] | None]:
        return self.sampler._masked(request, value, metadata)

    # -- what workers do -----------------------------------------------------------------------

    def _serve_epoch(self, first: BatchRequest, count: int) -> Iterator[tuple[Any, dict[str, Any] | None]]:
        if not self.n_workers or not count:
            yield from self.sampler._serve_epoch(first, count)
            return
        self._require_open()
        plan = self._plan(first.state)
        expecting = None
        if is_streamed(plan):
            # Before the job is made, by which workers are told where blocks are kept.
            rows = (self.n_buffers + 1) * self.batch_size
            expecting = Expecting(self.data, plan, self.buffer_bytes, rows, shared=True)
        stream = Stream(self._current_job(), partial(_numbered, first), count)
        try:
            for number in range(count):
                if expecting is not None:
                    expecting.reach(number, min(number + self.n_buffers, count) - 1)
                yield self._take(stream, _numbered(first, number))
        finally:
            self._prefetcher.end(stream)
            if expecting is not None:
                expecting.close()

    def _draw(self, *, flat: bool, with_metadata: bool) -> tuple[Any, dict[str, Any] | None]:
        self._require_open()
        if not self.n_workers:
            return super()._draw(flat=flat, with_metadata=with_metadata)
        state = self._state
        drawn = _drawn(state, self.world_size, flat, with_metadata, 0)
        stream = self._draws = self._draws_from(drawn)
        self._drawn_next = ()  # unless all goes well
        batch = self._take(stream, drawn)
        self._state = self._drawn(state)
        self._drawn_next = (self._state.seed, self._state.draw, flat, with_metadata)
        return batch

    def _draws_from(self, first: BatchRequest) -> Stream:
        """The stream whose next batch is `first`, over the data as they are, or were a moment ago."""
        wanted = (first.state.seed, first.state.draw, first.flat, first.with_metadata)
        stream = self._draws if wanted == self._drawn_next else None
        if stream is not None and time.monotonic() - self._job_made_at < _DRAWS_STAY_CURRENT:
            return stream
        job = self._current_job()
        if stream is not None and stream.job is job:
            return stream
        if self._draws is not None:
            self._prefetcher.end(self._draws)
        request = partial(_drawn, first.state, self.world_size, first.flat, first.with_metadata)
        return Stream(job, request)

    def _take(self, stream: Stream, request: BatchRequest) -> tuple[Any, dict[str, Any] | None]:
        self._require_open()
        if self._owner != os.getpid():
            self._owner = os.getpid()
            # Before `multiprocessing` waits for processes at its own end.
            self._end = util.Finalize(self, self._prefetcher.close, exitpriority=_BEFORE_OTHERS)
        value, metadata, worker, traffic = self._prefetcher.take(stream)
        self._meter.tell(worker, traffic)
        return self.sampler._masked(request, *self.sampler._delivered(value, metadata, request.flat))

    def _current_job(self) -> Job:
        """What reads batches from the data as they are now."""
        pickled = pickled_reader(self.sampler)
        self._job_made_at = time.monotonic()
        if self._job is None or self._job.function != pickled:
            self._job = Job(pickled)
        return self._job

    def _close(self) -> None:
        if self._owner == os.getpid():
            self._end()


def _numbered(first: BatchRequest, number: int) -> BatchRequest:
    """The request for a batch of the epoch of `first`."""
    return replace(first, number=number)


def _drawn(
    first: SamplerState, world_size: int, flat: bool, with_metadata: bool, number: int
) -> BatchRequest:
    """The request for a batch drawn after `number` others."""
    state = SamplerState(first.seed, draw=first.draw + number * world_size)
    return BatchRequest(state, None, flat, with_metadata)


def _started(
    spaces: Sequence[Space[Any, Any, Any, Any] | None],
    batch_size: int,
    workers: int,
    slots: int,
    context: BaseContext,
    daemon: bool,
) -> WorkerCrew:
    slot_bytes = sum(batch_bytes(space, batch_size) for space in spaces)
    return WorkerCrew(workers, slots, slot_bytes, context, daemon=daemon)
