"""Buffers over ZarrStorage, in a folder, on an object store, and in memory, through the shipped suite."""

from __future__ import annotations

from unienv_data.testing import InMemory, LocalFolder, MemoryUrl, ReplayBufferTests


class TestLocal(ReplayBufferTests):
    place = LocalFolder()


class TestMemoryUrl(ReplayBufferTests):
    place = MemoryUrl()


class TestInMemory(ReplayBufferTests):
    place = InMemory()
