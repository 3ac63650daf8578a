"""One array's decoded rows in a file that processes map together."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from unienv_data.store import platform

__all__ = ["Load", "RowFile"]

Load = Callable[[range, NDArray[np.uint8]], None]
"""Decodes rows into bytes (N, row_bytes)."""


class RowFile:
    """Rows by number, and of each shard how many have been filled in.

    Committed rows never change, so that whoever fills a shard writes the same bytes: fillers need not wait
    for each other, nor readers for them. Rows are written before they are counted.

    Args:
        path: of the rows; the counts stand beside them.
        row_bytes: bytes of a row.
        shard_rows: rows in a shard.

    Attributes:
        rows: (R, row_bytes) what is mapped, filled or not.

    Raises:
        OSError: the files cannot be made.
    """

    def __init__(self, path: str, row_bytes: int, shard_rows: int) -> None:
        self.rows: NDArray[np.uint8] = np.empty((0, row_bytes), dtype=np.uint8)
        self._row_bytes = row_bytes
        self._shard_rows = shard_rows
        self._path = path
        self._filled: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._complete = 0

    def grow(self, length: int) -> None:
        """Have room for `length` rows, filled or not.

        Raises:
            OSError: the files cannot be so long.
        """
        shards = -(-length // self._shard_rows)
        if shards <= len(self._filled):
            return
        shards += shards // 4  # so that a dataset that grows is not mapped anew at every commit
        rows = shards * self._shard_rows
        mapped = np.frombuffer(_mapped(self._path, rows * self._row_bytes), dtype=np.uint8)
        self._filled = np.frombuffer(_mapped(f"{self._path}.filled", shards * 8), dtype=np.int64)
        self.rows = mapped.reshape(
            rows, self._row_bytes
        )  # last: whoever sees them may ask for what is filled
        self._count_complete()

    def is_complete(self, last: int) -> bool:
        """Whether every row up to `last` is known to be filled in."""
        return last < self._complete

    def unfilled(self, shards: Sequence[int] | NDArray[np.int64], length: int) -> list[range]:
        """What is to be filled in for all rows of some shards to be there, a range a shard.

        Args:
            shards: ascending, below `length`.
            length: rows that are committed.
        """
        numbers = np.asarray(shards, dtype=np.int64)
        first = numbers * self._shard_rows
        wanted = np.minimum(length - first, self._shard_rows)
        there = self._filled[numbers]
        short = np.flatnonzero(there < wanted)
        if not len(short):
            self._count_complete()
        return [range(first[i] + there[i], first[i] + wanted[i]) for i in short.tolist()]

    def fill(self, span: range, load: Load) -> None:
        """Fill in rows of one shard, behind those that are there.

        Raises:
            OSError: there is no room on the disk.
        """
        start = span.start * self._row_bytes
        with open(self._path, "rb+") as file:
            # Writing to a map where the disk is full would end the process.
            platform.allocate(file.fileno(), start, len(span) * self._row_bytes)
        # Decoded elsewhere: others may be reading here already, and decoders write more than what stays.
        rows = np.empty((len(span), self._row_bytes), dtype=np.uint8)
        load(span, rows)
        self.rows[span.start : span.stop] = rows
        shard = span.start // self._shard_rows
        self._filled[shard] = max(int(self._filled[shard]), span.stop - shard * self._shard_rows)
        self._count_complete()

    def _count_complete(self) -> None:
        short = self._filled < self._shard_rows
        shard = int(short.argmax()) if short.any() else len(short)
        part = int(self._filled[shard]) if shard < len(short) else 0
        self._complete = shard * self._shard_rows + part


def _mapped(path: str, size: int) -> mmap.mmap:
    """A file as memory, made at least so long; others may make it longer at the same time."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_size < size:
            platform.allocate(descriptor, size - 1, 1)  # which never makes it shorter
        return mmap.mmap(descriptor, size)
    finally:
        os.close(descriptor)
