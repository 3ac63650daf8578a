"""Folders for files that processes share while they run: removed by the last user, swept after a crash."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import time
import weakref

from unienv_data.store import platform

__all__ = ["Home", "private_home", "ready_base"]

_USERS = "users"
_REMOVED = ".removed-"
_ATTEMPTS = 100


class Home:
    """A folder that exists as long as somebody on this machine uses it.

    Users share a lock, which the system takes back from those that are killed.

    Args:
        path: the folder.

    Raises:
        OSError: it cannot be made, or locks cannot be shared there.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = _join(path)
        self._end = weakref.finalize(self, _leave, path, self._descriptor, os.getpid())

    def leave(self) -> None:
        """Use it no more. A second call does nothing."""
        self._end()


def private_home(base: str, label: str) -> Home:
    """A home that nobody else knows of until they are told its path.

    Args:
        base: the folder of such homes.
        label: how its name begins.

    Raises:
        OSError: there can be none.
    """
    ready_base(base)
    return Home(os.path.join(base, f"{label}-{secrets.token_hex(8)}"))


def ready_base(base: str) -> None:
    """Have the folder of homes, which is this user's alone, and remove what others have left behind there.

    Raises:
        OSError: it cannot be made.
    """
    _make_base(base)
    _sweep(base)


def _make_base(base: str) -> None:
    os.makedirs(base, mode=0o700, exist_ok=True)
    if not hasattr(os, "getuid"):
        raise OSError(errno.ENOTSUP, "folders cannot be shared on this platform", base)
    found = os.lstat(base)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"{base}: not a folder that this user alone writes to")


def _join(path: str) -> int:
    for _ in range(_ATTEMPTS):
        os.makedirs(path, mode=0o700, exist_ok=True)
        try:
            descriptor = os.open(os.path.join(path, _USERS), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # the last user has just removed it
            continue
        try:
            if platform.try_lock_shared(descriptor) and _is_there(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        time.sleep(0.001)
    raise OSError(f"{path}: somebody keeps removing it")


def _is_there(path: str, descriptor: int) -> bool:
    """Whether the users' file is still the one that has been locked."""
    try:
        return os.path.samestat(os.stat(os.path.join(path, _USERS)), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _leave(path: str, descriptor: int, owner: int) -> None:
    if owner != os.getpid():  # a forked child: the lock, and what it stands for, are the parent's
        return
    try:
        if platform.try_lock(descriptor):
            _remove(path)
    finally:
        os.close(descriptor)


def _remove(path: str) -> None:
    """Remove a home, of which this process has the lock alone: at once, so that nobody joins half of one."""
    gone = f"{path}{_REMOVED}{secrets.token_hex(8)}"
    with contextlib.suppress(OSError):
        os.rename(path, gone)
        shutil.rmtree(gone, ignore_errors=True)


def _sweep(base: str) -> None:
    """Remove the homes whose users have all been killed."""
    with contextlib.suppress(OSError):
        for name in os.listdir(base):
            path = os.path.join(base, name)
            if _REMOVED in name:  # by somebody who was killed meanwhile
                shutil.rmtree(path, ignore_errors=True)
                continue
            with contextlib.suppress(OSError):
                descriptor = os.open(os.path.join(path, _USERS), os.O_RDWR | os.O_CLOEXEC)
                try:
                    if platform.try_lock(descriptor) and _is_there(path, descriptor):
                        _remove(path)
                finally:
                    os.close(descriptor)
