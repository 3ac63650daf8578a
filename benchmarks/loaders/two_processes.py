"""Two processes that know nothing of one another, each with half of the epoch."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

import unienv_data
from benchmarks.loaders.base import INDEX, Loaded, Loader, Work
from benchmarks.loaders.sampling import as_loaded, sampled, time_batches
from unienv_data.store.pool import limit_threads


class TwoProcessesLoader(Loader):
    """What two cores can give at most, where nobody hands anything to anybody."""

    name = "2 independent processes"
    distribution = "unienv-data"
    settings = "limit_threads(1), half of the epoch each, batches dropped where they are read"

    def setup(self, work: Work) -> None:
        context = multiprocessing.get_context("spawn")
        self._processes, self._ends = [], []
        for rank in range(work.workers):
            end, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, work, rank), daemon=True)
            process.start()
            self._processes.append(process)
            self._ends.append(end)

    def check(self, work: Work) -> None:
        self._ask("check")
        numbers = np.concatenate(self._answers())
        missing = np.setdiff1d(np.arange(len(work.recording)), numbers)
        if len(missing):
            raise ValueError(f"{self.name} did not give every row")

    def epoch(self) -> Iterator[Any]:
        raise TypeError(f"{self.name}: batches stay where they are read")

    def loaded(self, batch: Any) -> Loaded:
        raise TypeError(f"{self.name}: batches stay where they are read")

    def time_epoch(self) -> float:
        """From the first batch of either to the last of either, of one clock that processes share."""
        self._ask("time")
        firsts, lasts = zip(*self._answers(), strict=True)
        return float(max(lasts) - min(firsts))

    def close(self) -> None:
        self._ask("end")
        for process in self._processes:
            process.join()

    def _ask(self, what: str) -> None:
        for end in self._ends:
            end.send(what)

    def _answers(self) -> list[Any]:
        found = [end.recv() for end in self._ends]
        for answer in found:
            if isinstance(answer, Exception):
                raise answer
        return found


def _serve(end: Connection, work: Work, rank: int) -> None:
    """Answer questions until the end."""
    limit_threads(1)
    with unienv_data.open(work.recording.store) as buffer:
        sampler = sampled(work, buffer, rank=rank, world_size=work.workers)
        while (asked := end.recv()) != "end":
            batches = sampler.epoch_iter_with_metadata()
            if asked == "check":
                end.send(
                    np.concatenate(
                        [
                            as_loaded(
                                work,
                                (
                                    value,
                                    {},
                                ),
                            ).columns[INDEX]
                            for value, _ in batches
                        ]
                    )
                )
            else:
                end.send(time_batches(batches))
