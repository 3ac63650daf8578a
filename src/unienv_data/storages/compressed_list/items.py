"""The packed items of a storage, which threads share."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

from unienv_data.errors import ClosedError
from unienv_data.indexing import Rows, resolve_index
from unienv_data.storages.compressed_list.form import Form, Item
from unienv_data.store import platform

__all__ = ["ItemList"]


class ItemList:
    """Packed items by slot.

    A change is seen as a whole or not at all. Who reads them afterwards may take all the time: items never
    change, they are replaced.

    Args:
        items: packed, one a slot.
        form: that they have.

    Attributes:
        form: that they have.
        writing: held by a writer for as long as it prepares its change and makes it.
    """

    def __init__(self, items: Iterable[Item], form: Form) -> None:
        self.form = form
        self._items: list[Item] = list(items)
        self._size = _total(self._items)
        self._closed = False
        self.renew()
        _all.add(self)

    def renew(self) -> None:
        """Nobody holds the locks: in a forked child, who did stayed in the parent."""
        self.writing = threading.RLock()
        self._mutex = threading.RLock()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def size(self) -> int:
        """Bytes of all items."""
        return self._size

    def check_open(self) -> None:
        """Check that nobody has closed the list.

        Raises:
            ClosedError: somebody has.
        """
        if self._closed:
            raise ClosedError("the storage is closed, and what was in it is gone")

    def picked(self, index: Any) -> tuple[Rows, list[Item], Form]:
        """The slots that an index addresses, their items at one moment, and the form of these."""
        with self._mutex:
            self.check_open()
            slots = resolve_index(index, len(self._items))
            return slots, [self._items[slot] for slot in slots.rows], self.form

    def all(self) -> tuple[list[Item], Form]:
        """All items at one moment, and their form."""
        with self._mutex:
            self.check_open()
            return list(self._items), self.form

    def is_written(self, slot: int) -> bool:
        """Whether there is an item in a slot."""
        with self._mutex:
            return -len(self._items) <= slot < len(self._items) and self._items[slot] is not None

    def place(self, slots: Iterable[int], items: Sequence[Item]) -> None:
        """Put items into slots, of which those that follow the last one are new."""
        with self._mutex:
            for slot, item in zip(slots, items, strict=True):
                if slot == len(self._items):
                    self._items.append(None)
                self._size += len(item or b"") - len(self._items[slot] or b"")
                self._items[slot] = item

    def resize(self, added: int) -> None:
        """Add slots at the end, or, where it is negative, cut off as many."""
        with self.writing, self._mutex:
            self.check_open()
            if added >= 0:
                self._items += [None] * added
            else:
                length = max(len(self._items) + added, 0)
                self._size -= _total(self._items[length:])
                del self._items[length:]

    def keep(self, spans: Sequence[tuple[int, int]], slots: int) -> None:
        """Have the items of spans [start, stop), and no others, come first in at least so many slots."""
        with self.writing, self._mutex:
            self.check_open()
            kept = [item for start, stop in spans for item in self._items[start:stop]]
            self.replace([*kept, *[None] * (slots - len(kept))], self.form)

    def replace(self, items: list[Item], form: Form) -> None:
        """Have other items in place of these."""
        with self.writing, self._mutex:
            self.check_open()
            self._items, self.form = items, form
            self._size = _total(items)

    def close(self) -> None:
        """Let go of all items."""
        with self.writing, self._mutex:
            self._closed = True
            self._items, self._size = [], 0


def _total(items: Iterable[Item]) -> int:
    return sum(len(item) for item in items if item is not None)


_all: weakref.WeakSet[ItemList] = weakref.WeakSet()


def _renew_all() -> None:
    for items in list(_all):
        items.renew()


platform.on_fork(_renew_all)
