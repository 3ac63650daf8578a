"""zarr-python with the codec pipeline of zarrs, on the arrays of the same store."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.base import Reader, Recording


class ZarrsReader(Reader):
    """Each column as any Zarr v3 array, decoded by zarrs."""

    name = "zarr-python oindex, zarrs"
    modules = ("zarr", "zarrs")
    distribution = "zarrs"
    settings = "codec_pipeline.path=zarrs.ZarrsCodecPipeline"

    def setup(self, recording: Recording) -> None:
        import zarr

        # An array keeps the pipeline that it was opened with.
        with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}):
            self._arrays = {
                name: zarr.open_array(recording.zarr_array(name), mode="r") for name in recording.columns
            }

    def read(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        return {name: np.asarray(array.oindex[rows]) for name, array in self._arrays.items()}
