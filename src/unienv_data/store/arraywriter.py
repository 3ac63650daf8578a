"""Rows of one array on their way into shards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unienv_data.store import pool
from unienv_data.store.array import StoredArray
from unienv_data.store.gather import PendingRows
from unienv_data.store.shard import encode_index

__all__ = ["ArrayWriter", "Mark", "ShardSink"]

ShardSink = Callable[[StoredArray, int, list[bytes], int], None]
"""Takes a finished shard: the array, the shard's number, its chunks, how many of its rows hold data."""

_ENCODED_TOGETHER = 512  # chunks


class Mark(NamedTuple):
    """A state that the writer can go back to."""

    first_row: int
    chunks: list[bytes]
    n_chunks: int
    partial: NDArray[Any]
    filled: int
    stored_bytes: int
    raw_bytes: int


class ArrayWriter:
    """Collects rows into inner chunks, encodes those, and hands full shards to a sink.

    Args:
        array: the array.
        sink: takes finished shards.
        position: the row at which to begin, the first of a shard.
    """

    def __init__(self, array: StoredArray, sink: ShardSink, position: int) -> None:
        self._array = array
        self._sink = sink
        self._first_row = position
        self._chunks: list[bytes] = []
        self._partial = self._new_chunk()
        self._filled = 0
        self.stored_bytes = array.entry.stored_bytes
        self.raw_bytes = array.entry.raw_bytes

    @property
    def position(self) -> int:
        """The row that comes next."""
        return self._first_row + len(self._chunks) * self._array.entry.chunk_rows + self._filled

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows, (n, *shape), contiguous and of the array's dtype, that stay within the claimed blocks."""
        chunk_rows = self._array.entry.chunk_rows
        self.raw_bytes += rows.nbytes
        if not self._array.row_bytes:
            self._first_row += len(rows)
            return
        start = 0
        while start < len(rows):
            if self._filled or len(rows) - start < chunk_rows:
                count = min(chunk_rows - self._filled, len(rows) - start)
                self._partial[self._filled : self._filled + count] = rows[start : start + count]
                self._filled += count
                start += count
                if self._filled == chunk_rows:
                    encoded = self._array.codec.encode(self._partial)
                    self._partial, self._filled = self._new_chunk(), 0
                    self.append_encoded([encoded])
            else:
                count = min((len(rows) - start) // chunk_rows, _ENCODED_TOGETHER)
                whole = rows[start : start + count * chunk_rows].reshape(count, *self._array.chunk.full)
                self.append_encoded(pool.map_threaded(self._array.codec.encode, whole))
                start += count * chunk_rows

    def append_encoded(self, chunks: list[bytes]) -> None:
        """Add encoded full chunks, where no part-filled one is pending."""
        per_shard = self._array.chunks_per_shard
        start = 0
        while start < len(chunks):
            count = min(per_shard - len(self._chunks), len(chunks) - start)
            self._chunks.extend(chunks[start : start + count])
            start += count
            if len(self._chunks) == per_shard:
                self._flush(self._array.entry.shard_rows)
                self._first_row += self._array.entry.shard_rows
        self.stored_bytes += sum(map(len, chunks))

    def finish_shard(self, position: int) -> None:
        """Write the part-filled shard to its place, and go on at `position`, the first row of a shard."""
        rows = self.position - self._first_row
        if rows and self._array.row_bytes:
            self._close_chunk()
            self._flush(rows)
        self._chunks, self._filled = [], 0
        self._first_row = position

    def _close_chunk(self) -> None:
        if self._filled:
            encoded = self._array.codec.encode(self._padded())
            self._chunks.append(encoded)
            self.stored_bytes += len(encoded)
            self._partial, self._filled = self._new_chunk(), 0

    def _flush(self, rows: int) -> None:
        chunks, self._chunks = self._chunks, []
        self._sink(self._array, self._first_row // self._array.entry.shard_rows, chunks, rows)

    def _padded(self) -> NDArray[Any]:
        """The part-filled chunk, with zeros where no rows are yet."""
        chunk = self._partial.copy()
        chunk[self._filled :] = 0
        return chunk

    def _new_chunk(self) -> NDArray[Any]:
        return np.empty(self._array.chunk.full, dtype=self._array.dtype)

    # What is not in a full shard

    def pending(self) -> PendingRows | None:
        """The rows after the last full shard, as they lie in memory."""
        if not (self._chunks or self._filled):
            return None
        return PendingRows(self._first_row // self._array.entry.chunk_rows, self._chunks, self._partial)

    def tail(self) -> tuple[list[bytes], int]:
        """The rows after the last full shard as a part of a tail object: its pieces, and how many chunks."""
        if not (self._chunks or self._filled):
            return [], 0
        chunks = [*self._chunks]
        if self._filled:
            chunks.append(self._array.codec.encode(self._padded()))
        return [*chunks, encode_index([len(chunk) for chunk in chunks], len(chunks))], len(chunks)

    def resume(self, chunks: list[bytes], rows: int) -> None:
        """Go on after `rows` rows of the current shard, whose encoded chunks are given."""
        if not self._array.row_bytes:
            self._first_row += rows
            return
        full, rest = divmod(rows, self._array.entry.chunk_rows)
        self._chunks = list(chunks[:full])
        if rest:
            self._array.codec.decode(chunks[full], self._partial.reshape(-1).view(np.uint8))
            self._filled = rest

    # Going back

    def mark(self) -> Mark:
        """The present state. Later rows go beyond what it covers, so that it stays as it is."""
        return Mark(
            self._first_row,
            self._chunks,
            len(self._chunks),
            self._partial,
            self._filled,
            self.stored_bytes,
            self.raw_bytes,
        )

    def restore(self, mark: Mark) -> None:
        """Back to the state of `mark`."""
        self._first_row = mark.first_row
        del mark.chunks[mark.n_chunks :]
        self._chunks = mark.chunks
        self._partial, self._filled = mark.partial, mark.filled
        self.stored_bytes, self.raw_bytes = mark.stored_bytes, mark.raw_bytes
