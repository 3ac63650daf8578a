"""One thread at a time, in forked children too."""

from __future__ import annotations

import threading
import weakref
from types import TracebackType

from unienv_data.store import platform

__all__ = ["Mutex"]


class Mutex:
    """A lock that its holder may take again.

    In a forked child nobody holds it: the thread that did stayed in the parent.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _all.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Forget who held it."""
        self._lock = threading.RLock()


_all: weakref.WeakSet[Mutex] = weakref.WeakSet()


def _renew_all() -> None:
    for mutex in list(_all):
        mutex.renew()


platform.on_fork(_renew_all)
