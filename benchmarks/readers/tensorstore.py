"""TensorStore on the arrays of the same store."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.base import Reader, Recording


class TensorStoreReader(Reader):
    """The column as any Zarr v3 array."""

    name = "TensorStore"
    module = "tensorstore"
    distribution = "tensorstore"
    settings = "recheck_cached_data=open"

    def setup(self, recording: Recording) -> None:
        import tensorstore

        self._array = tensorstore.open(
            {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{recording.zarr_array}/"}},
            recheck_cached_data="open",
            recheck_cached_metadata="open",
        ).result()

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        values: NDArray[np.uint8] = self._array[rows].read().result()
        return values
