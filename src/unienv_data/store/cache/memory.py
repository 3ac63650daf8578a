"""Whole objects in the memory of one process, which shares them with no other."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

from unienv_data.store.cache.part import Part, PartInMemory, TooLargeError
from unienv_data.store.cache.place import KeepingPlace
from unienv_data.store.objects.memory import MemoryObjects

__all__ = ["KeepingMemory"]


class KeepingMemory(KeepingPlace):
    """Objects as they came, without a file: nothing is written, mapped or removed.

    Args:
        base: what the place is called in messages.
        limit: bytes that all of it may take.
    """

    def __init__(self, base: str, limit: int | None) -> None:
        self.base = base
        self.limit = limit
        self._objects = MemoryObjects(base)
        self._sizes: OrderedDict[str, int] = OrderedDict()  # what goes first stands first
        self._bytes = 0
        self._mutex = threading.Lock()

    def path(self, name: str) -> str:
        return name

    def below(self, prefix: str) -> MemoryObjects:
        return self._objects.below(prefix.rstrip("/")) if prefix else self._objects

    def has(self, name: str) -> bool:
        return name in self._sizes

    def size(self, name: str) -> int | None:
        return self._sizes.get(name)

    def touch(self, names: Iterable[str]) -> None:
        with self._mutex:
            for name in names:
                if name in self._sizes:
                    self._sizes.move_to_end(name)

    def demote(self, names: Iterable[str]) -> None:
        with self._mutex:
            for name in names:
                if name in self._sizes:
                    self._sizes.move_to_end(name, last=False)

    def landing(self, name: str, seconds: float) -> AbstractContextManager[object]:
        return nullcontext()  # the fetcher, who alone brings them, brings none twice at a time

    def land(
        self,
        name: str,
        bring: Callable[[Part], bool],
        *,
        likely: int,
        durable: bool,
        is_pinned: Callable[[str], bool] = lambda _: False,
    ) -> bool:
        with self._mutex:
            if not self._make_room(likely, is_pinned):
                return False
        part = PartInMemory(self.limit)
        try:
            if not bring(part):
                return False
        except TooLargeError:
            return False
        with self._mutex:
            if not self._make_room(part.size, is_pinned):
                return False
            self._remove(name)
            self._objects.write(name, [part.whole()])
            self._sizes[name] = part.size
            self._bytes += part.size
        return True

    def _make_room(self, size: int, is_pinned: Callable[[str], bool]) -> bool:
        """Have what has not been used for longest go, until there is room for so many bytes more."""
        if self.limit is None:
            return True
        for name in [*self._sizes]:
            if self._bytes + size <= self.limit:
                break
            if not is_pinned(name):
                self._remove(name)
        return self._bytes + size <= self.limit

    def _remove(self, name: str) -> None:
        self._bytes -= self._sizes.pop(name, 0)
        self._objects.delete([name])

    def drop(self, names: Iterable[str]) -> None:
        with self._mutex:
            for name in names:
                self._remove(name)

    def drop_removed(self) -> None:
        """Does nothing: what is removed is gone."""

    def close(self) -> None:
        """Has everything go."""
        with self._mutex:
            for name in [*self._sizes]:
                self._remove(name)
