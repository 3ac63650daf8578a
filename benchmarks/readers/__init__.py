"""Who reads: one small file a library."""

from __future__ import annotations

from benchmarks.readers.base import Reader, Recording
from benchmarks.readers.memmap import MemmapReader
from benchmarks.readers.replay_buffer import ReplayBufferReader
from benchmarks.readers.tensorstore import TensorStoreReader
from benchmarks.readers.zarr_python import ZarrReader

__all__ = ["READERS", "MemmapReader", "Reader", "Recording", "ReplayBufferReader"]

#: Every reader, this project's first: ratios are to it.
READERS: tuple[type[Reader], ...] = (ReplayBufferReader, ZarrReader, TensorStoreReader, MemmapReader)
