"""TensorStore on the arrays of the same store."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.base import Reader, Recording


class TensorStoreReader(Reader):
    """Each column as any Zarr v3 array; all columns are asked for before the first is waited for."""

    name = "TensorStore"
    modules = ("tensorstore",)
    distribution = "tensorstore"
    settings = "recheck_cached_data=open, recheck_cached_metadata=open"

    def setup(self, recording: Recording) -> None:
        import tensorstore

        self._arrays = {
            name: tensorstore.open(
                {
                    "driver": "zarr3",
                    "kvstore": {"driver": "file", "path": f"{recording.zarr_array(name)}/"},
                },
                recheck_cached_data="open",
                recheck_cached_metadata="open",
            ).result()
            for name in recording.columns
        }

    def read(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        asked = {name: array[rows].read() for name, array in self._arrays.items()}
        return {name: future.result() for name, future in asked.items()}
