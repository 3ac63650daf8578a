"""Where a recording lies: a folder or a file on any fsspec filesystem, opened for reading only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from unienv_data.errors import ConversionError
from unienv_data.store.objects import shown_url
from unienv_data.store.objects.secrets import Secrets

__all__ = ["Source"]


@dataclass(frozen=True)
class Source:
    """A folder or a file that a reader takes apart. Names within it are relative, with slashes.

    Nothing is opened until something is asked, and nothing can be written. Local paths go around fsspec.
    Pickles as its address.

    Args:
        uri: a local path or any fsspec URL.
        storage_options: what fsspec's filesystem takes (keys, endpoints).
    """

    uri: str
    storage_options: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Source({self.shown!r})"

    @property
    def shown(self) -> str:
        """The address as it stands in messages: without credentials."""
        return shown_url(self.uri)

    @cached_property
    def _located(self) -> tuple[Any, str]:
        with self._reading(""):
            filesystem, root = fsspec.core.url_to_fs(os.fspath(self.uri), **self.storage_options)
        return filesystem, root.rstrip("/") or root

    @cached_property
    def local_root(self) -> Path | None:
        """The root on the local disk, or None where it is elsewhere."""
        filesystem, root = self._located
        return Path(root) if isinstance(filesystem, LocalFileSystem) else None

    @property
    def label(self) -> str:
        """The last part of the address: how the recording is called without saying where it lies."""
        return self._located[1].rsplit("/", 1)[-1]

    @cached_property
    def is_file(self) -> bool:
        """Whether the source is a single file; its name within itself is then the empty string."""
        filesystem, root = self._located
        with self._reading(""):
            return bool(filesystem.isfile(root))

    @cached_property
    def files(self) -> Mapping[str, int]:
        """Every file with its size in bytes, listed once and sorted by name.

        Raises:
            ConversionError: nothing is there, or it cannot be listed.
        """
        filesystem, root = self._located
        with self._reading(""):
            if self.is_file:
                found = {"": int(filesystem.size(root))}
            elif self.local_root is not None:
                found = dict(_walk(self.local_root)) if self.local_root.is_dir() else {}
            else:
                listing = filesystem.find(root, detail=True)
                found = {
                    name[len(root) :].lstrip("/"): int(info["size"] or 0) for name, info in listing.items()
                }
        if not found and not (self.local_root is not None and self.local_root.is_dir()):
            raise ConversionError(f"{self.shown}: there is nothing there")
        return dict(sorted(found.items()))

    @property
    def total_bytes(self) -> int:
        """The bytes of all files together."""
        return sum(self.files.values())

    def under(self, folder: str) -> list[str]:
        """The names of all files below `folder`, sorted."""
        prefix = folder.rstrip("/") + "/"
        return [name for name in self.files if name.startswith(prefix)]

    def where(self, name: str = "") -> str:
        """The address of a file, for messages."""
        return f"{self.shown.rstrip('/')}/{name}" if name else self.shown

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading bytes.

        Raises:
            ConversionError: it is missing or cannot be read.
        """
        filesystem, root = self._located
        with self._reading(name):
            if self.local_root is not None:
                return (self.local_root / name).open("rb")
            opened: IO[bytes] = filesystem.open(f"{root}/{name}" if name else root, "rb")
            return opened

    def read(self, name: str) -> bytes:
        """The whole content of a (small) file.

        Raises:
            ConversionError: it is missing or cannot be read.
        """
        with self.open(name) as file, self._reading(name):
            return file.read()

    def handle(self, name: str) -> str | IO[bytes]:
        """What libraries that open files themselves take: a path where it is local, else an open file."""
        if self.local_root is not None and name in self.files:
            return str(self.local_root / name)
        return self.open(name)

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        """Every filesystem has exceptions of its own; here they become ours, with the file's address."""
        try:
            yield
        except ConversionError:
            raise
        except FileNotFoundError as exc:
            raise ConversionError(f"{self.where(name)}: the file is missing") from exc
        except Exception as exc:
            secrets = Secrets.of(os.fspath(self.uri), self.storage_options)
            detail = secrets.hidden(str(exc)) or type(exc).__name__
            cause = None if secrets.shown_by(exc) else exc
            raise ConversionError(f"{self.where(name)}: cannot be read: {detail}") from cause

    def __reduce__(self) -> tuple[Callable[..., Source], tuple[str, dict[str, Any]]]:
        return Source, (self.uri, dict(self.storage_options))


def _walk(root: Path) -> Iterator[tuple[str, int]]:
    """Files below `root` with their sizes. Links are followed (Hugging Face's cache is made of them)."""
    seen: set[tuple[int, int]] = set()
    pending = [(root, "")]
    while pending:
        folder, prefix = pending.pop()
        identity = folder.stat()
        if (identity.st_dev, identity.st_ino) in seen and identity.st_ino:
            continue  # a link to a folder above
        seen.add((identity.st_dev, identity.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                name = prefix + entry.name
                if entry.is_dir():
                    pending.append((folder / entry.name, name + "/"))
                elif entry.is_file():
                    yield name, entry.stat().st_size
