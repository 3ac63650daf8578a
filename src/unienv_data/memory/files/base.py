"""What a format of saved memories is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from unienv_data.errors import CorruptDataError, DatasetError, DatasetNotFoundError
from unienv_data.memory.layout import Layout, Snapshot
from unienv_data.store.objects import open_objects, shown_url
from unienv_interface.errors import UniEnvError

__all__ = ["FileFormat", "MemoryFormat", "damage_named"]


class MemoryFormat(ABC):
    """Writes memories to a place, and reads them.

    Attributes:
        suffix: what the names of its files end with.
    """

    suffix: ClassVar[str]

    @abstractmethod
    def write(self, url: str, snapshot: Snapshot, storage_options: Mapping[str, Any] | None) -> None:
        """Write a memory to where nothing stands.

        Args:
            url: a path or any fsspec URL.
            snapshot: the memory.
            storage_options: handed to the fsspec filesystem; never stored.
        """

    @abstractmethod
    def read(self, url: str, wanted: Layout, storage_options: Mapping[str, Any] | None) -> Snapshot:
        """Read a memory.

        Args:
            url: where it is.
            wanted: what the memory that it is for holds; a hint for formats that do not say it themselves.
            storage_options: handed to the fsspec filesystem.

        Raises:
            DatasetNotFoundError: nothing is there.
            CorruptDataError: it is damaged, or no memory.
            UnsupportedVersionError: it was written by a later version.
        """


class FileFormat(MemoryFormat):
    """A format of single files."""

    @abstractmethod
    def pack(self, snapshot: Snapshot) -> bytes:
        """A memory as the content of a file."""

    @abstractmethod
    def unpack(self, data: bytes, wanted: Layout, source: str) -> Snapshot:
        """The inverse of `pack`; whatever is raised on the way means that the file is damaged."""

    def write(self, url: str, snapshot: Snapshot, storage_options: Mapping[str, Any] | None) -> None:
        folder, name = _parted(url)
        open_objects(folder, storage_options).create(name, self.pack(snapshot))

    def read(self, url: str, wanted: Layout, storage_options: Mapping[str, Any] | None) -> Snapshot:
        folder, name = _parted(url)
        source = shown_url(url)
        try:
            data = open_objects(folder, storage_options).read(name)
        except DatasetError:
            raise
        except FileNotFoundError:
            raise DatasetNotFoundError(f"{source}: there is no such file") from None
        except OSError as exc:
            raise DatasetError(f"{source}: cannot be read: {exc}") from exc
        with damage_named(source):
            return self.unpack(data, wanted, source)


@contextmanager
def damage_named(source: str) -> Iterator[None]:
    """Turn what libraries raise over a damaged or foreign file into one error that names it."""
    try:
        yield
    except (UniEnvError, MemoryError):
        raise
    except Exception as exc:
        what = f"{type(exc).__name__}: {exc}".splitlines()[0]
        raise CorruptDataError(f"{source}: damaged, or no saved memory ({what})") from exc


def _parted(url: str) -> tuple[str, str]:
    """The folder, and the name in it."""
    place = max(url.rfind("/"), url.rfind("\\") if "://" not in url else -1)
    return (url[: place + 1] or ".", url[place + 1 :])
