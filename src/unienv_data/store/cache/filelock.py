"""Locks of processes on files, which end with whoever holds them."""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from unienv_data.store import platform

__all__ = ["FileLock", "locked"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.02  # seconds


class FileLock:
    """The lock of a file, held.

    Args:
        path: the file, which is made where it is missing.

    Attributes:
        descriptor: of the open file.

    Raises:
        BlockingIOError: somebody else has it.
        OSError: the file cannot be made.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
            try:
                if not platform.try_lock(descriptor):
                    raise BlockingIOError(f"{path}: somebody else has the lock")
                if _is_at(path, descriptor):
                    break
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # whoever had the lock has removed the file
        self.descriptor = descriptor
        self._is_held = True
        _held.add(self)

    def release(self, *, remove: bool = False) -> None:
        """Give the lock back; a second call does nothing.

        Args:
            remove: remove the file, too.
        """
        if not self._is_held:
            return
        self._is_held = False
        if remove:
            with contextlib.suppress(OSError):  # where open files cannot be removed, somebody sweeps it
                os.unlink(self._path)
        platform.unlock(self.descriptor)
        os.close(self.descriptor)

    def drop(self) -> None:
        """Let go of the file without unlocking it: the lock is the parent's."""
        if self._is_held:
            self._is_held = False
            os.close(self.descriptor)


@contextmanager
def locked(path: str, seconds: float, *, remove: bool = False) -> Iterator[FileLock]:
    """The time in which this process has the lock of a file.

    Args:
        path: the file.
        seconds: how long to wait for it.
        remove: remove the file in the end.

    Raises:
        BlockingIOError: somebody else has had it all the time.
    """
    lock = _taken(path, seconds)
    try:
        yield lock
    finally:
        lock.release(remove=remove)


def _taken(path: str, seconds: float) -> FileLock:
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            return FileLock(path)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _is_at(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _drop_locks() -> None:
    # A forked child shares the open file: kept open there, the lock would outlive its holder.
    for lock in list(_held):
        lock.drop()


platform.on_fork(_drop_locks)
