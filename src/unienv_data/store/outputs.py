"""Where rows that are read are put: new memory, or memory that somebody has lent for a while."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALIGNMENT", "LentMemory", "apart", "empty", "reading_into"]

ALIGNMENT = 64

# Smaller arrays are copied faster than they are looked for.
_LEAST_BYTES = 64 << 10


class LentMemory:
    """Memory that arrays are put into one after another, while there is room.

    Args:
        memory: its bytes, writable.
    """

    def __init__(self, memory: memoryview) -> None:
        self._bytes = np.frombuffer(memory, dtype=np.uint8)
        self._first = self._bytes.ctypes.data
        self.used = 0

    def empty(self, shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any] | None:
        """An array in this memory; None where it is small, or does not fit."""
        size = math.prod(shape) * dtype.itemsize
        start = -(-self.used // ALIGNMENT) * ALIGNMENT
        if size < _LEAST_BYTES or start + size > len(self._bytes):
            return None
        self.used = start + size
        return self._bytes[start : self.used].view(dtype).reshape(shape)

    def place_of(self, part: memoryview) -> int | None:
        """Where in this memory bytes stand; None where they do not."""
        if part.nbytes < _LEAST_BYTES:
            return None
        start = np.frombuffer(part, dtype=np.uint8).ctypes.data - self._first
        return start if start >= 0 and start + part.nbytes <= self.used else None


class _Current(threading.local):
    memory: LentMemory | None = None


_current = _Current()


@contextlib.contextmanager
def reading_into(memory: LentMemory | None) -> Iterator[None]:
    """Have what this thread reads be put into `memory`. Nobody may keep it for longer than that is lent."""
    before, _current.memory = _current.memory, memory
    try:
        yield
    finally:
        _current.memory = before


def apart() -> contextlib.AbstractContextManager[None]:
    """What is read here is not what is handed out in the end."""
    return reading_into(None)


def empty(shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array for rows that are read, of undefined content."""
    memory = _current.memory
    lent = None if memory is None else memory.empty(shape, dtype)
    return np.empty(shape, dtype=dtype) if lent is None else lent
