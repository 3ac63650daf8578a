"""zarr-python on the arrays of the same store."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.base import Reader, Recording


class ZarrReader(Reader):
    """The column as any Zarr v3 array."""

    name = "zarr-python oindex"
    module = "zarr"
    distribution = "zarr"

    def setup(self, recording: Recording) -> None:
        import zarr

        self._array = zarr.open_array(recording.zarr_array, mode="r")

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        values: NDArray[np.uint8] = self._array.oindex[rows]
        return values
