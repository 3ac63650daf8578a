"""What the defaults cost and what others would: codecs, inner chunks, shards and blocks."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmarks import stored
from benchmarks.scenes import render_episode, walks
from benchmarks.stored import Layout, StoredRows
from benchmarks.suites.scale import resident
from benchmarks.sweep import Point, Sweep, Sweeps, take_turns
from benchmarks.takeover import Takeover

VERSION = 1
NARROW = ((25, "float32"), (7, "float32"), (0, "float64"))
KIB = (2, 4, 8, 16, 32, 64)
NARROW_CODECS = ("zstd:1", "zstd:3", "zstd:3:bitshuffle", "lz4")
FRAME_CODECS = ("raw", "lz4", "zstd:1", "zstd:3", "zstd:1:bitshuffle", "zstd:3:bitshuffle")
MIB = (1, 2, 4, 8, 16, 32)
OF_BLOCKS = (1024, 2048, 4096, 8192, 16384)
NARROW_MIB = (0.25, 0.5, 1, 2, 4)

_READ = (stored.RANDOM, stored.WINDOWS, stored.IN_ORDER)
_OF_CHUNKS = (stored.SIZE, stored.EXTEND, *_READ)
_OF_CODECS = (stored.SIZE, stored.EXTEND, stored.RANDOM, stored.IN_ORDER)
_OF_SHARDS = (stored.EXTEND, stored.COMMIT, stored.RANDOM, stored.FILES)

Place = tuple[str, float | str, NDArray[Any], Layout]
"""Line and place of a point, and what is measured there."""


@dataclass(frozen=True)
class DefaultsSuite:
    """One thing after another, all else as it is by default; by one thread, nothing resident.

    Attributes:
        megabytes: of frames that a layout is tried with, about; of numbers there are twice as many.
        batch: random rows a read; of large frames a quarter.
        windows: random windows of 18 rows a read.
        numbers: width, 0 for a scalar, and dtype of columns of numbers; shards are those of the first.
        narrow_codecs: of numbers.
        kib: of inner chunks of numbers.
        narrow_mib: of shards of numbers.
        sizes: height and width of frames; shards and blocks are those of the first.
        frame_codecs: of frames.
        mib: of shards of frames.
        blocks: rows of a block.
    """

    megabytes: float = 12
    batch: int = 256
    windows: int = 64
    numbers: Sequence[tuple[int, str]] = NARROW
    narrow_codecs: Sequence[str] = NARROW_CODECS
    kib: Sequence[int] = KIB
    narrow_mib: Sequence[float] = NARROW_MIB
    sizes: Sequence[int] = (84, 224)
    frame_codecs: Sequence[str] = FRAME_CODECS
    mib: Sequence[float] = MIB
    blocks: Sequence[int] = OF_BLOCKS

    def __call__(self, folder: Path, rounds: int) -> Sweeps:
        """Write and read the same rows in all layouts."""
        here = folder / "defaults"
        try:
            with resident(False):
                sweeps = [*self._of_numbers(here, rounds), *self._of_frames(here, rounds)]
                sweeps.append(self._of_blocks(here, rounds))
        finally:
            shutil.rmtree(here, ignore_errors=True)
        title = f"layouts: {self.batch} random rows, {self.windows} windows of 18; time of one thread"
        return Sweeps(title, tuple(sweeps))

    def _of_numbers(self, here: Path, rounds: int) -> list[Sweep]:
        found = []
        for number, (width, dtype) in enumerate(self.numbers):
            rows = self._numbers(width, dtype)
            row_bytes = rows[:1].nbytes
            what = _numbers_of(width, dtype)
            chunks = [
                (codec, float(kib), rows, Layout(codec, _power_below((kib << 10) // row_bytes)))
                for codec in self.narrow_codecs
                for kib in self.kib
            ]
            found.append(self._sweep(f"{what}: chunks", "KiB a chunk", chunks, _OF_CHUNKS, here, rounds))
            if number == 0:
                shards = [("", mib, rows, _shards(mib, row_bytes)) for mib in self.narrow_mib]
                found.append(self._sweep(f"{what}: shards", "MiB a shard", shards, _OF_SHARDS, here, rounds))
        return found

    def _of_frames(self, here: Path, rounds: int) -> list[Sweep]:
        found = []
        for size in self.sizes:
            scenes = {scene: self._frames(size, 1, noisy=scene == "noisy") for scene in ("noisy", "rendered")}
            codecs: list[Place] = [
                (scene, codec, frames, Layout(codec))
                for scene, frames in scenes.items()
                for codec in self.frame_codecs
            ]
            what = _frames_of(size)
            found.append(self._sweep(f"{what}: codecs", "codec", codecs, _OF_CODECS, here, rounds))
        frames = self._frames(self.sizes[0], 2)
        row_bytes = frames[:1].nbytes
        shards = [("noisy", float(mib), frames, _shards(mib, row_bytes)) for mib in self.mib]
        title = f"{_frames_of(self.sizes[0])}: shards"
        return [*found, self._sweep(title, "MiB a shard, raw", shards, _OF_SHARDS, here, rounds)]

    def _of_blocks(self, here: Path, rounds: int) -> Sweep:
        frames = self._frames(self.sizes[0], 0.5)
        numbers = self._numbers(*self.numbers[0])[: len(frames)]
        subjects = [Takeover(here / str(rows), frames, numbers, rows) for rows in self.blocks]
        figures = take_turns(subjects, rounds, lambda one, number: one.turn(number))
        points = [Point("", float(rows), one) for rows, one in zip(self.blocks, figures, strict=True)]
        default = float(Takeover.default_block_rows(frames, numbers))
        title = f"{_frames_of(self.sizes[0])} and {_numbers_of(*self.numbers[0])}: blocks, 15/16 full"
        return Sweep(title, "rows a block", tuple(points), ("", default))

    def _sweep(
        self,
        title: str,
        axis: str,
        places: Sequence[Place],
        measures: tuple[str, ...],
        here: Path,
        rounds: int,
    ) -> Sweep:
        subjects = [
            StoredRows(
                here / str(number),
                rows,
                layout,
                batch=self._batch_of(rows),
                windows=self._windows_of(rows),
                measures=measures,
            )
            for number, (_, _, rows, layout) in enumerate(places)
        ]
        try:
            figures = take_turns(subjects, rounds, lambda one, number: one.turn(number))
        finally:
            for subject in subjects:
                subject.close()
        points = [Point(line, x, one) for (line, x, _, _), one in zip(places, figures, strict=True)]
        chosen = next(((line, x) for line, x, rows, layout in places if layout.is_default(rows)), None)
        return Sweep(title, axis, tuple(points), chosen)

    def _batch_of(self, rows: NDArray[Any]) -> int:
        return max(min(self.batch, len(rows) // 4), 1)

    def _windows_of(self, rows: NDArray[Any]) -> int:
        return 1 if rows.ndim == 4 else max(min(self.windows, len(rows) // 64), 1)

    def _numbers(self, width: int, dtype: str) -> NDArray[Any]:
        row_bytes = max(width, 1) * int(dtype[-2:]) // 8
        rows: NDArray[Any] = walks((VERSION, width), 2 * self._count(row_bytes), {"": (width, dtype)})[""]
        return rows

    def _frames(self, size: int, share: float, *, noisy: bool = True) -> NDArray[Any]:
        count = max(int(self._count(size * size * 3) * share), 4)
        return render_episode((VERSION, size), count, size, noisy=noisy)

    def _count(self, row_bytes: int) -> int:
        return max(int(self.megabytes * 1e6) // row_bytes, 32)


def _numbers_of(width: int, dtype: str) -> str:
    return f"{width or 1} {dtype}"


def _frames_of(size: int) -> str:
    return f"{size}x{size}x3 frames"


def _shards(mib: float, row_bytes: int) -> Layout:
    return Layout(shard_rows=_power_below(int(mib * (1 << 20)) // row_bytes))


def _power_below(value: int) -> int:
    return 1 << (max(value, 1).bit_length() - 1)
