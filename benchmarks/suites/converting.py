"""Converting a recording, beside reading it alone, and encoding its rows alone."""

from __future__ import annotations

import shutil
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unienv_data
from benchmarks.contender import Contender
from benchmarks.measure import in_turns
from benchmarks.recording import box, once
from benchmarks.report import Result
from benchmarks.scenes import render_episode, walks
from unienv_data.conversion import (
    ConversionOptions,
    plan_conversion,
    plan_export,
    run_conversion,
    run_export,
)
from unienv_data.storages.zarr import ZarrStorage
from unienv_data.store import pool
from unienv_data.store.array import stored_arrays
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import DictSpace

__all__ = ["SOURCES", "ConvertSuite"]

VERSION = 1
FPS = 10
_NUMBERS = {"state": (14, "float32"), "action": (14, "float32")}


@dataclass(frozen=True)
class SourceKind:
    """A kind of recording.

    Attributes:
        name: of the file or folder.
        to: the writer that makes it, by its name.
        to_options: what that is told.
        frames: how its frames are converted.
    """

    name: str
    to: str
    to_options: Mapping[str, str]
    frames: str = "copy"


SOURCES: Mapping[str, SourceKind] = {
    "hdf5": SourceKind("plain.hdf5", "robomimic", {}),
    "hdf5-gzip": SourceKind("gzip.hdf5", "robomimic", {"compression": "gzip"}),
    "zarr": SourceKind("replay.zarr", "diffusion_policy", {}),
    "video": SourceKind("lerobot", "lerobot_v30", {"fps": str(FPS)}, frames="lossless"),
}


class Work(Contender):
    """Something that is done with all of a recording.

    Args:
        kind: of the recording.
        source: where it stands.
        scratch: a folder for what is written.
        rows: the same rows, by column.
    """

    distribution = "unienv-data"

    def __init__(
        self, kind: SourceKind, source: Path, scratch: Path, rows: Mapping[str, NDArray[Any]]
    ) -> None:
        self.kind, self.source, self.scratch, self.rows = kind, source, scratch, rows

    @classmethod
    def reads(cls, kind: SourceKind) -> bool:
        """Whether this can be done with such recordings."""
        return True

    @abstractmethod
    def work(self) -> Callable[[], object]:
        """What is to be timed, made ready."""

    def turn(self) -> float:
        """Seconds that it took."""
        todo = self.work()
        start = time.perf_counter()
        todo()
        return time.perf_counter() - start


class Convert(Work):
    """Into a dataset of ours, frames without loss."""

    name = "unienv-data convert"
    settings = "one process, statistics"
    stats = True

    def work(self) -> Callable[[], object]:
        place = self.scratch / "converted.zarr"
        shutil.rmtree(place, ignore_errors=True)
        options = ConversionOptions(frames=self.kind.frames, stats=self.stats)
        return partial(run_conversion, plan_conversion(str(self.source), str(place), options))


class ConvertOnly(Convert):
    """The same without statistics."""

    name = "unienv-data convert --no-stats"
    settings = "one process"
    stats = False


class Hdf5Read(Work):
    """Every dataset of the file."""

    name = "reading alone, h5py"
    modules = ("h5py",)
    distribution = "h5py"
    settings = "dataset[()]"

    @classmethod
    def reads(cls, kind: SourceKind) -> bool:
        return kind.to == "robomimic"

    def work(self) -> Callable[[], object]:
        import h5py

        def read(_: str, member: Any) -> None:
            if isinstance(member, h5py.Dataset):
                member[()]

        def all_of_it() -> None:
            with h5py.File(self.source) as file:
                file.visititems(read)

        return all_of_it


class ZarrRead(Work):
    """Every array of the group, some chunks at a time."""

    name = "reading alone, zarr-python"
    modules = ("zarr",)
    distribution = "zarr"
    settings = "16 MiB at a time"

    @classmethod
    def reads(cls, kind: SourceKind) -> bool:
        return kind.to == "diffusion_policy"

    def work(self) -> Callable[[], object]:
        import zarr

        def all_of_it() -> None:
            group = zarr.open_group(self.source, mode="r")
            for _, array in group["data"].arrays():
                row = max(array.nbytes // max(array.shape[0], 1), 1)
                step = -(-(16 << 20) // row // array.chunks[0]) * array.chunks[0]
                for start in range(0, array.shape[0], step):
                    array[start : start + step]

        return all_of_it


class VideoRead(Work):
    """The frames of the video files as arrays, as PyAV's documentation decodes them."""

    name = "decoding alone, PyAV, to_ndarray"
    modules = ("av",)
    distribution = "av"
    settings = 'frame.to_ndarray(format="rgb24")'

    @classmethod
    def reads(cls, kind: SourceKind) -> bool:
        return kind.to == "lerobot_v30"

    def work(self) -> Callable[[], object]:
        def all_of_it() -> None:
            for frame in self._frames():
                frame.to_ndarray(format="rgb24")

        return all_of_it

    def _frames(self) -> Iterable[Any]:
        import av

        for path in sorted(self.source.glob("videos/**/*.mp4")):
            with av.open(str(path)) as container:
                yield from container.decode(video=0)


class VideoDecode(VideoRead):
    """The same, but frames are left as the codec has them, in planes of YUV, and thrown away: a bound."""

    name = "decoding alone, PyAV, no pixels"
    settings = "frames stay YUV"

    def work(self) -> Callable[[], object]:
        def all_of_it() -> None:
            for _ in self._frames():
                pass

        return all_of_it


class Encode(Work):
    """The codecs' own work on the chunks that a conversion writes, with the store's threads."""

    name = "encoding alone"
    settings = "the same codecs, chunks and threads"

    def work(self) -> Callable[[], object]:
        place = self.scratch / "converted.zarr"
        with unienv_data.open(str(place)) as buffer:
            arrays = stored_arrays(buffer.storage.committed)
        todo = []
        for name, rows in self.rows.items():
            array = next(array for path, array in arrays.items() if path.split("/")[-1].startswith(name))
            count = len(rows) // array.entry.chunk_rows
            whole = rows[: count * array.entry.chunk_rows].reshape(count, *array.chunk.full)
            todo.append((array.codec.encode, whole))

        def all_of_it() -> None:
            for encode, chunks in todo:
                pool.map_threaded(encode, chunks)

        return all_of_it


WORKS: tuple[type[Work], ...] = (
    Convert,
    ConvertOnly,
    Encode,
    Hdf5Read,
    ZarrRead,
    VideoRead,
    VideoDecode,
)


@dataclass(frozen=True)
class ConvertSuite:
    """A recording that another library reads, converted.

    Attributes:
        source: which kind, of SOURCES.
        episodes: how many.
        length: rows of each.
        height: of its frames.
        width: of its frames.
    """

    source: str
    episodes: int = 150
    length: int = 100
    height: int = 96
    width: int = 96

    def __call__(self, folder: Path, rounds: int) -> Result:
        """Time the conversion beside its parts."""
        kind = SOURCES[self.source]
        here = folder / f"converting-{self.episodes}x{self.length}-{self.height}x{self.width}-v{VERSION}"
        episodes = [self._episode(number) for number in range(self.episodes)]
        store = once(here / "store.zarr", partial(_store, here / "store.zarr", episodes))
        source = once(here / kind.name, partial(_export, store, here / kind.name, kind))
        rows = {name: np.concatenate([one[name] for one in episodes]) for name in episodes[0]}
        scratch = here / "scratch"
        works = [work for work in WORKS if work.reads(kind)]
        taking_part = [work(kind, source, scratch, rows) for work in works if work.is_available()]
        try:
            for work in taking_part:
                work.turn()
            timings = in_turns(taking_part, rounds, lambda work, _: work.turn())
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        frames = f"{self.height}x{self.width}x3 frames"
        return Result(
            title=f"converting {self.episodes} episodes of {self.length} rows of {frames}, {self.source}",
            amount=self.episodes * self.length,
            unit="rows",
            timings=tuple(timings),
            missing=tuple(work.name for work in works if not work.is_available()),
        )

    def _episode(self, number: int) -> dict[str, NDArray[Any]]:
        seed = (VERSION, number)
        frames = render_episode(seed, self.length, self.height, self.width)
        return {"image": frames, **walks(seed, self.length, _NUMBERS)}


def _store(path: Path, episodes: Sequence[Mapping[str, NDArray[Any]]]) -> None:
    space = DictSpace(NumpyComputeBackend, {name: box(rows) for name, rows in episodes[0].items()})
    with unienv_data.ReplayBuffer.create(ZarrStorage, space, cache_path=str(path), capacity=None) as buffer:
        for rows in episodes:
            buffer.extend(rows)
            buffer.mark_segment_end()


def _export(store: Path, path: Path, kind: SourceKind) -> None:
    options = ConversionOptions(to=kind.to, to_options=kind.to_options)
    run_export(plan_export(str(store), str(path), options))
