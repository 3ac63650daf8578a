"""Memory that a process shares with those that it starts, under no name that could be left behind."""

from __future__ import annotations

import mmap
import os
import sys
from multiprocessing import reduction
from typing import Any, ClassVar

from unienv_data.store import platform

__all__ = ["PAGE", "SharedMemory"]

PAGE = mmap.ALLOCATIONGRANULARITY
"""What the parts of a shared memory that are mapped must begin at a multiple of."""

_LABEL = "unienv-data"

if sys.platform != "win32":

    class SharedMemory:
        """Bytes, all 0 at first, that cost nothing before they are written to.

        It reaches other processes as an argument when they are started, and ends with the last that holds
        it or a part of it, however these end.

        Args:
            size: how many bytes.
        """

        can_grow: ClassVar[bool] = True

        def __init__(self, size: int, descriptor: int | None = None) -> None:
            self.size = size
            if descriptor is None:
                descriptor = platform.anonymous_file(_LABEL)
                os.ftruncate(descriptor, size)
            self._descriptor: int | None = descriptor

        def __reduce__(self) -> tuple[Any, ...]:
            return _received, (self.size, reduction.DupFd(self._open))

        @property
        def _open(self) -> int:
            if self._descriptor is None:
                raise ValueError("this memory has been given back")
            return self._descriptor

        def grow(self, size: int) -> None:
            """Have `size` bytes; parts that are mapped stay as they are."""
            os.ftruncate(self._open, size)
            self.size = size

        def map(self, start: int, length: int) -> memoryview:
            """The bytes [start, start + length), at least one, for as long as anybody refers to them.

            `start` must be a multiple of `PAGE`.
            """
            return memoryview(mmap.mmap(self._open, length, offset=start))

        def close(self) -> None:
            """Give the memory back, but for parts that are still referred to."""
            if self._descriptor is not None:
                descriptor, self._descriptor = self._descriptor, None
                os.close(descriptor)

    def _received(size: int, descriptor: Any) -> SharedMemory:
        return SharedMemory(size, descriptor.detach())

else:  # pragma: no cover - exercised on Windows only
    import secrets

    class SharedMemory:
        """Bytes, all 0 at first: a mapping whose name ends with the last process that has it."""

        can_grow: ClassVar[bool] = False

        def __init__(self, size: int, name: str | None = None) -> None:
            self.size = size
            self._name = name or f"{_LABEL}-{os.getpid()}-{secrets.token_hex(8)}"
            self._mapping: mmap.mmap | None = mmap.mmap(-1, size, tagname=self._name)

        def __reduce__(self) -> tuple[Any, ...]:
            return type(self), (self.size, self._name)

        def grow(self, size: int) -> None:
            raise ValueError("memory cannot grow on this platform")

        def map(self, start: int, length: int) -> memoryview:
            if self._mapping is None:
                raise ValueError("this memory has been given back")
            return memoryview(self._mapping)[start : start + length]

        def close(self) -> None:
            self._mapping = None
