"""Random frames of recordings made with LeRobot: its own videos, and the same converted by several codecs."""

from __future__ import annotations

import os
import shutil
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

import unienv_data
from benchmarks.contender import Contender
from benchmarks.measure import in_turns, middle_seconds
from benchmarks.recording import once
from benchmarks.report import Result
from benchmarks.scenes import render_episode
from unienv_data.batches import SliceStackedBatch
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.formats import Facts, Source, SourceColumn, open_reader

COPIED = "copied"
SPECS = (COPIED, "jpeg:95", "video:h264:crf=23:gop=8", "zstd")
FOLDER_VARIABLE = "BENCHMARK_LEROBOT"
"""Environment variable: a recording of LeRobot's (v3.0) with videos."""

WINDOW = 16
VERSION = 1
_BATCHES = 3  # a turn


class Access(Contender):
    """Reads rows of a recording, or windows that end with them.

    Args:
        source: the recording's folder.
        camera: the source's name of a camera.
        folder: for what is made of it.
    """

    def __init__(self, source: Path, camera: str, folder: Path) -> None:
        self.source, self.camera, self.folder = source, camera, folder

    @abstractmethod
    def setup(self, windows: bool) -> None:
        """Get ready. Not timed."""

    @abstractmethod
    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The camera's frames, (B, H, W, 3), or windows (B, 16, H, W, 3) of them; the rest is read too."""


class LeRobotAccess(Access):
    """Item by item, which is how it reads."""

    name = "LeRobotDataset"
    modules = ("lerobot", "torch")
    distribution = "lerobot"
    settings = "one process, items as its DataLoader asks for them"

    def setup(self, windows: bool) -> None:
        from lerobot.datasets.lerobot_dataset import LeRobotDataset

        steps = None
        if windows:
            rate = LeRobotDataset("benchmarks/recording", root=self.source).fps
            steps = {self.camera: [step / rate for step in range(1 - WINDOW, 1)]}
        self._dataset = LeRobotDataset("benchmarks/recording", root=self.source, delta_timestamps=steps)

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        frames = np.stack([self._dataset[row][self.camera].numpy() for row in rows.tolist()])
        return np.moveaxis(frames, -3, -1)  # numbers from 0 to 1, as it gives them


class ConvertedAccess(Access):
    """The same recording converted."""

    distribution = "unienv-data"
    spec: ClassVar[str]
    one_by_one: ClassVar[bool] = False

    @property
    def path(self) -> Path:
        """Where the dataset stands."""
        return self.folder / f"{self.spec.replace(':', '-')}.zarr"

    def setup(self, windows: bool) -> None:
        once(self.path, lambda: self.convert())
        self._buffer = unienv_data.open(self.path)
        self._batch: Any = self._buffer
        parts = self.camera.split(".")
        if windows:
            self._batch = SliceStackedBatch(self._buffer, {"/".join(parts): list(range(1 - WINDOW, 1))})
        self._parts = parts

    def convert(self) -> float:
        """Convert; returns the seconds that it took."""
        shutil.rmtree(self.path, ignore_errors=True)
        cameras = [column.name for column in _videos(_facts(self.source))]
        codecs = {"/".join(name.split(".")): self.spec for name in cameras if self.spec != COPIED}
        plan = plan_conversion(str(self.source), str(self.path), ConversionOptions(codecs=codecs))
        return float(run_conversion(plan).seconds)

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        if self.one_by_one:
            return np.stack([self._frames(self._batch.get_at(row)) for row in rows.tolist()])
        return self._frames(self._batch.get_at(rows))

    def _frames(self, value: Any) -> NDArray[np.uint8]:
        for part in self._parts:
            value = value[part]
        return np.asarray(value)

    def stored_bytes(self) -> int:
        """Bytes of the camera's column."""
        name = "/".join(self._parts)
        found = [column for column in self._buffer.storage.describe() if column.name == name]
        return int(found[0].stored_bytes)

    def close(self) -> None:
        self._buffer.close()


def converted(spec: str, one_by_one: bool = False) -> type[ConvertedAccess]:
    """The contender that reads what was converted with a codec."""
    how = "one by one" if one_by_one else "64 rows at a time"
    members = {"name": f"{spec}, {how}", "spec": spec, "one_by_one": one_by_one, "settings": "get_at"}
    return type("Converted", (ConvertedAccess,), members)


@dataclass(frozen=True)
class RecordingSuite:
    """Random rows, or windows of 16 frames, of a recording.

    Attributes:
        find: where the recording stands, made where it does not yet, below a folder.
        windows: whether windows are read.
        batch: rows, or windows, a turn.
        specs: codecs to convert with.
    """

    find: Callable[[Path], Path]
    windows: bool = False
    batch: int = 64
    specs: Sequence[str] = SPECS

    def __call__(self, folder: Path, rounds: int) -> Result:
        """Convert where that has not been done, and time the readers."""
        source = self.find(folder)
        facts = _facts(source)
        first, rows = _videos(facts)[0], facts.rows
        camera = first.name
        raw = rows * int(np.prod(first.space.shape or ()))
        packed = sum(path.stat().st_size for path in (source / "videos" / camera).rglob("*.mp4"))
        place = folder / f"recordings-{source.name}-v{VERSION}"
        place.mkdir(parents=True, exist_ok=True)
        kinds: list[type[Access]] = [converted(self.specs[0])]
        kinds += [LeRobotAccess] if LeRobotAccess.is_available() else []
        kinds += [converted(spec, alone) for spec in self.specs for alone in (False, True)][1:]
        readers = [kind(source, camera, place) for kind in kinds]
        ready: list[Access] = []
        notes: dict[str, int | float] = {"raw bytes": raw, "bytes of the videos": packed}
        rng = np.random.default_rng(0)
        chosen = rng.integers(0, rows, (rounds, _BATCHES, self.batch))
        try:
            for reader in readers:
                reader.setup(self.windows)
                ready.append(reader)
                reader.read(chosen[0, 0])
                if isinstance(reader, ConvertedAccess) and not reader.one_by_one:
                    notes[f"bytes of {reader.spec}"] = reader.stored_bytes()
            timings = in_turns(
                readers, rounds, lambda reader, number: middle_seconds(reader.read, chosen[number])
            )
        finally:
            for reader in ready:
                reader.close()
        for spec in self.specs:
            seconds = converted(spec)(source, camera, place / "again").convert()
            notes[f"rows a second converted to {spec}"] = round(rows / seconds)
        shutil.rmtree(place / "again", ignore_errors=True)
        what = f"windows of {WINDOW} frames" if self.windows else "rows"
        title = f"{self.batch} random {what} of {source.name}, camera {camera}"
        return Result(title, self.batch, "windows" if self.windows else "rows", tuple(timings), (), notes)


def _facts(source: Path) -> Facts:
    with open_reader(Source(str(source)), None, {}) as reader:
        return reader.facts()


def _videos(facts: Facts) -> list[SourceColumn]:
    return [column for column in facts.columns if column.lossy == "video"]


def recording_of_user() -> Path | None:
    """The recording that somebody wants to be measured, if anybody says so."""
    said = os.environ.get(FOLDER_VARIABLE)
    return None if said is None else Path(said)


def noisy_recording(folder: Path) -> Path:
    """Two episodes of noisy 480x640 frames, recorded with LeRobot."""
    root = folder / f"noisy-480x640-v{VERSION}"
    return once(root, lambda: _record_noisy(root))


def _record_noisy(root: Path) -> None:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    camera = {"dtype": "video", "shape": (480, 640, 3), "names": ["height", "width", "channels"]}
    state = {"dtype": "float32", "shape": (6,), "names": None}
    dataset = LeRobotDataset.create(
        "benchmarks/noisy", fps=30, features={"observation.image": camera, "action": state}, root=root
    )
    for number in range(2):
        for frame in render_episode((VERSION, number), 150, 480, 640):
            action = np.full(6, number, np.float32)
            dataset.add_frame({"observation.image": frame, "action": action, "task": "none"})
        dataset.save_episode()
    dataset.finalize()
