"""Files open for reading: ranges of their bytes, from memory maps where the disk is this machine's own.

A mapped range costs no call and no copy, as long as its pages are in memory. Where they are not, touching
them reads the disk page by page, ten times slower than asking for ranges; so the kernel is told of them
first, which reads many at a time, until that turns out to be needless.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from unienv_data.store import platform
from unienv_data.store.objects.base import Range, Run

__all__ = ["OpenFile", "map_views", "read_ranges"]

_LEAST_BYTES = 64 << 10  # smaller files are not worth a map
_PAGE = mmap.PAGESIZE


class OpenFile:
    """A file open for reading, closed when nobody refers to it any more; its content never changes.

    Args:
        path: where it is.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._map: mmap.mmap | None = None
        self._view: NDArray[np.uint8] | None = None
        found = os.fstat(self.descriptor)
        if found.st_size >= _LEAST_BYTES and _maps() and platform.is_own_disk(path, found.st_dev):
            try:
                self._map = mmap.mmap(self.descriptor, found.st_size, prot=mmap.PROT_READ)
            except (OSError, ValueError):  # a filesystem that has no maps
                return
            self._view = np.frombuffer(self._map, dtype=np.uint8)

    def __del__(self) -> None:
        # Opening may have failed, then there is no descriptor. The map goes with what was read from it.
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)

    def mapped(self) -> NDArray[np.uint8] | None:
        """All of the file, (bytes,), read-only; None where it is not mapped.

        Somebody may have cut the file short: touching what is gone would end the process.
        """
        if self._view is not None and os.fstat(self.descriptor).st_size != len(self._view):
            self._view = self._map = None
        return self._view

    def is_removed(self) -> bool:
        """Whether the file has no name any more, where the platform tells."""
        return os.fstat(self.descriptor).st_nlink == 0

    def expect(self, start: int, stop: int) -> None:
        """Have the pages of bytes [start, stop), as far as there are such, read without waiting for them."""
        if self._map is None:
            return
        first, last = start - start % _PAGE, min(stop, len(self._map))
        if first < last:
            self._map.madvise(mmap.MADV_WILLNEED, first, last - first)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes [start, stop), fewer where the file ends before."""
        return platform.read_at(self.descriptor, stop - start, start)


def read_ranges(open_file: Callable[[str], OpenFile], ranges: Sequence[Range]) -> list[bytes | memoryview]:
    """The bytes of each range, fewer where a file ends before.

    Args:
        open_file: gives the file of a name.
        ranges: what to read.
    """
    data: list[bytes | memoryview] = []
    opened: str | None = None
    view: memoryview | None = None
    length = 0
    for name, start, stop in ranges:
        if name != opened:
            file, opened = open_file(name), name
            whole = file.mapped()
            view = None if whole is None else whole.data
            length = 0 if view is None else len(view)
        data.append(view[start:stop] if view is not None and stop <= length else file.read(start, stop))
    if view is not None:
        _expect(open_file, ranges)
    return data


def map_views(open_file: Callable[[str], OpenFile], runs: Sequence[Run]) -> list[NDArray[np.uint8]] | None:
    """A view of each range; None where a file is not mapped, or ends before.

    Args:
        open_file: gives the file of a name.
        runs: which ranges.
    """
    views: list[NDArray[np.uint8]] = []
    for name, starts, stops in runs:
        whole = open_file(name).mapped()
        if whole is None or stops.max() > len(whole):
            return None
        views += [whole[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
    _expect(
        open_file,
        (
            Range(name, start, stop)
            for name, starts, stops in runs
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
        ),
    )
    return views


def _expect(open_file: Callable[[str], OpenFile], ranges: Iterable[Range]) -> None:
    """Tell the kernel of ranges of mapped files, where their pages may not be in memory."""
    if not _residence.is_doubtful():
        return
    began, count = time.perf_counter(), 0
    opened: str | None = None
    for name, start, stop in ranges:
        if name != opened:
            file, opened = open_file(name), name
        file.expect(start, stop)
        count += 1
    _residence.told(count, time.perf_counter() - began)


class _Residence:
    """Whether pages are likely to be in memory already: then the kernel need not be told of them."""

    _QUICK_SECONDS = 3e-6  # telling of pages that are in memory takes less
    _ENOUGH = 8  # quick ones in a row
    _FEW = 4  # page faults that anything may cause

    def __init__(self) -> None:
        self._quick = 0
        self._faults = 0

    def is_doubtful(self) -> bool:
        """Whether the kernel is to be told."""
        faults = platform.disk_faults()
        if faults - self._faults > self._FEW:
            self._quick = 0
        self._faults = faults
        return self._quick < self._ENOUGH

    def told(self, count: int, seconds: float) -> None:
        """The kernel has been told of so many ranges, which took so long."""
        self._quick = self._quick + 1 if seconds < count * self._QUICK_SECONDS else 0


_residence = _Residence()


def _maps() -> bool:
    return platform.HAS_MAPS and os.environ.get("UNIENV_DATA_MMAP", "1") != "0"
