"""Reading ahead: a thread makes what comes next while what came is worked on, within bounds of memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

__all__ = ["reading_ahead"]

T = TypeVar("T")

_PATIENCE = 2.0  # seconds


@contextmanager
def reading_ahead(
    items: Generator[T, None, None], weigh: Callable[[T], int], most_bytes: int
) -> Iterator[Iterator[T]]:
    """The items, made by a thread of their own, which is ahead by at most so many bytes, and one item.

    Args:
        items: what makes them; closed by that thread when the context is left.
        weigh: the bytes that an item holds.
        most_bytes: how many may wait.

    Raises:
        BaseException: what making an item raised comes where the item was due.
    """
    ahead = _Ahead(items, weigh, most_bytes)
    try:
        yield ahead
    except (KeyboardInterrupt, SystemExit):
        ahead.stop(_PATIENCE)  # whoever wants to end does not wait for a source that does not answer
        raise
    except BaseException:
        ahead.stop()
        raise
    ahead.stop()


class _Ahead(Generic[T]):
    def __init__(self, items: Generator[T, None, None], weigh: Callable[[T], int], most: int) -> None:
        self._items, self._weigh, self._most = items, weigh, most
        self._waiting: deque[tuple[T, int]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._is_wanted = True
        self._is_over = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._make, name="unienv-data-reading", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over)
            if not self._waiting:
                if self._error is not None:
                    raise self._error
                raise StopIteration
            item, size = self._waiting.popleft()
            self._bytes -= size
            self._changed.notify_all()
            return item

    def stop(self, patience: float | None = None) -> None:
        """Have the thread end, and wait for that, at most so many seconds."""
        with self._changed:
            self._is_wanted = False
            self._changed.notify_all()
        self._thread.join(patience)

    def _make(self) -> None:
        try:
            try:
                for item in self._items:
                    if not self._put(item):
                        break
            finally:
                self._items.close()
        except BaseException as exc:
            self._error = exc
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def _put(self, item: T) -> bool:
        size = self._weigh(item)
        with self._changed:
            self._changed.wait_for(
                lambda: not self._is_wanted or not self._waiting or self._bytes + size <= self._most
            )
            if self._is_wanted:
                self._waiting.append((item, size))
                self._bytes += size
                self._changed.notify_all()
            return self._is_wanted
