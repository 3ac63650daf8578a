"""Random rows of camera frames, compressed without loss."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.readers import READERS, Reader
from benchmarks.recording import Recording, even_episodes, prepare
from benchmarks.report import Result
from benchmarks.scenes import render_episode
from benchmarks.suites.rows import read_rows

#: Part of the name of what is kept between runs: raise it when the frames change.
VERSION = 1


@dataclass(frozen=True)
class FrameSuite:
    """Random frames of one camera.

    Attributes:
        episodes: how many.
        length: frames of each.
        height: of a frame.
        width: of a frame.
        batch: frames a read.
        codec: how they are compressed, "zstd" or "lz4".
    """

    episodes: int = 100
    length: int = 200
    height: int = 84
    width: int = 84
    batch: int = 256
    codec: str = "zstd"

    def __call__(self, folder: Path, rounds: int, readers: tuple[type[Reader], ...] = READERS) -> Result:
        """Prepare the frames where that has not been done, and time the readers on them."""
        recording = self.prepare(folder)
        title = f"{self.batch} random rows of {len(recording):,} frames of {self.height}x{self.width}x3"
        return read_rows(f"{title}, {self.codec}", recording, self.batch, rounds, readers)

    def prepare(self, folder: Path) -> Recording:
        """Write the frames once."""
        shape = (self.height, self.width, 3)
        name = f"frames-{self.episodes}x{self.length}-{self.height}x{self.width}-v{VERSION}"
        return prepare(
            folder / name,
            {"image": (shape, np.uint8)},
            even_episodes(self.episodes, self.length),
            lambda number: {"image": render_episode((VERSION, number), self.length, self.height, self.width)},
            self.codec,
        )
