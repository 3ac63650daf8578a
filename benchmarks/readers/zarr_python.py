"""zarr-python on the arrays of the same store."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.base import Reader, Recording


class ZarrReader(Reader):
    """Each column as any Zarr v3 array."""

    name = "zarr-python oindex"
    modules = ("zarr",)
    distribution = "zarr"

    def setup(self, recording: Recording) -> None:
        import zarr

        self._arrays = {
            name: zarr.open_array(recording.zarr_array(name), mode="r") for name in recording.columns
        }

    def read(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        return {name: np.asarray(array.oindex[rows]) for name, array in self._arrays.items()}
