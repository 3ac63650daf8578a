"""Objects of a remote place, read from copies on this machine where there are some."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from unienv_data.base.expectation import Expectation
from unienv_data.store.cache.fetcher import Fetcher
from unienv_data.store.cache.nearby import Nearby
from unienv_data.store.cache.options import CacheOptions
from unienv_data.store.objects.base import ObjectStore, Range, Run, StreamPlace, WriterLock

__all__ = ["CachedObjects"]

T = TypeVar("T")


class CachedObjects(ObjectStore):
    """Another place, with copies of what never changes there.

    Which dataset stands there is not known before one of its commits has been read: `of_dataset` gives the
    place whose objects are kept. With a cache, whatever is read of an object brings all of it; with a
    stream, what is expected is brought. Everything else goes to the other place.

    Args:
        source: the other place.
        options: the cache; None for none.
    """

    def __init__(self, source: ObjectStore, options: CacheOptions | None = None) -> None:
        super().__init__()
        self._begin(source, options, Nearby(source, None), "")

    def _begin(self, source: ObjectStore, options: CacheOptions | None, near: Nearby, prefix: str) -> None:
        self.source = source
        self.url, self.traffic = source.url, source.traffic
        self.has_locks, self.exclusive_create = source.has_locks, source.exclusive_create
        self._options = options
        self._near = near
        self._prefix = prefix

    def below(self, prefix: str) -> CachedObjects:
        inner = object.__new__(CachedObjects)
        inner._begin(self.source.below(prefix), self._options, self._near, f"{self._prefix}{prefix}/")
        return inner

    def of_dataset(self, uuid: str) -> CachedObjects:
        inner = object.__new__(CachedObjects)
        inner._begin(self.source, self._options, Nearby(self.source, uuid), "")
        if self._options is not None:
            inner._near.open_cache(self._options)
        return inner

    def stream(
        self, buffer_bytes: int, place: StreamPlace | None = None, *, shared: bool = False
    ) -> StreamPlace | None:
        return self._near.open_stream(buffer_bytes, place, shared=shared)

    # Reading

    def read(self, name: str) -> bytes:
        return self._either(name, lambda place: place.read(name), lambda: self.source.read(name))

    def read_end(self, name: str, length: int) -> bytes:
        return self._either(
            name, lambda place: place.read_end(name, length), lambda: self.source.read_end(name, length)
        )

    def size(self, name: str) -> int:
        place = self._place()
        with suppress(OSError):
            if place is not None:
                return place.size(name)
        return self.source.size(name)

    def _place(self) -> ObjectStore | None:
        fetcher = self._near.fetcher
        return None if fetcher is None else fetcher.folder.below(self._prefix)

    def _either(self, name: str, near: Callable[[ObjectStore], T], far: Callable[[], T]) -> T:
        """What an object's copy gives, or the object itself."""
        fetcher = self._near.fetcher
        if fetcher is None:
            return far()
        place = fetcher.folder.below(self._prefix)
        with suppress(OSError):  # there is none yet
            return near(place)
        fetcher.bring([self._prefix + name])
        with suppress(OSError):  # there was no room for it, or it has had to go again
            return near(place)
        return far()

    def read_ranges(self, ranges: Sequence[Range]) -> Sequence[bytes | memoryview]:
        fetcher = self._near.fetcher
        if fetcher is None:
            return self.source.read_ranges(ranges)
        try:
            found = fetcher.folder.below(self._prefix).read_ranges(ranges)
        except OSError:
            return self._read_apart(fetcher, ranges)
        fetcher.folder.touch({self._prefix + item.name for item in ranges})
        return found

    def views(self, runs: Sequence[Run]) -> list[NDArray[np.uint8]] | None:
        fetcher = self._near.fetcher
        if fetcher is None:
            return self.source.views(runs)
        place, names = fetcher.folder.below(self._prefix), [self._prefix + run.name for run in runs]
        for is_brought in (False, True):
            if is_brought:
                fetcher.bring([name for name in names if not fetcher.folder.has(name)])
            with suppress(OSError):
                found = place.views(runs)
                fetcher.folder.touch(names)
                return found
        return None

    def _read_apart(self, fetcher: Fetcher, ranges: Sequence[Range]) -> list[bytes | memoryview]:
        """Ranges of objects of which not all have copies yet."""
        folder = fetcher.folder
        place = folder.below(self._prefix)
        names = [self._prefix + name for name in dict.fromkeys(item.name for item in ranges)]
        fetcher.bring([name for name in names if not folder.has(name)])
        data: list[bytes | memoryview | None] = []
        for item in ranges:
            try:
                data.append(place.read_ranges([item])[0])
            except OSError:
                data.append(None)
        elsewhere = [item for item, found in zip(ranges, data, strict=True) if found is None]
        rest = iter(self.source.read_ranges(elsewhere) if elsewhere else ())
        folder.touch(names)
        return [next(rest) if found is None else found for found in data]

    def exists(self, name: str) -> bool:
        return self.source.exists(name)

    def list(self, prefix: str) -> list[str]:
        return self.source.list(prefix)

    def expect(self, names: Sequence[str]) -> Expectation:
        fetcher = self._near.fetcher
        return Expectation() if fetcher is None else fetcher.expect([self._prefix + name for name in names])

    def forget(self, names: Sequence[str]) -> None:
        if self._near.fetcher is not None:
            place = self._near.fetcher.folder.below(self._prefix)
            place.forget(names)
            self._near.fetcher.folder.drop([self._prefix + name for name in names])
        self.source.forget(names)

    # Writing, which copies have no part in

    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        self.source.write(name, parts)

    def create(self, name: str, data: bytes, *, durable: bool = True) -> None:
        self.source.create(name, data, durable=durable)

    def replace(self, name: str, data: bytes, *, durable: bool = True) -> None:
        self.source.replace(name, data, durable=durable)

    def sync(self) -> None:
        self.source.sync()

    def delete(self, names: Iterable[str]) -> None:
        gone = [*names]
        self.source.delete(gone)
        if self._near.fetcher is not None:
            self._near.fetcher.folder.drop([self._prefix + name for name in gone])

    def delete_all(self) -> None:
        self.source.delete_all()

    def lock(self, name: str, holder: str) -> WriterLock | None:
        return self.source.lock(name, holder)

    def close(self) -> None:
        self._near.close()
        self.source.close()
