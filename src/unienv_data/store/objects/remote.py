"""Objects on any fsspec filesystem."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from unienv_data.errors import ReadOnlyError
from unienv_data.store.objects.base import ObjectStore, Range

__all__ = ["FsspecObjects"]

_memory_mutex = threading.Lock()


class FsspecObjects(ObjectStore):
    """Objects below a path of an fsspec filesystem.

    Args:
        fs: the filesystem.
        root: the path within it.
        url: what to call the place in messages, without credentials.
        assume_single_writer: the user's word that nobody else writes, for filesystems that cannot create
            an object exclusively.
    """

    def __init__(self, fs: Any, root: str, url: str, *, assume_single_writer: bool = False) -> None:
        self._fs = fs
        self._root = root.rstrip("/")
        self.url = url.rstrip("/")
        self._single_writer = assume_single_writer
        self._create = _exclusive_creation(fs)
        self.exclusive_create = self._create is not None

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def read(self, name: str) -> bytes:
        data: bytes = self._fs.cat_file(self._path(name))
        return data

    def read_ranges(self, ranges: Sequence[Range]) -> list[bytes]:
        if not ranges:
            return []
        found = self._fs.cat_ranges(
            [self._path(item.name) for item in ranges],
            [item.start for item in ranges],
            [item.stop for item in ranges],
            on_error="raise",
        )
        return [bytes(data) for data in found]

    def read_end(self, name: str, length: int) -> bytes:
        start = max(self.size(name) - length, 0)
        data: bytes = self._fs.cat_file(self._path(name), start=start)
        return data

    def size(self, name: str) -> int:
        return int(self._fs.info(self._path(name))["size"])

    def exists(self, name: str) -> bool:
        self._forget_listings()
        return bool(self._fs.exists(self._path(name)))

    def list(self, prefix: str) -> list[str]:
        self._forget_listings()
        path = self._path(prefix)
        try:
            found = self._fs.ls(path, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        names = {str(name).rstrip("/").rsplit("/", 1)[-1] for name in found if str(name).rstrip("/") != path}
        return sorted(names)

    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        self._make_folder(name)
        self._fs.pipe_file(self._path(name), b"".join(parts))

    def create(self, name: str, data: bytes) -> None:
        self._make_folder(name)
        if self._create is not None:
            self._create(self._fs, self._path(name), data)
        elif not self._single_writer:
            raise ReadOnlyError(
                f"{self.url}: {type(self._fs).__name__} cannot create an object exclusively, which keeps two "
                "writers apart; pass assume_single_writer=True if nobody else writes"
            )
        elif self.exists(name):
            raise FileExistsError(f"{self.url}/{name}")
        else:
            self._fs.pipe_file(self._path(name), data)

    def replace(self, name: str, data: bytes) -> None:
        self._make_folder(name)
        self._fs.pipe_file(self._path(name), data)

    def sync(self) -> None:
        pass  # an object is durable once its write has been acknowledged

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            try:
                self._fs.rm_file(self._path(name))
            except FileNotFoundError:
                continue

    def delete_all(self) -> None:
        try:
            self._fs.rm(self._root, recursive=True)
        except FileNotFoundError:
            return

    def close(self) -> None:
        pass  # nothing is kept open

    def below(self, prefix: str) -> FsspecObjects:
        return FsspecObjects(
            self._fs, self._path(prefix), f"{self.url}/{prefix}", assume_single_writer=self._single_writer
        )

    def _make_folder(self, name: str) -> None:
        # Object stores have no folders; other filesystems must be told.
        if not _has_flat_names(self._fs):
            parent = self._path(name).rsplit("/", 1)[0]
            self._fs.makedirs(parent, exist_ok=True)

    def _forget_listings(self) -> None:
        self._fs.invalidate_cache()


def _protocols(fs: Any) -> frozenset[str]:
    protocol = fs.protocol
    return frozenset((protocol,) if isinstance(protocol, str) else protocol)


def _has_flat_names(fs: Any) -> bool:
    return bool(_protocols(fs) & {"s3", "s3a", "gs", "gcs", "abfs", "az", "adl"})


def _exclusive_creation(fs: Any) -> Callable[[Any, str, bytes], None] | None:
    """How this filesystem creates an object only where there is none; None where it cannot."""
    protocols = _protocols(fs)
    if "memory" in protocols:
        return _create_in_memory
    if protocols & {"s3", "s3a"}:
        return _create_on_s3
    return None


def _create_in_memory(fs: Any, path: str, data: bytes) -> None:
    with _memory_mutex:
        if fs.exists(path):
            raise FileExistsError(path)
        fs.pipe_file(path, data)


def _create_on_s3(fs: Any, path: str, data: bytes) -> None:
    try:
        fs.pipe_file(path, data, mode="create")
    except OSError as exc:
        # By server: a refused If-None-Match comes as FileExistsError or as EINVAL.
        if isinstance(exc, FileExistsError) or exc.errno == errno.EINVAL:
            raise FileExistsError(path) from exc
        raise
