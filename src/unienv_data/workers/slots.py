"""Places for results in shared memory, used again and again, each by one result at a time."""

from __future__ import annotations

import mmap
import weakref
from collections import deque
from typing import Any, NamedTuple

import numpy as np

from unienv_data.workers.memory import PAGE, SharedMemory

__all__ = ["Place", "Slots"]


class Place(NamedTuple):
    """Where a slot is in the shared memory.

    Attributes:
        slot: its number.
        start: its first byte, at a multiple of the page size.
        capacity: how many bytes it has.
    """

    slot: int
    start: int
    capacity: int


class Slots:
    """Slots of a shared memory. A slot is free, or in use, or lent: then views of it are in somebody's hands.

    Args:
        count: how many slots.
        capacity: bytes of each; they become larger where results do.
    """

    def __init__(self, count: int, capacity: int) -> None:
        capacity = _whole_pages(capacity)
        self.memory = SharedMemory(count * capacity)
        self._free = deque(Place(slot, slot * capacity, capacity) for slot in range(count))
        # Views end in any thread and between any two steps: here their slots wait to be counted as free.
        self._returned: deque[Place] = deque()
        self._views: dict[int, tuple[Place, memoryview]] = {}
        self._lent = 0

    @property
    def lent(self) -> int:
        """How many slots are lent."""
        self._take_back()
        return self._lent

    def take(self, wanted: int = 0) -> Place | None:
        """A free slot, with at least `wanted` bytes if it can have so many; None where none is free."""
        self._take_back()
        if not self._free:
            return None
        place = self._free.popleft()
        if place.capacity < wanted and self.memory.can_grow:
            place = self._moved(place, _whole_pages(wanted))
        return place

    def put_back(self, place: Place) -> None:
        """A slot in use is free again."""
        self._free.append(place)

    def view(self, place: Place) -> memoryview:
        """The bytes of a slot."""
        known, view = self._views.get(place.slot, (None, None))
        if view is None or known != place:
            view = self.memory.map(place.start, place.capacity)
            self._views[place.slot] = place, view
        return view

    def lend(self, place: Place) -> memoryview:
        """The bytes of a slot in use, which is free again when nobody refers to them, or parts, any more."""
        lent = np.frombuffer(self.view(place), dtype=np.uint8)
        self._lent += 1
        weakref.finalize(lent, self._returned.append, place).atexit = False
        view: Any = lent  # that arrays are buffers is known to NumPy's types from Python 3.12 on only
        return memoryview(view)

    def close(self) -> None:
        """Give the memory back, but for what is lent."""
        self._views.clear()
        self.memory.close()

    def _take_back(self) -> None:
        while self._returned:
            self._free.append(self._returned.popleft())
            self._lent -= 1

    def _moved(self, place: Place, capacity: int) -> Place:
        """The slot at the end of the memory, where there is room for more; its old pages are given up."""
        moved = Place(place.slot, self.memory.size, capacity)
        self.memory.grow(self.memory.size + capacity)
        if hasattr(mmap, "MADV_REMOVE"):
            old = self.view(place).obj
            if isinstance(old, mmap.mmap):
                old.madvise(mmap.MADV_REMOVE)
        return moved


def _whole_pages(size: int) -> int:
    return -(-max(size, 1) // PAGE) * PAGE
