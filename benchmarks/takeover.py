"""A writer that goes away without a word, and what its successor has to copy."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import unienv_data
from benchmarks.recording import box
from benchmarks.stored import EXTEND, FILES, WRITING_ROUNDS
from unienv_data.columns.data import ColumnSpec
from unienv_data.schema.commit import ROWS_LOG
from unienv_data.storages.zarr import ZarrStorage
from unienv_data.store.layout import LayoutOptions, lay_out
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import DictSpace

COPIED = "copied, MB"
TAKEOVER = "takeover, waited ms"


class Takeover:
    """Frames and numbers whose shards are so long that blocks have `block_rows` rows.

    Args:
        path: where the dataset may stand.
        frames: (N, H, W, 3) uint8, appended again and again.
        numbers: (N, D), as many.
        block_rows: rows of a shard of the numbers, and so of a block.
    """

    def __init__(self, path: Path, frames: NDArray[Any], numbers: NDArray[Any], block_rows: int) -> None:
        self._path, self._block_rows = path, block_rows
        self._rows = {"frames": frames, "numbers": numbers}

    @classmethod
    def default_block_rows(cls, frames: NDArray[Any], numbers: NDArray[Any]) -> int:
        """Rows of a block as the store would have it."""
        rows = {"frames": frames, "numbers": numbers}
        specs = [ColumnSpec(name, "box", array.dtype, array.shape[1:]) for name, array in rows.items()]
        return lay_out(specs, LayoutOptions())[1][ROWS_LOG].block_rows

    def turn(self, number: int) -> dict[str, float]:
        """Fill a block but for its last sixteenth, go away, and go on as somebody else."""
        if number >= WRITING_ROUNDS:
            return {}
        step = len(self._rows["frames"])
        count = self._block_rows - self._block_rows // 16
        buffer = self._created()
        start = time.process_time()
        for first in range(0, count, step):
            buffer.extend({name: array[: count - first] for name, array in self._rows.items()})
        seconds = time.process_time() - start
        buffer.commit()
        raw = sum(column.raw_bytes for column in buffer.storage.describe())
        buffer.abandon()
        before = self._sizes()
        start = time.perf_counter()
        buffer = unienv_data.open(self._path, "a")
        buffer.append({name: array[0] for name, array in self._rows.items()})
        buffer.commit()
        taken = time.perf_counter() - start
        after = self._sizes()
        buffer.abandon()
        self.close()
        return {
            EXTEND: raw / 1e6 / seconds,
            FILES: float(len(before)),
            COPIED: sum(size for path, size in after.items() if path not in before) / 1e6,
            TAKEOVER: taken * 1e3,
        }

    def close(self) -> None:
        """Remove what has been written."""
        shutil.rmtree(self._path, ignore_errors=True)

    def _created(self) -> Any:
        space = DictSpace(NumpyComputeBackend, {name: box(array) for name, array in self._rows.items()})
        return unienv_data.ReplayBuffer.create(
            ZarrStorage,
            space,
            cache_path=str(self._path),
            capacity=None,
            overwrite=True,
            shards={"numbers": self._block_rows},
        )

    def _sizes(self) -> dict[Path, int]:
        return {path: path.stat().st_size for path in self._path.rglob("*") if path.is_file()}
