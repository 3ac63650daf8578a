"""How many bytes the files of a cache take, all processes together, and which go when others come."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from unienv_data.store.cache.filelock import FileLock, locked

__all__ = ["KEPT", "LANDING", "LOCK", "PART", "Ledger"]

KEPT, LANDING = "objects", "landing"
"""Folders of a dataset: whole objects by their names; what is on its way, by stems of these."""

PART, LOCK = ".part", ".lock"
"""How files in `landing` end: what has come of an object so far; who is bringing it."""

_COUNT = struct.Struct("<QQ")  # the bytes, and their complement: a damaged count is none
_MASK = (1 << 64) - 1
_LOCK_SECONDS = 20.0
_SPARE = 32  # what is freed at once, beyond what is needed: this part of the budget


class _File(NamedTuple):
    used_at: int
    size: int
    path: str


class Ledger:
    """The count of a cache's bytes, in a file that whoever changes it locks.

    It is never too low: it grows before a file does, and shrinks after one has gone. After somebody was
    killed it may be too high, until it is counted anew, when there seems to be no room.

    Args:
        base: the cache's folder, which holds one for each dataset.
    """

    def __init__(self, base: str) -> None:
        self._base = base
        self._path = os.path.join(base, "ledger")

    def admit(
        self, part: str, size: int, limit: int | None, is_pinned: Callable[[str], bool] = lambda _: False
    ) -> bool:
        """Make the file `part` of so many bytes, which are not there yet, within the budget.

        What was used least recently goes, until there is room.

        Args:
            part: a path in a `landing` folder, whose lock the caller has.
            size: bytes.
            limit: the budget in bytes; None for half of the free disk.
            is_pinned: whether the file of a path must stay.

        Returns:
            Whether there is room.

        Raises:
            OSError: the disk is full, or cannot be written.
        """
        with locked(self._path, _LOCK_SECONDS) as lock:
            used = _read(lock)
            if used is None or used + size > self._most(limit, used):
                _write(lock, self._counted(size, limit, is_pinned))
                used = _read(lock) or 0
                if used + size > self._most(limit, used):
                    return False
            _write(lock, used + size)
            with open(part, "wb") as file:
                file.truncate(size)
        return True

    def settle(
        self,
        part: str,
        counted: int,
        size: int,
        limit: int | None,
        is_pinned: Callable[[str], bool] = lambda _: False,
    ) -> bool:
        """Have the file `part`, of which `counted` bytes are counted, be as long as it has turned out to be.

        Returns:
            Whether there is room for it; it counts as it is in any case.

        Raises:
            OSError: the disk is full, or cannot be written.
        """
        with locked(self._path, _LOCK_SECONDS) as lock:
            used = _read(lock)
            os.truncate(part, size)
            if used is None or (size > counted and used + size - counted > self._most(limit, used)):
                # Looking counts this file as it is now: room is made for what is there.
                used = self._counted(0, limit, is_pinned)
                _write(lock, used)
                return used <= self._most(limit, used)
            _write(lock, max(used + size - counted, 0))
        return True

    def remove(self, path: str, counted: int | None = None) -> None:
        """Remove a file, where it is there.

        Args:
            path: the file.
            counted: how many of its bytes are counted; None for all.

        Raises:
            OSError: it is open, on platforms where that counts.
        """
        with locked(self._path, _LOCK_SECONDS) as lock, contextlib.suppress(FileNotFoundError):
            size = os.stat(path).st_size if counted is None else counted
            os.unlink(path)
            used = _read(lock)
            if used is not None:
                _write(lock, max(used - size, 0))

    def count(self) -> int:
        """Count the bytes anew, and sweep what killed processes have left."""
        with locked(self._path, _LOCK_SECONDS) as lock:
            files, landing = self._look()
            used = landing + sum(file.size for file in files)
            _write(lock, used)
        return used

    def _most(self, limit: int | None, used: int) -> int:
        if limit is not None:
            return limit
        return (used + shutil.disk_usage(self._base).free) // 2

    def _counted(self, size: int, limit: int | None, is_pinned: Callable[[str], bool]) -> int:
        """The bytes that there are, after room has been made for others as far as possible."""
        files, landing = self._look()
        used = landing + sum(file.size for file in files)
        most = self._most(limit, used)
        going = sorted(file for file in files if not is_pinned(file.path))
        if used + size <= most or used - sum(file.size for file in going) + size > most:
            return used
        for file in going:
            if used + size <= most - most // _SPARE:
                break
            with contextlib.suppress(OSError):  # where open files cannot be removed
                os.unlink(file.path)
                used -= file.size
        return used

    def _look(self) -> tuple[list[_File], int]:
        """Every file that may go, and how many bytes are on their way."""
        files: list[_File] = []
        landing = 0
        for dataset in _folders(self._base):
            landing += _swept(os.path.join(dataset, LANDING))
            for entry in _files(os.path.join(dataset, KEPT)):
                with contextlib.suppress(FileNotFoundError):
                    found = entry.stat(follow_symlinks=False)
                    files.append(_File(found.st_mtime_ns, found.st_size, entry.path))
        return files, landing


def _read(lock: FileLock) -> int | None:
    os.lseek(lock.descriptor, 0, os.SEEK_SET)
    data = os.read(lock.descriptor, _COUNT.size)
    if len(data) != _COUNT.size:
        return None
    count, complement = _COUNT.unpack(data)
    return count if count ^ complement == _MASK else None


def _write(lock: FileLock, count: int) -> None:
    os.lseek(lock.descriptor, 0, os.SEEK_SET)
    os.write(lock.descriptor, _COUNT.pack(count, count ^ _MASK))


def _folders(path: str) -> list[str]:
    with os.scandir(path) as entries:
        return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]


def _files(path: str) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
            else:
                yield entry


def _swept(folder: str) -> int:
    """The bytes on their way into a folder; what nobody is bringing any more goes."""
    total = 0
    try:
        stems = {name.rpartition(".")[0] for name in os.listdir(folder)}
    except FileNotFoundError:
        return 0
    for stem in stems:
        path = os.path.join(folder, stem)
        try:
            lock = FileLock(path + LOCK)
        except BlockingIOError:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(path + PART).st_size
            continue
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + PART)
        lock.release(remove=True)
    return total
