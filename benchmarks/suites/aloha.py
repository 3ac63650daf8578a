"""Windows of a recording of ALOHA's, as the robot's own HDF5 files hold it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.loaders import INDEX, OF_WINDOWS, Loader, Work
from benchmarks.recording import prepare
from benchmarks.report import Result
from benchmarks.suites.epochs import time_loaders

FOLDER_VARIABLE = "BENCHMARK_ALOHA"
"""Environment variable: a folder with ALOHA episodes (`*.hdf5`), whose images are compressed by JPEG."""

VERSION = 1


def folder_of_episodes() -> Path | None:
    """Where episodes stand, if anybody says so."""
    said = os.environ.get(FOLDER_VARIABLE)
    return None if said is None else Path(said)


def read_episode(path: Path) -> dict[str, NDArray[Any]]:
    """An episode: images (T, height, width, 3) by camera, and `action` (T, 14)."""
    import h5py
    import imagecodecs

    with h5py.File(path) as file:
        columns: dict[str, NDArray[Any]] = {"action": np.array(file["action"])}
        for name, images in file["observations/images"].items():
            columns[name] = np.stack([imagecodecs.jpeg_decode(image.tobytes()) for image in images])
    return columns


@dataclass(frozen=True)
class AlohaSuite:
    """Windows of 2 frames of every camera and 16 actions.

    Attributes:
        source: folder of the episodes.
        times: how often each is there, one after another, so that an epoch has more than a few batches.
        batch: windows a batch.
        loaders: who takes part.
    """

    source: Path
    times: int = 10
    batch: int = 64
    loaders: tuple[type[Loader], ...] = OF_WINDOWS

    def __call__(self, folder: Path, rounds: int) -> Result:
        """Prepare the rows where that has not been done, and time the loaders on them."""
        work = self.prepare(folder)
        cameras = len(work.recording.columns) - 2
        title = (
            f"shuffled epoch of {len(work.recording):,} windows of 2 frames of each of "
            f"{cameras} ALOHA cameras and 16 actions with masks, batches of {self.batch}, 2 workers"
        )
        return time_loaders(title, work, rounds, self.loaders)

    def prepare(self, folder: Path) -> Work:
        """Write the rows once."""
        found = [read_episode(path) for path in sorted(self.source.glob("*.hdf5"))]
        if not found:
            raise FileNotFoundError(f"{self.source}: no *.hdf5 there")
        lengths = [len(episode["action"]) for episode in found] * self.times
        stops = np.cumsum(lengths).tolist()
        episodes = tuple((stop - length, stop) for stop, length in zip(stops, lengths, strict=True))
        columns: dict[str, tuple[tuple[int, ...], Any]] = {
            name: (rows.shape[1:], rows.dtype) for name, rows in found[0].items()
        }
        recording = prepare(
            folder / f"aloha-{len(found)}x{self.times}-v{VERSION}",
            {**columns, INDEX: ((), np.int64)},
            episodes,
            lambda number: {**found[number % len(found)], INDEX: np.arange(*episodes[number])},
        )
        steps = {name: (-1, 0) for name in columns if name != "action"}
        return Work(recording, self.batch, {**steps, "action": tuple(range(16))})
