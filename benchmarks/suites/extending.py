"""Extending a dataset by large blocks, against encoding the same chunks alone."""

from __future__ import annotations

import shutil
import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unienv_data
from benchmarks.contender import Contender
from benchmarks.measure import in_turns
from benchmarks.recording import box
from benchmarks.report import Result
from benchmarks.scenes import render_episode, walks
from unienv_data.storages.zarr import ZarrStorage
from unienv_data.store import pool
from unienv_data.store.array import StoredArray, stored_arrays
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import DictSpace

COLUMN = "rows"
VERSION = 1


class Writer(Contender):
    """Takes blocks of rows."""

    distribution = "unienv-data"

    def __init__(self, folder: Path, codec: str, blocks: Sequence[NDArray[Any]]) -> None:
        self.folder, self.codec, self.blocks = folder, codec, blocks

    @abstractmethod
    def turn(self) -> float:
        """Seconds that all blocks took."""

    def created(self) -> Any:
        """A new dataset for the rows."""
        space = DictSpace(NumpyComputeBackend, {COLUMN: box(self.blocks[0])})
        return unienv_data.ReplayBuffer.create(
            ZarrStorage,
            space,
            cache_path=str(self.folder / "dataset.zarr"),
            capacity=None,
            overwrite=True,
            codecs={COLUMN: self.codec},
        )


class ExtendWriter(Writer):
    """A new dataset each turn; the files of the last are removed before."""

    name = "ReplayBuffer.extend"
    settings = "local, commits every second"

    def turn(self) -> float:
        with self.created() as buffer:
            start = time.perf_counter()
            for block in self.blocks:
                buffer.extend({COLUMN: block})
            return time.perf_counter() - start


class EncodeWriter(Writer):
    """What nobody can save: the codec's own work on the same chunks, with the store's threads."""

    name = "encoding alone"
    settings = "the same codec, chunks and threads"

    def __init__(self, folder: Path, codec: str, blocks: Sequence[NDArray[Any]]) -> None:
        super().__init__(folder, codec, blocks)
        with self.created() as buffer:
            self._array: StoredArray = stored_arrays(buffer.storage.committed)[COLUMN]

    def turn(self) -> float:
        array = self._array
        start = time.perf_counter()
        for block in self.blocks:
            count = len(block) // array.entry.chunk_rows
            whole = block[: count * array.entry.chunk_rows].reshape(count, *array.chunk.full)
            pool.map_threaded(array.codec.encode, whole)
        return time.perf_counter() - start


class ExtendInMemoryWriter(Writer):
    """A buffer in memory, where nothing is encoded."""

    name = "ReplayBuffer.extend, in memory"
    settings = "cache_path=None"

    def turn(self) -> float:
        space = DictSpace(NumpyComputeBackend, {COLUMN: box(self.blocks[0])})
        with unienv_data.ReplayBuffer.create(ZarrStorage, space, capacity=None) as buffer:
            start = time.perf_counter()
            for block in self.blocks:
                buffer.extend({COLUMN: block})
            return time.perf_counter() - start


class ZarrAppendWriter(Writer):
    """zarr-python on an array of the same chunks, shards and codecs, whole shards at a time."""

    name = "zarr-python, whole shards"
    distribution = "zarr"
    modules = ("zarr",)

    def __init__(self, folder: Path, codec: str, blocks: Sequence[NDArray[Any]]) -> None:
        super().__init__(folder, codec, blocks)
        with self.created() as buffer:
            self._array: StoredArray = stored_arrays(buffer.storage.committed)[COLUMN]

    def turn(self) -> float:
        import zarr

        path = self.folder / "zarr-python.zarr"
        if path.exists():
            shutil.rmtree(path)
        path.mkdir(parents=True)
        rows = sum(map(len, self.blocks))
        (path / "zarr.json").write_bytes(self._array.metadata(rows))
        array = zarr.open_array(path, mode="r+", config={"write_empty_chunks": True})
        step, start, done = self._array.entry.shard_rows, time.perf_counter(), 0
        for block in self.blocks:
            for first in range(0, len(block), step):
                part = block[first : first + step]
                array[done : done + len(part)] = part
                done += len(part)
        return time.perf_counter() - start


WRITERS: tuple[type[Writer], ...] = (ExtendWriter, EncodeWriter, ExtendInMemoryWriter, ZarrAppendWriter)


@dataclass(frozen=True)
class ExtendSuite:
    """Blocks of rows, each an `extend`.

    Attributes:
        blocks: how many.
        rows: in each; a multiple of a shard's, so that encoding alone does all of it.
        size: height and width of frames; None for rows of 25 float32.
        codec: of the dataset.
    """

    blocks: int = 2
    rows: int = 2048
    size: int | None = 84
    codec: str = "zstd"

    def __call__(self, folder: Path, rounds: int, writers: tuple[type[Writer], ...] = WRITERS) -> Result:
        """Time the writers on the same blocks."""
        here = folder / "extending"
        rows = [self._block(number) for number in range(self.blocks)]
        taking_part = [writer(here, self.codec, rows) for writer in writers if writer.is_available()]
        try:
            for writer in taking_part:
                writer.turn()
            timings = in_turns(taking_part, rounds, lambda writer, _: writer.turn())
        finally:
            shutil.rmtree(here)
        what = f"{self.size}x{self.size}x3 frames" if self.size else "rows of 25 float32"
        return Result(
            title=f"extending by {self.blocks} blocks of {self.rows:,} {what}, {self.codec}",
            amount=self.blocks * self.rows,
            unit="rows",
            timings=tuple(timings),
            missing=tuple(writer.name for writer in writers if not writer.is_available()),
        )

    def _block(self, number: int) -> NDArray[Any]:
        if self.size is None:
            found: NDArray[Any] = walks((VERSION, number), self.rows, {COLUMN: (25, "float32")})[COLUMN]
            return found
        parts = [
            render_episode((VERSION, number, part), min(256, self.rows - start), self.size)
            for part, start in enumerate(range(0, self.rows, 256))
        ]
        return np.concatenate(parts)
