"""The kept objects of one dataset as files."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

from unienv_data.store import platform
from unienv_data.store.cache.filelock import FileLock, locked
from unienv_data.store.cache.ledger import KEPT, LANDING, LOCK, PART, Ledger
from unienv_data.store.cache.names import landing_stem
from unienv_data.store.cache.part import CannotKeepError, Part, PartFile, TooLargeError
from unienv_data.store.cache.place import KeepingPlace
from unienv_data.store.objects.local import LocalObjects

__all__ = ["CacheFolder"]

_TOUCHED_EVERY = 1.0  # seconds: how exactly it is known when a file was used last
_AGE = 10**18  # nanoseconds: older than whatever has been used


class CacheFolder(KeepingPlace):
    """Whole objects as files below a folder, of which several datasets' share a budget.

    A file is there as a whole or not at all. When it was used last is kept as the time of its change, since
    not every disk notes when files are read.

    Args:
        base: the cache's folder.
        dataset: name of this dataset's folder below it.
        limit: bytes that all files below `base` may take; None for half of the free disk.

    Raises:
        OSError: the folders cannot be made.
    """

    def __init__(self, base: str, dataset: str, limit: int | None) -> None:
        self.base = base
        self.limit = limit
        self._kept = os.path.join(base, dataset, KEPT)
        self._landing = os.path.join(base, dataset, LANDING)
        os.makedirs(self._kept, mode=0o700, exist_ok=True)
        os.makedirs(self._landing, mode=0o700, exist_ok=True)
        self._ledger = Ledger(base)
        self._ledger.count()
        self._places: dict[str, LocalObjects] = {}
        self._touched: dict[str, float] = {}

    def path(self, name: str) -> str:
        """Where the file of an object is, or would be."""
        return os.path.join(self._kept, *name.split("/"))

    def below(self, prefix: str) -> LocalObjects:
        place = self._places.get(prefix)
        if place is None:
            place = self._places.setdefault(prefix, LocalObjects(self.path(prefix.rstrip("/"))))
        return place

    def has(self, name: str) -> bool:
        return os.path.isfile(self.path(name))

    def size(self, name: str) -> int | None:
        try:
            return os.stat(self.path(name)).st_size
        except OSError:
            return None

    def touch(self, names: Iterable[str]) -> None:
        now = time.monotonic()
        for name in names:
            if now - self._touched.get(name, -_TOUCHED_EVERY) >= _TOUCHED_EVERY:
                self._touched[name] = now
                stamp = time.time_ns()
                with contextlib.suppress(OSError):  # it has gone meanwhile, or the disk is read-only
                    os.utime(self.path(name), ns=(stamp, stamp))

    def demote(self, names: Iterable[str]) -> None:
        for name in names:
            self._touched.pop(name, None)
            with contextlib.suppress(OSError):
                stamp = os.stat(self.path(name)).st_mtime_ns - _AGE
                os.utime(self.path(name), ns=(stamp, stamp))

    # Landing

    def landing(self, name: str, seconds: float) -> AbstractContextManager[FileLock]:
        return locked(os.path.join(self._landing, landing_stem(name) + LOCK), seconds, remove=True)

    def land(
        self,
        name: str,
        bring: Callable[[Part], bool],
        *,
        likely: int,
        durable: bool,
        is_pinned: Callable[[str], bool] = lambda _: False,
    ) -> bool:
        part = os.path.join(self._landing, landing_stem(name) + PART)
        ledger, limit = self._ledger, self.limit
        with _disk_errors():
            if not ledger.admit(part, likely, limit, is_pinned):
                return False
        counted: int | None = likely
        try:
            with _disk_errors():
                file = open(part, "rb+", buffering=0)  # noqa: SIM115 - not all errors below are the disk's
            with file:
                taken = PartFile(file, limit)
                if not bring(taken):
                    return False
                with _disk_errors():
                    counted = None
                    if not ledger.settle(part, likely, taken.size, limit, is_pinned):
                        return False
                    if durable:
                        platform.sync_descriptor(file.fileno())
            with _disk_errors():
                path = self.path(name)
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
                os.replace(part, path)
        except TooLargeError:
            return False
        finally:
            with contextlib.suppress(OSError):
                ledger.remove(part, counted)  # nothing, where all went well
        self._touched[name] = time.monotonic()
        return True

    # Going

    def drop(self, names: Iterable[str]) -> None:
        for name in names:
            with contextlib.suppress(OSError):
                self._ledger.remove(self.path(name))
        for place in list(self._places.values()):
            place.drop_removed()

    def drop_removed(self) -> None:
        for place in list(self._places.values()):
            place.drop_removed()

    def close(self) -> None:
        for place in list(self._places.values()):
            place.close()


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """Have what goes wrong here told from what goes wrong where objects come from."""
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as exc:
        raise CannotKeepError(exc) from exc
