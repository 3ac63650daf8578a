"""Buffers over compressed lists, and how they are written down and opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from unienv_data import ReplayBuffer
from unienv_data.storages import CompressedListStorage
from unienv_data.testing import BufferPlace, ReplayBufferTests


class InMemoryList(BufferPlace):
    """Gone with the object."""

    storage_cls = CompressedListStorage
    persists = False
    others_can_read = False
    options: ClassVar[dict[str, Any]] = {"maintain_segment_metadata": True}

    def url(self, folder: Path, name: str) -> str | None:
        return None

    def make(
        self, folder: Path, space: Any, name: str = "", *, capacity: int | None = None, **options: Any
    ) -> Any:
        given = {**self.options, **options}
        return ReplayBuffer.create(CompressedListStorage, space, capacity=capacity, **given)


class DumpedLocally(InMemoryList):
    """Written to a folder, and read from there."""

    persists = True

    def url(self, folder: Path, name: str) -> str:
        return str(folder / name)


class DumpedToUrl(InMemoryList):
    persists = True

    def url(self, folder: Path, name: str) -> str:
        return f"memory://{folder}/{name}"


class DumpedTests(ReplayBufferTests):
    """Opening again is reading what the last dump wrote, where there can be one."""

    def reopened(self, buffer: Any, *, read_only: bool = False) -> Any:
        if buffer.has_open_segment:
            return buffer
        self.dumps = getattr(self, "dumps", 0) + 1
        url = self.place.url(self.folder, f"dump-{self.dumps}")
        buffer.dumps(url)
        buffer.close()
        opened = self.place.open(url, buffer.single_space, read_only=read_only)
        assert type(opened.storage) is CompressedListStorage
        self.ends.callback(opened.abandon)
        return opened
