"""h5py on one file."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.base import Reader, Recording
from benchmarks.recording import once

HAS_PLUGIN = importlib.util.find_spec("hdf5plugin") is not None


class Hdf5Reader(Reader):
    """Frames one a chunk, each read straight to its place; numbers by one sorted selection a column."""

    name = "h5py"
    modules = ("h5py",)
    distribution = "h5py"
    settings = "zstd 1 or lz4 (hdf5plugin)" if HAS_PLUGIN else "gzip 1 for zstd, lzf for lz4 (no hdf5plugin)"

    def setup(self, recording: Recording) -> None:
        import h5py

        path = once(recording.own("rows-plugin.h5" if HAS_PLUGIN else "rows.h5"), lambda: write(recording))
        if HAS_PLUGIN:
            import hdf5plugin

            hdf5plugin.register()
        self._file = h5py.File(path, "r")
        self.columns = {name: self._file[name] for name in recording.columns}

    def read(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        return {name: read_rows(column, rows) for name, column in self.columns.items()}

    def close(self) -> None:
        self._file.close()


def read_rows(column: Any, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Rows of an h5py dataset, (B, *D), in the order asked for.

    A selection of many chunks costs h5py some milliseconds each, reading them one by one does not.
    """
    values = np.empty((len(rows), *column.shape[1:]), column.dtype)
    if column.chunks[0] == 1:
        for place, row in enumerate(rows.tolist()):
            column.read_direct(values, np.s_[row], np.s_[place])
        return values
    there, inverse = np.unique(rows, return_inverse=True)
    return np.asarray(column[there])[inverse]


def compression(codec: str) -> Mapping[str, Any]:
    """What `create_dataset` takes to compress as `codec` does, as nearly as is installed."""
    if HAS_PLUGIN:
        import hdf5plugin

        filters: dict[str, Any] = {"zstd": hdf5plugin.Zstd(clevel=1), "lz4": hdf5plugin.LZ4()}
        found: Mapping[str, Any] = filters[codec]
        return found
    return {"zstd": {"compression": "gzip", "compression_opts": 1}, "lz4": {"compression": "lzf"}}[codec]


def write(recording: Recording) -> None:
    """Write the rows to a file of their own."""
    import h5py

    with h5py.File(recording.own("rows-plugin.h5" if HAS_PLUGIN else "rows.h5"), "w") as file:
        for name, rows in recording.all_raw().items():
            chunk = (min(recording.chunk_rows(name), len(rows)), *rows.shape[1:])
            column = file.create_dataset(
                name, rows.shape, rows.dtype, chunks=chunk, **compression(recording.codec)
            )
            for start, stop in recording.blocks():
                column[start:stop] = rows[start:stop]
