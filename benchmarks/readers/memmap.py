"""numpy.memmap of the raw rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.base import Reader, Recording


class MemmapReader(Reader):
    """Nothing is decoded and nothing compressed: the bound for everybody else."""

    name = "numpy.memmap, uncompressed"
    module = "numpy"
    distribution = "numpy"

    def setup(self, recording: Recording) -> None:
        self._array = np.load(recording.raw, mmap_mode="r")

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        return np.asarray(self._array[rows])
