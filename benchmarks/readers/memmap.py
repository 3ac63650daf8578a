"""numpy.memmap of the raw rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.base import Reader, Recording


class MemmapReader(Reader):
    """Nothing is decoded and nothing compressed: the bound for everybody else."""

    name = "numpy.memmap, uncompressed"
    distribution = "numpy"

    def setup(self, recording: Recording) -> None:
        self._arrays = recording.all_raw()

    def read(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        return {name: np.asarray(array[rows]) for name, array in self._arrays.items()}
