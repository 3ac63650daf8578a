"""Who reads: one small file a library."""

from __future__ import annotations

from benchmarks.readers.base import Reader, Recording
from benchmarks.readers.hdf5 import Hdf5Reader
from benchmarks.readers.lance import LanceReader
from benchmarks.readers.memmap import MemmapReader
from benchmarks.readers.replay_buffer import ReplayBufferReader
from benchmarks.readers.tensorstore import TensorStoreReader
from benchmarks.readers.torchrl_compressed_list import CompressedListReader
from benchmarks.readers.torchrl_memmap import LazyMemmapReader
from benchmarks.readers.unienv import UniEnvReader
from benchmarks.readers.zarr_python import ZarrReader
from benchmarks.readers.zarrs_pipeline import ZarrsReader

__all__ = [
    "NARROW",
    "READERS",
    "CompressedListReader",
    "Hdf5Reader",
    "LanceReader",
    "LazyMemmapReader",
    "MemmapReader",
    "Reader",
    "Recording",
    "ReplayBufferReader",
    "TensorStoreReader",
    "UniEnvReader",
    "ZarrReader",
    "ZarrsReader",
]

#: Every reader, this project's first: ratios are to it.
READERS: tuple[type[Reader], ...] = (
    ReplayBufferReader,
    ZarrReader,
    ZarrsReader,
    TensorStoreReader,
    Hdf5Reader,
    LanceReader,
    LazyMemmapReader,
    CompressedListReader,
    UniEnvReader,
    MemmapReader,
)

#: Readers of very many small rows: without those that keep each as an object of its own.
NARROW = tuple(reader for reader in READERS if reader is not CompressedListReader)
