"""Shuffled epochs of rows and of windows, with two workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.loaders import INDEX, OF_ROWS, Loader, Work
from benchmarks.measure import in_turns
from benchmarks.recording import even_episodes, prepare
from benchmarks.report import Result
from benchmarks.scenes import render_episode, walks

VERSION = 1


def time_loaders(title: str, work: Work, rounds: int, loaders: tuple[type[Loader], ...]) -> Result:
    """Time epochs of the same rows from their first batch to their last.

    Args:
        title: what is read.
        work: prepared.
        rounds: epochs of each loader.
        loaders: those whose libraries are installed take part.
    """
    taking_part = [loader() for loader in loaders if loader.is_available()]
    ready: list[Loader] = []
    try:
        for loader in taking_part:
            loader.setup(work)
            ready.append(loader)
        work.recording.warm_page_cache()
        for loader in taking_part:
            loader.check(work)
        timings = in_turns(taking_part, rounds, lambda loader, _: loader.time_epoch())
    finally:
        for loader in ready:
            loader.close()
    return Result(
        title=title,
        amount=max((len(work) - 1) * work.batch, 1),
        unit="rows" if work.steps is None else "windows",
        timings=tuple(timings),
        missing=tuple(loader.name for loader in loaders if not loader.is_available()),
        notes={"raw_bytes": work.recording.raw_bytes, "stored_bytes": work.recording.stored_bytes},
    )


@dataclass(frozen=True)
class EpochSuite:
    """Epochs of frames and numbers, timed from their first batch to their last.

    Attributes:
        episodes: how many.
        length: rows of each.
        height: of a frame.
        width: of a frame.
        numbers: name and width of the column of float32 beside the frames.
        batch: rows, or windows, a batch.
        loaders: who takes part.
        steps: steps from the row itself, by column, where windows are wanted.
        codec: how frames are compressed, "zstd" or "lz4".
    """

    episodes: int = 100
    length: int = 200
    height: int = 84
    width: int = 84
    numbers: tuple[str, int] = ("state", 25)
    batch: int = 256
    loaders: tuple[type[Loader], ...] = OF_ROWS
    steps: Mapping[str, tuple[int, ...]] | None = None
    codec: str = "zstd"

    def __call__(self, folder: Path, rounds: int) -> Result:
        """Prepare the rows where that has not been done, and time the loaders on them."""
        work = self.prepare(folder)
        return time_loaders(self.title(work), work, rounds, self.loaders)

    def title(self, work: Work) -> str:
        """What is read."""
        frame = f"{self.height}x{self.width}x3"
        if self.steps is None:
            what = f"frames of {frame} with {self.numbers[1]} numbers"
        else:
            counts = ", ".join(f"{len(steps)} of {name}" for name, steps in self.steps.items())
            what = f"windows of frames of {frame} ({counts} by steps) with masks"
        where = f"batches of {self.batch}, 2 workers, {self.codec}"
        return f"shuffled epoch of {len(work.recording):,} {what}, {where}"

    def prepare(self, folder: Path) -> Work:
        """Write the rows once."""
        column, numbers = self.numbers
        size = f"{self.episodes}x{self.length}-{self.height}x{self.width}"
        columns = {
            "image": ((self.height, self.width, 3), np.uint8),
            column: ((numbers,), np.float32),
            INDEX: ((), np.int64),
        }
        recording = prepare(
            folder / f"epochs-{size}-{column}{numbers}-v{VERSION}",
            columns,
            even_episodes(self.episodes, self.length),
            lambda number: {
                "image": render_episode((VERSION, number), self.length, self.height, self.width),
                **walks((VERSION, number), self.length, {column: (numbers, "float32")}),
                INDEX: np.arange(number * self.length, (number + 1) * self.length),
            },
            self.codec,
        )
        return Work(recording, self.batch, self.steps)
