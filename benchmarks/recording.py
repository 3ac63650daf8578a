"""Rows that are prepared once, in every form that a contender may want."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unienv_data
from unienv_data.storages.zarr import ZarrStorage
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import BoxSpace, DictSpace

_FRAME_BYTES = 4096
_CHUNK_BYTES = 16 << 10
_LARGEST_BLOCK_BYTES = 32 << 20


def once(path: Path, make: Callable[[], None]) -> Path:
    """Have `make` write what stands at `path`, unless an earlier run has done so to its end."""
    marker = path.with_name(path.name + ".complete")
    if not marker.exists():
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        make()
        marker.touch()
    return path


@dataclass(frozen=True)
class Recording:
    """The same rows in several forms.

    Attributes:
        folder: all of it stands below.
        columns: names of the columns, without further structure.
        codec: how contenders that compress are to do so, "zstd" or "lz4".
        episodes: rows (start, stop) of each.
    """

    folder: Path
    columns: tuple[str, ...]
    codec: str
    episodes: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return self.episodes[-1][1]

    def raw_path(self, column: str) -> Path:
        """A column as a plain `.npy` file."""
        return self.folder / "raw" / f"{column}.npy"

    def raw(self, column: str) -> NDArray[Any]:
        """All rows of a column, (N, *D), mapped."""
        array: NDArray[Any] = np.load(self.raw_path(column), mmap_mode="r")
        return array

    def all_raw(self) -> dict[str, NDArray[Any]]:
        """All rows of every column."""
        return {name: self.raw(name) for name in self.columns}

    def chunk_rows(self, column: str) -> int:
        """Rows that contenders are to compress together: a frame, or some kilobytes of numbers."""
        array = self.raw(column)
        row_bytes = array[:1].nbytes
        return 1 if row_bytes >= _FRAME_BYTES else max(_CHUNK_BYTES // row_bytes, 1)

    def blocks(self) -> list[tuple[int, int]]:
        """All rows, as (start, stop) of parts that may be in memory at once."""
        row_bytes = sum(self.raw(name)[:1].nbytes for name in self.columns)
        step = max(_LARGEST_BLOCK_BYTES // row_bytes, 1)
        return [(start, min(start + step, len(self))) for start in range(0, len(self), step)]

    def own(self, name: str) -> Path:
        """Where a contender keeps its form of the rows."""
        return self.folder / self.codec / name

    @property
    def store(self) -> Path:
        """The dataset as this project writes it, sealed."""
        return self.own("dataset.zarr")

    def zarr_array(self, column: str) -> Path:
        """A column as a Zarr v3 array, for readers that know nothing of this project."""
        return self.store / "storage" / "columns" / column

    @property
    def raw_bytes(self) -> int:
        """Bytes of all rows."""
        return sum(self.raw(name).nbytes for name in self.columns)

    @property
    def stored_bytes(self) -> int:
        """Bytes of the dataset."""
        return sum(path.stat().st_size for path in self.store.rglob("*") if path.is_file())

    def space(self) -> DictSpace[Any, Any, Any]:
        """The space of a row."""
        return DictSpace(NumpyComputeBackend, {name: box(self.raw(name)) for name in self.columns})

    def warm_page_cache(self) -> None:
        """Read every file once: what is measured is not the disk."""
        for path in [*(self.folder / "raw").iterdir(), *self.own("").rglob("*")]:
            if path.is_file():
                with path.open("rb") as file:
                    while file.read(1 << 24):
                        pass


def box(rows: NDArray[Any]) -> BoxSpace[Any, Any, Any]:
    """The space of one of `rows`, (N, *D): bounded by what its dtype can hold."""
    if rows.dtype.kind in "ui":
        limits = np.iinfo(rows.dtype)
        return BoxSpace(NumpyComputeBackend, limits.min, limits.max, rows.dtype, shape=rows.shape[1:])
    return BoxSpace(NumpyComputeBackend, -np.inf, np.inf, rows.dtype, shape=rows.shape[1:])


def prepare(
    folder: Path,
    columns: Mapping[str, tuple[tuple[int, ...], Any]],
    episodes: tuple[tuple[int, int], ...],
    render: Callable[[int], Mapping[str, NDArray[Any]]],
    codec: str = "zstd",
) -> Recording:
    """Write rows once, as plain arrays and as a sealed dataset; later runs find them.

    Args:
        folder: where to; its name should tell these rows from all others.
        columns: shape of a row and dtype, by name.
        episodes: rows (start, stop) of each.
        render: from the number of an episode to its rows, (T, *D) by column.
        codec: of the dataset.
    """
    recording = Recording(folder, tuple(columns), codec, episodes)

    def write_raw() -> None:
        (folder / "raw").mkdir()
        arrays = {
            name: np.lib.format.open_memmap(
                recording.raw_path(name), mode="w+", dtype=dtype, shape=(episodes[-1][1], *shape)
            )
            for name, (shape, dtype) in columns.items()
        }
        for number, (start, stop) in enumerate(episodes):
            for name, rows in render(number).items():
                arrays[name][start:stop] = rows
        for array in arrays.values():
            array.flush()

    def write_store() -> None:
        codecs = {name: codec for name in columns if recording.chunk_rows(name) == 1}
        with unienv_data.ReplayBuffer.create(
            ZarrStorage,
            recording.space(),
            cache_path=str(recording.store),
            capacity=None,
            overwrite=True,
            codecs=codecs,
        ) as buffer:
            raw = recording.all_raw()
            for start, stop in episodes:
                buffer.extend({name: array[start:stop] for name, array in raw.items()})
            buffer.seal()

    once(folder / "raw", write_raw)
    once(recording.store, write_store)
    return recording


def even_episodes(count: int, length: int) -> tuple[tuple[int, int], ...]:
    """Rows (start, stop) of `count` episodes of `length` rows."""
    return tuple((number * length, (number + 1) * length) for number in range(count))
