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
    early; none ever sees a wrong one. Values are never None.

    Args:
        limit: total weight to keep.
        weigh: weight of a value; every value weighs 1 by default.
    """

    def __init__(self, limit: int, weigh: Callable[[V], int] = lambda _: 1) -> None:
        self._limit = limit
        self._weigh = weigh
        self._entries: dict[K, V] = {}
        self._weight = 0

    def get(self, key: K, compute: Callable[[K], V]) -> V:
        """The value of `key`, computed where it is not there."""
        value = self._entries.pop(key, None)
        if value is None:
            value = compute(key)
            self._weight += self._weigh(value)
        self._entries[key] = value  # to the end: the newest
        while self._weight > self._limit and len(self._entries) > 1:
            self._drop_oldest()
        return value

    def _drop_oldest(self) -> None:
        try:
            oldest = next(iter(self._entries))
        except (StopIteration, RuntimeError):  # another thread was here
            return
        value = self._entries.pop(oldest, None)
        if value is not None:
            self._weight -= self._weigh(value)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._entries)
