"""One thread at a time, in forked children too."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from types import TracebackType

from unienv_data.store import platform

__all__ = ["Mutex"]


class Mutex:
    """A lock that its holder may take again.

    In a forked child nobody holds it: the thread that did stayed in the parent.

    Attributes:
        first: called by whoever takes the lock, and did not hold it, before anything else is done. What it
            raises is raised there, and the lock is free again.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._held = 0
        self.first: Callable[[], None] | None = None
        _all.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()
        self._held += 1
        if self.first is not None and self._held == 1:
            try:
                self.first()
            except BaseException:
                self._held -= 1
                self._lock.release()
                raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held -= 1
        self._lock.release()

    def renew(self) -> None:
        """Forget who held it."""
        self._lock, self._held = threading.RLock(), 0


_all: weakref.WeakSet[Mutex] = weakref.WeakSet()


def _renew_all() -> None:
    for mutex in list(_all):
        mutex.renew()


platform.on_fork(_renew_all)
