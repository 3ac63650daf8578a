"""What it takes to be measured as a loader: whole shuffled epochs, batch by batch."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.contender import Contender
from benchmarks.recording import Recording

INDEX = "number"
"""The column that holds each row's own number."""


@dataclass(frozen=True)
class Work:
    """What an epoch is to give.

    Attributes:
        recording: the rows; one of its columns is `INDEX`.
        batch: rows, or windows, a batch.
        steps: steps from the row itself, by column that is shown with several; None for single rows.
        workers: processes that read.
    """

    recording: Recording
    batch: int
    steps: Mapping[str, tuple[int, ...]] | None = None
    workers: int = 2

    def __len__(self) -> int:
        return -(-len(self.recording) // self.batch)

    def places(
        self, rows: NDArray[np.int64], steps: tuple[int, ...]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The rows (B, T) that the windows at `rows` show, edges repeated, and which steps are real."""
        bounds = np.array(self.recording.episodes)
        episode = np.searchsorted(bounds[:, 0], rows, side="right") - 1
        wanted = rows[:, None] + np.array(steps)
        first, last = bounds[episode, :1], bounds[episode, 1:] - 1
        return np.clip(wanted, first, last), (wanted >= first) & (wanted <= last)


@dataclass(frozen=True)
class Loaded:
    """A batch in the form that is checked.

    Attributes:
        rows: the number of each row, (B,).
        columns: what is shown, (B, *D) or (B, T, *D).
        masks: which steps are real, (B, T) by column with several steps.
    """

    rows: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]
    masks: Mapping[str, NDArray[np.bool_]]


class Loader(Contender):
    """Gives shuffled epochs. A new one is a file with a subclass, named in `LOADERS`."""

    is_lossy: ClassVar[bool] = False
    """Whether frames come back about as they were."""

    @abstractmethod
    def setup(self, work: Work) -> None:
        """Open what is to be read, having written it in an own form where that needs be. Not timed."""

    @abstractmethod
    def epoch(self) -> Iterator[Any]:
        """The batches of another epoch, as a user gets them."""

    @abstractmethod
    def loaded(self, batch: Any) -> Loaded:
        """A batch in the form that is checked. Not timed."""

    def time_epoch(self) -> float:
        """Seconds from an epoch's first batch to its last."""
        batches = self.epoch()
        next(batches)
        start = time.perf_counter()
        for _ in batches:
            pass
        return time.perf_counter() - start

    def check(self, work: Work) -> None:
        """Go through an epoch, which also starts what has to be started.

        Raises:
            ValueError: it does not give every row once, or something else than was written.
        """
        numbers = []
        for place, batch in enumerate(self.epoch()):
            loaded = self.loaded(batch)
            numbers.append(loaded.rows)
            if place < 2:
                self._check_batch(work, loaded)
        if len(numbers) != len(work):
            raise ValueError(f"{self.name} gave {len(numbers)} batches, expected {len(work)}")
        if not np.array_equal(np.sort(np.concatenate(numbers)), np.arange(len(work.recording))):
            raise ValueError(f"{self.name} did not give every row once")

    def _check_batch(self, work: Work, loaded: Loaded) -> None:
        for name in work.recording.columns:
            if name == INDEX:
                continue
            raw, steps = work.recording.raw(name), (work.steps or {}).get(name)
            places: NDArray[np.int64] = loaded.rows
            if steps is not None:
                places, mask = work.places(loaded.rows, steps)
                if not np.array_equal(loaded.masks[name], mask):
                    raise ValueError(f"{self.name} gave other masks of {name} than episodes ask for")
            expected = raw[places]
            found = loaded.columns[name]
            if self.is_lossy and raw.dtype == np.uint8:
                close = found.shape == expected.shape and _mean_difference(found, expected) < 16
            else:
                close = np.array_equal(found, expected)
            if not close:
                raise ValueError(f"{self.name} gave other values of {name} than were written")


def _mean_difference(found: NDArray[Any], expected: NDArray[Any]) -> float:
    return float(np.mean(np.abs(found.astype(np.int16) - expected.astype(np.int16))))
