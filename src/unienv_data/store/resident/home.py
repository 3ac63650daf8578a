"""The home of a dataset's resident files."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
import weakref

from unienv_data.store import platform
from unienv_data.store.home import Home, ready_base
from unienv_data.store.resident.budget import FOLDER_VARIABLE

__all__ = ["home_of", "home_path", "used_bytes"]


def home_of(dataset: str, url: str) -> Home:
    """The home of a dataset's resident files, shared by everybody in this process.

    What others have left behind is removed on the way.

    Args:
        dataset: the dataset's uuid, in hexadecimal digits.
        url: where it stands; a copy elsewhere has a home of its own.

    Raises:
        OSError: there can be none.
    """
    path = home_path(dataset, url)
    key = (os.getpid(), path)
    with _making:
        home = _homes.get(key)
        if home is None:
            ready_base(os.path.dirname(path))
            home = _homes[key] = Home(path)
        return home


def home_path(dataset: str, url: str) -> str:
    """Where the home of a dataset's resident files is, if there is one."""
    base = os.environ.get(FOLDER_VARIABLE)
    if base is None:
        base = os.path.join(tempfile.gettempdir(), f"unienv-data-{os.getuid()}")
    return os.path.join(base, f"{dataset}-{hashlib.sha256(url.encode()).hexdigest()[:16]}")


def used_bytes(home: Home) -> int:
    """Bytes that resident files take on this machine, of all datasets."""
    total = 0
    for folder, _, files in os.walk(os.path.dirname(home.path)):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.stat(os.path.join(folder, name)).st_blocks * 512
    return total


_making = threading.Lock()


def _forget_lock() -> None:
    global _making
    _making = threading.Lock()


platform.on_fork(_forget_lock)  # the thread that held it stayed in the parent

_homes: weakref.WeakValueDictionary[tuple[int, str], Home] = weakref.WeakValueDictionary()
