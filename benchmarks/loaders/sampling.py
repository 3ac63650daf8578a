"""This project, as a user trains: a sampler, with and without workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import unienv_data
from benchmarks.loaders.base import INDEX, Loaded, Loader, Work
from unienv_data.batches import SliceStackedBatch
from unienv_data.samplers import MultiprocessingSampler, StepSampler
from unienv_data.store.pool import limit_threads


def sampled(work: Work, data: Any, **options: Any) -> Any:
    """A sampler of what is wanted, over an open dataset."""
    if work.steps is not None:
        data = SliceStackedBatch(data, {name: list(steps) for name, steps in work.steps.items()})
    return StepSampler(data, work.batch, seed=0, **options)


def as_loaded(work: Work, batch: Any) -> Loaded:
    """A batch with its metadata, of NumPy arrays or PyTorch's tensors, in the form that is checked."""
    value, metadata = batch
    masks = metadata["slice_valid_mask"] if work.steps is not None else {}
    return Loaded(
        np.asarray(value[INDEX]).copy(),
        {name: np.asarray(array) for name, array in value.items()},
        {name: np.asarray(mask) for name, mask in masks.items()},
    )


class OneProcessLoader(Loader):
    """Everything in this process, decoded by one thread."""

    name = "StepSampler, 1 process, 1 thread"
    distribution = "unienv-data"
    settings = "limit_threads(1)"

    def setup(self, work: Work) -> None:
        self._work = work
        self._buffer = unienv_data.open(work.recording.store)
        self._sampler = sampled(work, self._buffer)

    def epoch(self) -> Iterator[Any]:
        batches: Iterator[Any] = self._sampler.epoch_iter_with_metadata()
        return batches

    def loaded(self, batch: Any) -> Loaded:
        return as_loaded(self._work, batch)

    def time_epoch(self) -> float:
        limit_threads(1)
        try:
            return super().time_epoch()
        finally:
            limit_threads(None)

    def close(self) -> None:
        self._sampler.close()
        self._buffer.close()


class WorkersLoader(OneProcessLoader):
    """Batches are read ahead by other processes."""

    name = "MultiprocessingSampler"
    settings = "2 workers, 8 buffers"

    def setup(self, work: Work) -> None:
        super().setup(work)
        self._sampler = MultiprocessingSampler(self._sampler, n_workers=work.workers)

    def time_epoch(self) -> float:
        return Loader.time_epoch(self)


def time_batches(batches: Iterator[Any]) -> tuple[float, float]:
    """When the first and the last of the batches were there."""
    next(batches)
    first = last = time.perf_counter()
    for _ in batches:
        last = time.perf_counter()
    return first, last
