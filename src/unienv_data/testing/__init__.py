"""Conformance suites for implementations of spaces, storages, buffers and codecs.

Subclass a suite, say how its subjects are made, and let pytest collect the subclass:

    from unienv_data.testing import StorageTests

    class TestMyStorage(StorageTests):
        def make_storage(self, space, capacity):
            return MyStorage.create(space, capacity=capacity, cache_path=self.folder / "data")

        def open_storage(self, storage, *, read_only):
            space = storage.single_instance_space
            return MyStorage.load_from(self.folder / "data", space, read_only=read_only)

Subjects are compared with lists and dictionaries, over one corpus of spaces, values and indexes; what they
wrote is read back by plain zarr-python where it says that others can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports
from unienv_interface._optional import import_optional

if TYPE_CHECKING:
    from unienv_data.testing.batch_tests import BatchCase, BatchTests
    from unienv_data.testing.buffer_machine import ReplayBufferMachine
    from unienv_data.testing.buffer_tests import ReplayBufferTests
    from unienv_data.testing.codec_tests import CodecTests
    from unienv_data.testing.filesystems import FAULTS, DelayingFileSystem, FaultPlan, FaultyFileSystem
    from unienv_data.testing.indexes import INDEXES, INVALID_INDEXES
    from unienv_data.testing.model import BufferModel
    from unienv_data.testing.places import BufferPlace, InMemory, LocalFolder, MemoryUrl
    from unienv_data.testing.raw import raw_columns, raw_rows
    from unienv_data.testing.sampler_tests import SamplerTests
    from unienv_data.testing.samples import same, values
    from unienv_data.testing.space_tests import SpaceTests
    from unienv_data.testing.spaces import SPACES
    from unienv_data.testing.storage_tests import StorageTests

__all__ = [
    "FAULTS",
    "INDEXES",
    "INVALID_INDEXES",
    "SPACES",
    "BatchCase",
    "BatchTests",
    "BufferModel",
    "BufferPlace",
    "CodecTests",
    "DelayingFileSystem",
    "FaultPlan",
    "FaultyFileSystem",
    "InMemory",
    "LocalFolder",
    "MemoryUrl",
    "ReplayBufferMachine",
    "ReplayBufferTests",
    "SamplerTests",
    "SpaceTests",
    "StorageTests",
    "raw_columns",
    "raw_rows",
    "same",
    "values",
]

for _module in ("pytest", "hypothesis"):
    import_optional(_module, extra="dev")

_ROOM = "unienv_data.testing"

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "FAULTS": f"{_ROOM}.filesystems",
        "INDEXES": f"{_ROOM}.indexes",
        "INVALID_INDEXES": f"{_ROOM}.indexes",
        "SPACES": f"{_ROOM}.spaces",
        "BatchCase": f"{_ROOM}.batch_tests",
        "BatchTests": f"{_ROOM}.batch_tests",
        "BufferModel": f"{_ROOM}.model",
        "BufferPlace": f"{_ROOM}.places",
        "CodecTests": f"{_ROOM}.codec_tests",
        "DelayingFileSystem": f"{_ROOM}.filesystems",
        "FaultPlan": f"{_ROOM}.filesystems",
        "FaultyFileSystem": f"{_ROOM}.filesystems",
        "InMemory": f"{_ROOM}.places",
        "LocalFolder": f"{_ROOM}.places",
        "MemoryUrl": f"{_ROOM}.places",
        "ReplayBufferMachine": f"{_ROOM}.buffer_machine",
        "ReplayBufferTests": f"{_ROOM}.buffer_tests",
        "SamplerTests": f"{_ROOM}.sampler_tests",
        "SpaceTests": f"{_ROOM}.space_tests",
        "StorageTests": f"{_ROOM}.storage_tests",
        "raw_columns": f"{_ROOM}.raw",
        "raw_rows": f"{_ROOM}.raw",
        "same": f"{_ROOM}.samples",
        "values": f"{_ROOM}.samples",
    },
)
