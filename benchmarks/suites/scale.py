"""What grows with a dataset, and what does not."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

import unienv_data
from benchmarks.contender import Contender
from benchmarks.measure import in_turns
from benchmarks.probes import STEPS, probed
from benchmarks.report import Result
from benchmarks.sparse import prepare_small, prepare_sparse, rows_there
from benchmarks.suites.epochs import EpochSuite
from unienv_data.batches import SliceStackedBatch
from unienv_data.store.resident.budget import BYTES_VARIABLE

BATCHES_A_TURN = 5


class Windows(Contender):
    """Windows of a dataset, at random rows of those that are there."""

    distribution = "unienv-data"
    blocks: ClassVar[int] = 1
    may_be_resident: ClassVar[bool] = False

    def __init__(self, path: Path) -> None:
        self._buffer = unienv_data.open(path)
        self._windows = SliceStackedBatch(self._buffer, STEPS)
        self._rows = rows_there(self._buffer.storage.committed, self.blocks)

    def turn(self, number: int, batch: int) -> float:
        """Seconds of the middle one of several batches."""
        rng = np.random.default_rng(number)
        with resident(self.may_be_resident):
            return float(
                np.median([self._read(rng.choice(self._rows, batch)) for _ in range(BATCHES_A_TURN)])
            )

    def _read(self, rows: NDArray[np.int64]) -> float:
        start = time.perf_counter()
        self._windows.get_at_with_metadata(rows)
        return time.perf_counter() - start

    def close(self) -> None:
        self._buffer.close()


class SmallWindows(Windows):
    """A dataset of one block."""

    name = "windows of a small dataset"
    settings = "nothing resident"


class ResidentWindows(Windows):
    """The same, as it is by default."""

    name = "the same, resident"
    may_be_resident = True


class SparseWindows(Windows):
    """A dataset of very many rows."""

    name = "windows of a sparse dataset"
    settings = SmallWindows.settings
    blocks = 4


@contextmanager
def resident(allowed: bool) -> Iterator[None]:
    """Have columns become resident, or not."""
    before = os.environ.get(BYTES_VARIABLE)
    if not allowed:
        os.environ[BYTES_VARIABLE] = "0"
    try:
        yield
    finally:
        os.environ.pop(BYTES_VARIABLE, None)
        if before is not None:
            os.environ[BYTES_VARIABLE] = before


@dataclass(frozen=True)
class ScaleSuite:
    """A dataset of very many rows and episodes beside a small one, and epochs of two that differ tenfold.

    Attributes:
        episodes: of the sparse dataset, 300 rows each.
        batch: windows a read.
        epochs: the larger of the datasets whose epochs are gone through.
    """

    episodes: int = 1_000_000
    batch: int = 64
    epochs: EpochSuite = field(default_factory=EpochSuite)

    def __call__(self, folder: Path, rounds: int) -> Result:
        """Prepare the datasets where that has not been done, and look."""
        small = prepare_small(folder)
        sparse = prepare_sparse(folder, self.episodes, SparseWindows.blocks)
        contenders: list[Windows] = [SmallWindows(small), ResidentWindows(small), SparseWindows(sparse)]
        try:
            for contender in contenders:
                for number in range(4):  # other rows than those that are timed
                    contender.turn(1000 + number, self.batch)
            timings = in_turns(contenders, rounds, lambda one, number: one.turn(number, self.batch))
        finally:
            for contender in contenders:
                contender.close()
        notes: dict[str, float] = {}
        if sys.platform == "linux":
            notes |= probed("open", small, sparse)
            notes |= self._memory_of_epochs(folder)
        return Result(
            title=f"{self.batch} windows of 2 states and 16 actions of {self.episodes * 300:,} rows",
            amount=self.batch,
            unit="windows",
            timings=tuple(timings),
            notes=notes,
        )

    def _memory_of_epochs(self, folder: Path) -> dict[str, float]:
        tenth = replace(self.epochs, episodes=max(self.epochs.episodes // 10, 1))
        found = []
        for suite in (tenth, self.epochs):
            recording = suite.prepare(folder).recording
            found.append(probed("epoch", recording.store, suite.batch)["anonymous_bytes"])
        return {
            "anonymous_bytes_of_an_epoch": found[0],
            "anonymous_bytes_of_one_ten_times_as_long": found[1],
            "anonymous_bytes_ratio": round(found[1] / found[0], 3),
        }
