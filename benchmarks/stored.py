"""Rows of one column, stored in some layout, and what that layout costs.

Work is told in time of the processor, by one thread: what else the machine does then disturbs little, and
layouts that differ by a tenth can be told apart. Commits, which wait for the disk, are told in seconds.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unienv_data
from benchmarks.recording import box
from unienv_data.columns.data import ColumnSpec
from unienv_data.schema.commit import ArrayEntry
from unienv_data.storages.zarr import ZarrStorage
from unienv_data.store import pool
from unienv_data.store.layout import LayoutOptions, lay_out
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import DictSpace

COLUMN = "rows"
WRITING_ROUNDS = 3
"""In later rounds what they have written is read."""

SIZE = "stored, %"
EXTEND = "extend, MB/s"
COMMIT = "commit, waited ms"
RANDOM = "random rows, ms"
WINDOWS = "windows, ms"
IN_ORDER = "in order, MB/s"
FILES = "files"

_BLOCK_BYTES = 8 << 20
_IN_ORDER_BYTES = 8 << 20
_BATCHES = 5
_COMMITS = 3
_WINDOW = 18


@dataclass(frozen=True)
class Layout:
    """What is chosen; None leaves the choice to the store.

    Attributes:
        codec: as users write it.
        chunk_rows: rows in an inner chunk.
        shard_rows: rows in a shard.
    """

    codec: str | None = None
    chunk_rows: int | None = None
    shard_rows: int | None = None

    def options(self) -> dict[str, Any]:
        """As `ReplayBuffer.create` takes them."""
        asked = {"codecs": self.codec, "chunks": self.chunk_rows, "shards": self.shard_rows}
        return {name: {COLUMN: value} for name, value in asked.items() if value is not None}

    def entry(self, rows: NDArray[Any]) -> ArrayEntry:
        """What the store makes of it for such rows."""
        spec = ColumnSpec(COLUMN, "box", rows.dtype, rows.shape[1:])
        return lay_out([spec], LayoutOptions(**self.options()))[0][COLUMN]

    def is_default(self, rows: NDArray[Any]) -> bool:
        """Whether it is what the store does by itself."""
        mine, default = self.entry(rows), Layout().entry(rows)
        return (mine.codecs, mine.chunk_rows, mine.shard_rows) == (
            default.codecs,
            default.chunk_rows,
            default.shard_rows,
        )


class StoredRows:
    """Rows (N, *D) in one layout.

    Args:
        path: where the dataset may stand; it is removed by `close`.
        rows: all of them.
        layout: how.
        batch: random rows a read.
        windows: random windows of 18 rows a read.
        measures: what is to be found out.
    """

    def __init__(
        self,
        path: Path,
        rows: NDArray[Any],
        layout: Layout,
        *,
        batch: int,
        windows: int,
        measures: tuple[str, ...],
    ) -> None:
        self._path, self._rows, self._layout = path, rows, layout
        self._batch, self._windows = batch, windows
        self._measures = measures
        self._reader: Any = None

    def turn(self, number: int) -> dict[str, float]:
        """Figures of one round."""
        pool.limit_threads(1)
        try:
            figures = self._write() if number < WRITING_ROUNDS else {}
            figures |= self._read(number)
        finally:
            pool.limit_threads(None)
        return {name: figures[name] for name in self._measures if name in figures}

    def close(self) -> None:
        """Remove what has been written."""
        if self._reader is not None:
            self._reader.close()
        shutil.rmtree(self._path, ignore_errors=True)

    def _write(self) -> dict[str, float]:
        if self._reader is not None:
            self._reader.close()
        space = DictSpace(NumpyComputeBackend, {COLUMN: box(self._rows)})
        with unienv_data.ReplayBuffer.create(
            ZarrStorage,
            space,
            cache_path=str(self._path),
            capacity=None,
            overwrite=True,
            **self._layout.options(),
        ) as buffer:
            step = max(_BLOCK_BYTES // self._rows[:1].nbytes, 1)
            start = time.process_time()
            for first in range(0, len(self._rows), step):
                buffer.extend({COLUMN: self._rows[first : first + step]})
            seconds = time.process_time() - start
            (column,) = buffer.storage.describe()
            found = {
                SIZE: 100 * column.stored_bytes / column.raw_bytes,
                EXTEND: self._rows.nbytes / 1e6 / seconds,
                FILES: float(sum(path.is_file() for path in self._path.rglob("*"))),
            }
            if COMMIT in self._measures:
                # From here on a shard is half full, which every commit writes again.
                buffer.extend({COLUMN: self._rows[: self._layout.entry(self._rows).shard_rows // 2]})
                found[COMMIT] = float(np.median([self._commit(buffer) for _ in range(_COMMITS)])) * 1e3
        self._reader = unienv_data.open(self._path)
        return found

    def _commit(self, buffer: Any) -> float:
        """Seconds of a commit of one row."""
        buffer.append({COLUMN: self._rows[0]})
        start = time.perf_counter()
        buffer.commit()
        return time.perf_counter() - start

    def _read(self, number: int) -> dict[str, float]:
        rng, count = np.random.default_rng(number), len(self._rows)
        some = rng.choice(count, self._batch, replace=False)
        if not np.array_equal(self._reader[some][COLUMN], self._rows[some]):
            raise ValueError(f"{self._path}: other rows were read than were written")
        steps = np.arange(_WINDOW)
        random, windows = [], []
        for _ in range(_BATCHES):
            some = rng.choice(count, self._batch, replace=False)
            around = rng.choice(count - _WINDOW, self._windows)[:, None] + steps
            random.append(_seconds(self._reader.get_at, some))
            windows.append(_seconds(self._reader.get_at, around.ravel()))
        row_bytes = self._rows[:1].nbytes
        step, stop = max(_BLOCK_BYTES // 8 // row_bytes, 1), min(_IN_ORDER_BYTES // row_bytes, count)
        start = time.process_time()
        for first in range(0, stop, step):
            self._reader.get_at(slice(first, min(first + step, stop)))
        seconds = time.process_time() - start
        return {
            RANDOM: float(np.median(random)) * 1e3,
            WINDOWS: float(np.median(windows)) * 1e3,
            IN_ORDER: stop * row_bytes / 1e6 / seconds,
        }


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    """Of the processor."""
    start = time.process_time()
    work(*arguments)
    return time.process_time() - start
