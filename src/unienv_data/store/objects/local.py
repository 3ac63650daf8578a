"""Objects as files of a local folder."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
import shutil
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import WriterLockedError
from unienv_data.store import platform
from unienv_data.store.lru import LruCache
from unienv_data.store.objects.base import ObjectStore, Range, Run, WriterLock
from unienv_data.store.objects.files import OpenFile, map_views, read_ranges
from unienv_data.store.objects.unsynced import UnsyncedFiles

__all__ = ["LocalObjects"]


class LocalObjects(ObjectStore):
    """Files below a folder, which is made when the first object is written.

    Open files are kept for reading, a bounded number of them in the whole process; names never change their
    content, so that an open file never goes stale.

    Args:
        root: the folder.
    """

    is_local = True
    has_locks = True

    def __init__(self, root: str | os.PathLike[str]) -> None:
        super().__init__()
        self._root = os.path.abspath(os.fspath(root))
        self.url = self._root
        self._number = next(_numbers)
        weakref.finalize(self, _close_files, self._number).atexit = False
        self._written = UnsyncedFiles()
        self._touched: set[str] = set()
        self._known_folders: set[str] = set()

    def path(self, name: str) -> str:
        """Where the object stands on the disk."""
        return os.path.join(self._root, *name.split("/")) if name else self._root

    # Reading

    def read(self, name: str) -> bytes:
        try:
            with open(self.path(name), "rb") as file:
                return file.read()
        except NotADirectoryError as exc:  # below a file there is nothing either
            raise FileNotFoundError(exc.errno, exc.strerror, exc.filename) from exc

    def read_ranges(self, ranges: Sequence[Range]) -> list[bytes | memoryview]:
        return read_ranges(self._open, ranges)

    def views(self, runs: Sequence[Run]) -> list[NDArray[np.uint8]] | None:
        return map_views(self._open, runs)

    def _open(self, name: str) -> OpenFile:
        try:
            return _open_files.get((self._number, name), lambda key: OpenFile(self.path(key[1])))
        except OSError as exc:
            if exc.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            _open_files.clear()  # others need more than was to be expected
            return OpenFile(self.path(name))

    def read_end(self, name: str, length: int) -> bytes:
        size = self.size(name)
        # The file is held: another thread may drop it from the cache, which would close it.
        return self._open(name).read(max(size - length, 0), size)

    def size(self, name: str) -> int:
        return os.stat(self.path(name)).st_size

    def exists(self, name: str) -> bool:
        return os.path.isfile(self.path(name))

    def list(self, prefix: str) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.path(prefix)) if not _is_temporary(name))
        except (FileNotFoundError, NotADirectoryError):
            return []

    # Writing

    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        path = self.path(name)
        self._make_folder(os.path.dirname(path))
        with open(path, "wb", buffering=0) as file:
            platform.write_parts(file, parts)
            size = file.tell()
        self._written.add(path, size)

    def create(self, name: str, data: bytes, *, durable: bool = True) -> None:
        path = self.path(name)
        temporary = self._write_temporary(path, data, durable)
        try:
            platform.create_exclusive(temporary, path)
        except BaseException:
            _unlink(temporary)
            raise
        if durable:
            self._sync_folders(os.path.dirname(path))

    def replace(self, name: str, data: bytes, *, durable: bool = True) -> None:
        path = self.path(name)
        temporary = self._write_temporary(path, data, durable)
        try:
            os.replace(temporary, path)
        except BaseException:
            _unlink(temporary)
            raise

    def sync(self) -> None:
        self._written.sync()
        for folder in self._touched.union(map(os.path.dirname, self._written.paths())):
            platform.sync_directory(folder)
        self._written.clear()
        self._touched.clear()

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            path = self.path(name)
            _unlink(path)
            self._written.forget(path)

    def delete_all(self) -> None:
        self.close()
        shutil.rmtree(self._root, ignore_errors=True)
        inside = os.path.join(self._root, "")
        for path in self._written.paths():
            if path.startswith(inside):
                self._written.forget(path)
        for paths in (self._touched, self._known_folders):
            paths -= {path for path in paths if path == self._root or path.startswith(inside)}

    def below(self, prefix: str) -> LocalObjects:
        inner = LocalObjects(self.path(prefix))
        # What has still to be made durable is the same, whichever of the two wrote it and is told to.
        inner._written, inner._touched = self._written, self._touched
        inner._known_folders = self._known_folders
        inner.traffic = self.traffic
        return inner

    def lock(self, name: str, holder: str) -> WriterLock:
        path = self.path(name)
        self._make_folder(os.path.dirname(path))
        return _FileLock(path, holder)

    def forget(self, names: Sequence[str]) -> None:
        gone = set(names)
        _open_files.forget(lambda key: key[0] == self._number and key[1] in gone)

    def drop_removed(self) -> None:
        """Let go of open files that have been removed since: their bytes stay on the disk until then."""
        number = self._number
        _open_files.forget_values(lambda key, file: key[0] == number and file.is_removed())

    def close(self) -> None:
        _close_files(self._number)

    def _write_temporary(self, path: str, data: bytes, durable: bool) -> str:
        self._make_folder(os.path.dirname(path))
        temporary = f"{path}.{secrets.token_hex(6)}{_TEMPORARY}"
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    platform.sync_descriptor(file.fileno())
        except BaseException:
            _unlink(temporary)
            raise
        return temporary

    def _make_folder(self, folder: str) -> None:
        if folder in self._known_folders:
            return
        missing = []
        parent = folder
        while not os.path.isdir(parent):
            missing.append(parent)
            parent = os.path.dirname(parent)
        os.makedirs(folder, exist_ok=True)
        # A new folder is durable once its parent has been written.
        self._touched.update(os.path.dirname(path) for path in missing)
        self._known_folders.add(folder)

    def _sync_folders(self, folder: str) -> None:
        for touched in (folder, *self._touched):
            platform.sync_directory(touched)
        self._touched.clear()


_TEMPORARY = ".tmp"


def _is_temporary(name: str) -> bool:
    return name.endswith(_TEMPORARY)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)


_numbers = itertools.count()
_open_files: LruCache[tuple[int, str], OpenFile] = LruCache(min(256, platform.open_file_limit() // 8))
"""By the number of the store, and name. The greater part of what a process may have open is left to others; a
mapped file takes two."""


def _close_files(number: int) -> None:
    _open_files.forget(lambda key: key[0] == number)


class _FileLock:
    """An advisory lock on a file that says who holds it."""

    def __init__(self, path: str, holder: str) -> None:
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if not platform.try_lock(self._descriptor):
            os.close(self._descriptor)
            self._descriptor = None
            note = Path(path).read_text(encoding="utf-8", errors="replace").strip()
            who = f"{note} (this one)" if note == holder else note or "another process"
            raise WriterLockedError(
                f"{path}: {who} is writing; close it there, or open the dataset for reading"
            )
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, holder.encode())
        _held.add(self)

    def __del__(self) -> None:
        # Opening the file may have failed, then there is nothing to let go of.
        if hasattr(self, "_descriptor"):
            self.release()

    def drop(self) -> None:
        """Let go of the file without unlocking it: the lock is the parent's."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def release(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            platform.unlock(descriptor)
            os.close(descriptor)


_held: weakref.WeakSet[_FileLock] = weakref.WeakSet()


def _drop_locks() -> None:
    # A forked child shares the open file: kept open there, the lock would outlive its writer.
    for lock in list(_held):
        lock.drop()


platform.on_fork(_drop_locks)
