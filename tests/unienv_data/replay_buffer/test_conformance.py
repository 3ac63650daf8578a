"""Buffers over ZarrStorage, in a folder, on an object store, and in memory, through the shipped suite."""

from __future__ import annotations

import pytest

from unienv_data.testing import InMemory, LocalFolder, MemoryUrl, ReplayBufferTests

SOME_SPACES = (
    "full_uint64",
    "full_float32",
    "empty_axis",
    "text",
    "dict_empty",
    "dict_odd_names",
    "robot",
    "batched_dict",
    "graph_batch",
    "everything",
)


class TestLocal(ReplayBufferTests):
    place = LocalFolder()
    backend_names = ("numpy",)


class TestLocalPyTorch(ReplayBufferTests):
    place = LocalFolder()
    backend_names = ("pytorch",)
    space_names = SOME_SPACES


class TestMemoryUrl(ReplayBufferTests):
    place = MemoryUrl()
    backend_names = ("numpy",)
    space_names = SOME_SPACES


class TestInMemory(ReplayBufferTests):
    place = InMemory()
    backend_names = ("numpy",)
    space_names = SOME_SPACES


@pytest.mark.slow
class TestEverySpaceLocalPyTorch(ReplayBufferTests):
    place = LocalFolder()
    backend_names = ("pytorch",)


@pytest.mark.slow
class TestEverySpaceMemoryUrl(ReplayBufferTests):
    place = MemoryUrl()


@pytest.mark.slow
class TestEverySpaceInMemory(ReplayBufferTests):
    place = InMemory()
