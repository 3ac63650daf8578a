"""Where the buffers of a conformance run live, and how they are opened again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from unienv_data.base import SpaceStorage
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import ZarrStorage
from unienv_data.testing.factories import AnySpace

__all__ = ["BufferPlace", "InMemory", "LocalFolder", "MemoryUrl"]


class BufferPlace(ABC):
    """Makes buffers of one kind of storage in one kind of place.

    Attributes:
        storage_cls: the storage.
        persists: whether what was committed can be opened again.
        others_can_read: whether plain zarr-python reads what was sealed.
    """

    storage_cls: ClassVar[type[SpaceStorage[Any, Any, Any, Any, Any]]] = ZarrStorage
    persists: ClassVar[bool] = True
    others_can_read: ClassVar[bool] = True

    @abstractmethod
    def url(self, folder: Path, name: str) -> str | None:
        """Where a buffer called `name` is to stand; None for memory.

        Args:
            folder: a local folder of this test alone.
            name: differs for every buffer of the test.
        """

    def make(
        self,
        folder: Path,
        space: AnySpace,
        name: str = "data.zarr",
        *,
        capacity: int | None = None,
        **options: Any,
    ) -> Any:
        """A new buffer, which commits only when told to."""
        return ReplayBuffer.create(
            self.storage_cls,
            space,
            cache_path=self.url(folder, name),
            capacity=capacity,
            **{"commit_interval": float("inf"), **options},
        )

    def open(self, url: Any, space: AnySpace, *, read_only: bool = True) -> Any:
        """The buffer at `url`, as its last commit has it."""
        return ReplayBuffer.load_from(
            url,
            backend=space.backend,
            device=space.device,
            read_only=read_only,
            commit_interval=float("inf"),
        )

    def kill(self, buffer: Any) -> None:
        """End the process that writes `buffer`, as far as anybody else can tell."""
        buffer.abandon()


class LocalFolder(BufferPlace):
    """Datasets in folders of this machine."""

    def url(self, folder: Path, name: str) -> str:
        return str(folder / name)


class MemoryUrl(BufferPlace):
    """Datasets on fsspec's filesystem in memory, as on any object store."""

    def url(self, folder: Path, name: str) -> str:
        return f"memory://{folder}/{name}"


class InMemory(BufferPlace):
    """Buffers without a path, gone with the object."""

    persists = False
    others_can_read = False

    def url(self, folder: Path, name: str) -> None:
        return None
