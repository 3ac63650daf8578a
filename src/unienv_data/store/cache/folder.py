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
from unienv_data.store.cache.part import CannotKeepError, PartFile, TooLargeError
from unienv_data.store.objects.local import LocalObjects

__all__ = ["CacheFolder"]

_TOUCHED_EVERY = 1.0  # seconds: how exactly it is known when a file was used last
_AGE = 10**18  # nanoseconds: older than whatever has been used


class CacheFolder:
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
        """The files of the objects whose names begin with `prefix`, empty or ending with `/`, by the rest."""
        place = self._places.get(prefix)
        if place is None:
            place = self._places.setdefault(prefix, LocalObjects(self.path(prefix.rstrip("/"))))
        return place

    def has(self, name: str) -> bool:
        """Whether the object is here."""
        return os.path.isfile(self.path(name))

    def size(self, name: str) -> int | None:
        """How many bytes the object has; None where it is not here."""
        try:
            return os.stat(self.path(name)).st_size
        except OSError:
            return None

    def touch(self, names: Iterable[str]) -> None:
        """Objects have been used."""
        now = time.monotonic()
        for name in names:
            if now - self._touched.get(name, -_TOUCHED_EVERY) >= _TOUCHED_EVERY:
                self._touched[name] = now
                stamp = time.time_ns()
                with contextlib.suppress(OSError):  # it has gone meanwhile, or the disk is read-only
                    os.utime(self.path(name), ns=(stamp, stamp))

    def demote(self, names: Iterable[str]) -> None:
        """Objects will not be used again: they go first, whoever needs room."""
        for name in names:
            self._touched.pop(name, None)
            with contextlib.suppress(OSError):
                stamp = os.stat(self.path(name)).st_mtime_ns - _AGE
                os.utime(self.path(name), ns=(stamp, stamp))

    # Landing

    def landing(self, name: str, seconds: float) -> AbstractContextManager[FileLock]:
        """The time in which nobody else brings an object.

        Args:
            name: the object.
            seconds: how long to wait for whoever brings it.

        Raises:
            BlockingIOError: somebody has been bringing it all the time.
            OSError: the disk cannot be written.
        """
        return locked(os.path.join(self._landing, landing_stem(name) + LOCK), seconds, remove=True)

    def land(
        self,
        name: str,
        bring: Callable[[PartFile], bool],
        *,
        likely: int,
        durable: bool,
        is_pinned: Callable[[str], bool] = lambda _: False,
    ) -> bool:
        """Have an object, in a `landing`.

        Args:
            name: the object.
            bring: has all of it written to a file; gives whether it is good.
            likely: bytes for which there must be room before it is brought.
            durable: a loss of power must not leave another content, because nothing would tell.
            is_pinned: whether the file of a path must stay.

        Returns:
            Whether it is there: it may be no good, or there may be no room for it.

        Raises:
            CannotKeepError: the disk is full, or cannot be written.
            BlockingIOError: somebody stands still in the midst of counting.
        """
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
        """Have objects no longer."""
        for name in names:
            with contextlib.suppress(OSError):
                self._ledger.remove(self.path(name))
        for place in list(self._places.values()):
            place.drop_removed()

    def drop_removed(self) -> None:
        """Let go of files that somebody has removed, which stay on the disk as long as they are open."""
        for place in list(self._places.values()):
            place.drop_removed()

    def close(self) -> None:
        """Let go of open files."""
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
