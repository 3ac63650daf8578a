"""How what a dataset costs grows with its rows, its episodes and its columns.

Work is told in time of the processor, which what else the machine does disturbs little. Commits wait for the
disk, too: they are told in both.
"""

from __future__ import annotations

import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

import unienv_data
from benchmarks.recording import box, once
from benchmarks.scenes import walks
from benchmarks.suites.scale import resident
from benchmarks.sweep import Point, Sweep, Sweeps, take_turns
from unienv_data.batches import SliceStackedBatch
from unienv_data.samplers import StepSampler
from unienv_data.storages.zarr import ZarrStorage
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import DictSpace

VERSION = 1
OPEN = "opening, ms"
BATCH = "256 rows, ms"
RESIDENT = "256 rows, resident, ms"
APPEND = "append, ms"
COMMIT = "commit of a row, ms"
END = "end of a segment, ms"
WAITED = "the same, waited ms"
SEGMENTS = "get_segments, ms"
WINDOWS = "64 windows, ms"
SAMPLER = "StepSampler, first batch, ms"

_BATCHES = 3
_APPENDS = 50
_UNTIL_RESIDENT = 60
_WINDOW_ROWS = 16
_BLOCK_ROWS = 1 << 16


@dataclass(frozen=True)
class Size:
    """How much there is.

    Attributes:
        rows: of the dataset.
        episodes: of equal length.
        columns: width of each, of float32.
    """

    rows: int
    episodes: int
    columns: tuple[int, ...]

    @property
    def name(self) -> str:
        """Of what is kept between runs."""
        return f"growth-{self.rows}-{self.episodes}-{len(self.columns)}x{self.columns[0]}-v{VERSION}"

    def space(self) -> DictSpace[Any, Any, Any]:
        """Of a row."""
        return DictSpace(NumpyComputeBackend, {name: box(row[None]) for name, row in self.row().items()})

    def row(self) -> dict[str, NDArray[np.float32]]:
        """One more."""
        return {f"c{number}": np.zeros(width, np.float32) for number, width in enumerate(self.columns)}

    def write(self, path: Path) -> None:
        """A dataset of this size."""
        length = self.rows // self.episodes
        shapes = {f"c{number}": (width, "float32") for number, width in enumerate(self.columns)}
        block = walks((VERSION,), max(min(_BLOCK_ROWS, self.rows), length), shapes)
        with unienv_data.ReplayBuffer.create(
            ZarrStorage,
            self.space(),
            cache_path=str(path),
            capacity=None,
            overwrite=True,
            commit_interval=3600,
        ) as buffer:
            place = 0
            for _ in range(self.episodes):
                place = 0 if place + length > len(block["c0"]) else place
                buffer.extend({name: rows[place : place + length] for name, rows in block.items()})
                place += length


class Subject(ABC):
    """A dataset of some size, which readers and a writer have open.

    Args:
        path: the dataset, which the writer appends to.
        size: of it.
    """

    axis: ClassVar[str]

    def __init__(self, path: Path, size: Size) -> None:
        self._path, self._row = path, size.row()
        self._reader = unienv_data.open(path)
        self._resident = unienv_data.open(path)
        self._count = len(self._reader)
        self._writer = unienv_data.open(path, "a", commit_interval=3600)
        self._append()
        self._writer.commit()  # the first claims and copies, as after any opening

    def close(self) -> None:
        """Let go of it."""
        for buffer in (self._reader, self._resident, self._writer):
            buffer.close()

    @abstractmethod
    def turn(self, number: int) -> dict[str, float]:
        """Figures of one round."""

    def _opening(self) -> float:
        def opened() -> None:
            unienv_data.open(self._path).close()

        return _milliseconds(opened)

    def _batches(self, number: int) -> dict[str, float]:
        if number == 0:
            for batch in range(_UNTIL_RESIDENT):
                self._resident.get_at(self._some(1000 + batch))
        with resident(False):
            decoded = self._middle_of_batches(self._reader, number)
        return {BATCH: decoded, RESIDENT: self._middle_of_batches(self._resident, number)}

    def _middle_of_batches(self, buffer: Any, number: int) -> float:
        asked = [self._some(number * _BATCHES + batch) for batch in range(_BATCHES)]
        return float(np.median([_milliseconds(buffer.get_at, rows) for rows in asked]))

    def _some(self, seed: int) -> NDArray[np.int64]:
        return np.random.default_rng(seed).integers(0, self._count, 256)

    def _append(self) -> float:
        """Milliseconds of one row, when several are appended."""

        def append() -> None:
            for _ in range(_APPENDS):
                self._writer.append(self._row)

        return _milliseconds(append) / _APPENDS

    def _commit(self) -> dict[str, float]:
        self._writer.append(self._row)
        start = time.perf_counter()
        work = _milliseconds(self._writer.commit)
        return {COMMIT: work, WAITED: (time.perf_counter() - start) * 1e3}


class OfRows(Subject):
    """More rows, in as many episodes."""

    axis = "rows"

    def turn(self, number: int) -> dict[str, float]:
        return {
            OPEN: self._opening(),
            **self._batches(number),
            APPEND: self._append(),
            **self._commit(),
        }


class OfColumns(OfRows):
    """More columns, of as many rows."""

    axis = "columns"


class OfEpisodes(Subject):
    """More episodes, of ten rows each."""

    axis = "episodes"

    def turn(self, number: int) -> dict[str, float]:
        with unienv_data.open(self._path) as buffer:
            segments = _milliseconds(buffer.get_segments)
            sampler = _milliseconds(lambda: StepSampler(buffer, 256, seed=number).sample())
            windows = SliceStackedBatch(buffer, {"c0": list(range(_WINDOW_ROWS))})
            rng = np.random.default_rng(number)
            asked = [rng.integers(0, self._count, 64) for _ in range(_BATCHES + 1)]
            windows.get_at_with_metadata(asked.pop())
            read = [_milliseconds(windows.get_at_with_metadata, rows) for rows in asked]
        append = self._append()
        start = time.perf_counter()
        end = _milliseconds(self._writer.mark_segment_end)
        waited = (time.perf_counter() - start) * 1e3
        return {
            OPEN: self._opening(),
            SEGMENTS: segments,
            SAMPLER: sampler,
            WINDOWS: float(np.median(read)),
            APPEND: append,
            END: end,
            WAITED: waited,
        }


def _milliseconds(work: Callable[..., object], *arguments: object) -> float:
    """Of the processor."""
    start = time.process_time()
    work(*arguments)
    return (time.process_time() - start) * 1e3


@dataclass(frozen=True)
class GrowthSuite:
    """One thing grows at a time.

    Attributes:
        rows: of one column of 25 float32, in ten episodes.
        episodes: of ten rows of 7 float32.
        columns: of 7 float32 each.
        rows_of_columns: rows of each dataset of many columns.
    """

    rows: Sequence[int] = (10_000, 30_000, 100_000, 300_000, 1_000_000)
    episodes: Sequence[int] = (10, 100, 1000, 10_000, 100_000)
    columns: Sequence[int] = (1, 2, 4, 8, 16, 32, 64)
    rows_of_columns: int = 20_000

    def __call__(self, folder: Path, rounds: int) -> Sweeps:
        """Prepare the datasets where that has not been done, and look at copies of them."""
        return Sweeps(
            "how cost grows",
            (
                self._sweep(folder, rounds, OfRows, {count: Size(count, 10, (25,)) for count in self.rows}),
                self._sweep(
                    folder,
                    rounds,
                    OfEpisodes,
                    {count: Size(count * 10, count, (7,)) for count in self.episodes},
                ),
                self._sweep(
                    folder,
                    rounds,
                    OfColumns,
                    {count: Size(self.rows_of_columns, 10, (7,) * count) for count in self.columns},
                ),
            ),
            overlaid=True,
        )

    def _sweep(self, folder: Path, rounds: int, kind: type[Subject], sizes: dict[int, Size]) -> Sweep:
        here = folder / "growing"
        subjects: list[Subject] = []
        try:
            for count, size in sizes.items():
                path = folder / f"{size.name}.zarr"
                once(path, partial(size.write, path))
                copy = here / f"{count}.zarr"
                shutil.copytree(path, copy)
                subjects.append(kind(copy, size))
            figures = take_turns(subjects, rounds, lambda one, number: one.turn(number))
        finally:
            for subject in subjects:
                subject.close()
            shutil.rmtree(here, ignore_errors=True)
        points = [Point("", float(count), one) for count, one in zip(sizes, figures, strict=True)]
        return Sweep(kind.axis, kind.axis, tuple(points))
