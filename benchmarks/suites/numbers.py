"""Random rows of numbers, as states, actions and rewards are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.readers import NARROW, Reader
from benchmarks.recording import Recording, even_episodes, prepare
from benchmarks.report import Result
from benchmarks.scenes import walks
from benchmarks.suites.rows import read_rows

VERSION = 1
LENGTH = 1000

SIX_COLUMNS: Mapping[str, tuple[int, str]] = {
    "joints": (7, "float32"),
    "pose": (6, "float32"),
    "gripper": (1, "float32"),
    "action": (14, "float32"),
    "reward": (0, "float32"),
    "time": (0, "float64"),
}
"""Width, 0 for a scalar, and dtype of each column."""


@dataclass(frozen=True)
class NumberSuite:
    """Random rows of columns of numbers.

    Attributes:
        name: of what is kept between runs.
        columns: width, 0 for a scalar, and dtype, by name.
        episodes: how many, of `LENGTH` rows each.
        batch: rows a read.
        warm_up: batches before anything is timed: as many as it takes until nothing needs decoding any more.
    """

    name: str
    columns: Mapping[str, tuple[int, str]] = field(default_factory=lambda: SIX_COLUMNS)
    episodes: int = 300
    batch: int = 256
    warm_up: int = 40

    def __call__(self, folder: Path, rounds: int, readers: tuple[type[Reader], ...] = NARROW) -> Result:
        """Prepare the rows where that has not been done, and time the readers on them."""
        recording = self.prepare(folder)
        what = ", ".join(f"{name} {width or 'scalar'}" for name, (width, _) in self.columns.items())
        title = f"{self.batch} random rows of {len(recording):,} of {what}"
        return read_rows(title, recording, self.batch, rounds, readers, warm_up=self.warm_up)

    def prepare(self, folder: Path) -> Recording:
        """Write the rows once."""
        return prepare(
            folder / f"{self.name}-{self.episodes}-v{VERSION}",
            {name: ((width,) if width else (), dtype) for name, (width, dtype) in self.columns.items()},
            even_episodes(self.episodes, LENGTH),
            lambda number: walks((VERSION, number), LENGTH, self.columns),
        )
