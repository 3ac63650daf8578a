"""A bounded cache that needs no lock, so that it survives a fork and never makes a reader wait."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["LruCache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """Keeps what was used last.

    Each step is a single dictionary operation. Threads that meet may compute an entry twice or drop one
    early; none ever sees a wrong one, and what they count amiss is put right. Values are never None.

    Args:
        limit: total weight to keep.
        weigh: weight of a value; every value weighs 1 by default.
    """

    def __init__(self, limit: int, weigh: Callable[[V], int] = lambda _: 1) -> None:
        self._limit = limit
        self._weigh = weigh
        self._entries: dict[K, V] = {}
        self._weight = 0
        self._dropped = 0  # since the weight was last summed up

    def get(self, key: K, compute: Callable[[K], V]) -> V:
        """The value of `key`, computed where it is not there."""
        value = self._entries.pop(key, None)
        if value is None:
            value = compute(key)
            self._weight += self._weigh(value)
        self._entries[key] = value  # to the end: the newest
        while self._weight > self._limit and len(self._entries) > 1:
            self._drop_oldest()
            if self._dropped > len(self._entries):
                self._recount()
        return value

    def _recount(self) -> None:
        # Threads that met have counted an entry twice, or one's count has been lost in the other's.
        self._dropped = 0
        self._weight = sum(map(self._weigh, list(self._entries.values())))

    def _drop_oldest(self) -> None:
        try:
            oldest = next(iter(self._entries))
        except (StopIteration, RuntimeError):  # another thread was here
            return
        self._dropped += 1
        value = self._entries.pop(oldest, None)
        if value is not None:
            self._weight -= self._weigh(value)

    def forget(self, matches: Callable[[K], bool]) -> None:
        """Forget the entries of the keys that match."""
        self.forget_values(lambda key, _: matches(key))

    def forget_values(self, matches: Callable[[K, V], bool]) -> None:
        """Forget the entries that match."""
        # The keys alone: to make pairs allocates, which may collect what in turn forgets its entries.
        for key in list(self._entries):
            value = self._entries.get(key)
            if value is not None and matches(key, value) and self._entries.pop(key, None) is not None:
                self._weight -= self._weigh(value)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._entries)
