"""Rows of one array on their way into shards."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

from unienv_data.columns.data import EncodedRows
from unienv_data.errors import CodecError
from unienv_data.store import pool
from unienv_data.store.array import StoredArray
from unienv_data.store.codecs import PieceCodec
from unienv_data.store.gather import PendingRows
from unienv_data.store.partchunk import PartChunk, PiecedChunk, RawChunk, part_chunk
from unienv_data.store.shard import encode_index

__all__ = ["ArrayWriter", "Mark", "ShardSink"]

ShardSink = Callable[[StoredArray, int, list[bytes], int], None]
"""Takes a finished shard: the array, the shard's number, its chunks, how many of its rows hold data."""

_ENCODED_TOGETHER = 8 << 20  # bytes: while shards are written, what comes next is encoded

_ENCODED_AT_ONCE = 256 << 10  # bytes: what a thread encodes in a call, if the codec can


class Mark(NamedTuple):
    """A state that the writer can go back to."""

    first_row: int
    chunks: list[bytes]
    n_chunks: int
    partial: PartChunk
    filled: object
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
        self._partial = part_chunk(array.codec)
        self.stored_bytes = array.entry.stored_bytes
        self.raw_bytes = array.entry.raw_bytes

    @property
    def position(self) -> int:
        """The row that comes next."""
        return self._first_row + len(self._chunks) * self._array.entry.chunk_rows + self._partial.filled

    @property
    def room(self) -> int:
        """How many rows come before the one that completes a chunk, and cannot fail to be added."""
        if not self._array.row_bytes:
            return sys.maxsize
        is_raw = isinstance(self._partial, RawChunk)
        return self._array.entry.chunk_rows - self._partial.filled - 1 if is_raw else 0

    def fill(self, rows: NDArray[Any]) -> None:
        """Add rows, (n, *shape), of the array's dtype, for which there is `room`."""
        if not self._array.row_bytes:
            self._first_row += len(rows)
            return
        self._partial.append(rows)
        self.raw_bytes += rows.nbytes

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows, (n, *shape), contiguous and of the array's dtype, that stay within the claimed blocks."""
        chunk_rows = self._array.entry.chunk_rows
        self.raw_bytes += rows.nbytes
        if not self._array.row_bytes:
            self._first_row += len(rows)
            return
        start = 0
        while start < len(rows):
            filled = self._partial.filled
            if filled or len(rows) - start < chunk_rows:
                count = min(chunk_rows - filled, len(rows) - start)
                self._partial.append(rows[start : start + count])
                start += count
                self._close_if_full()
            else:
                count = (len(rows) - start) // chunk_rows
                whole = rows[start : start + count * chunk_rows]
                self._encode_whole(whole.reshape(count, *self._array.chunk.full))
                start += count * chunk_rows

    def _encode_whole(self, whole: NDArray[Any]) -> None:
        """Add full chunks, (n, *chunk), where no part-filled one is pending."""
        spans = self._spans_of(whole)
        together = max(_ENCODED_TOGETHER // spans[0].nbytes, 1)
        for groups in pool.map_ahead(self._array.codec.encode_each, spans, together):
            self.append_encoded([chunk for group in groups for chunk in group])

    def _spans_of(self, whole: NDArray[Any]) -> list[NDArray[Any]]:
        """Full chunks, as many together as are encoded by one call."""
        step = max(_ENCODED_AT_ONCE // self._array.chunk.nbytes, 1)
        return [whole[first : first + step] for first in range(0, len(whole), step)]

    def _encode_part(self, part: PartChunk, nbytes: int) -> None:
        """Add a chunk that has been filled; nobody else has it."""
        self.append_encoded([part.encoded()])

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

    def append_pieces(self, rows: EncodedRows, start: int, stop: int) -> None:
        """Add rows [start, stop) of encoded ones: chunks of one row each, or pieces of a codec.

        Raises:
            CodecError: the array's codec has neither, or the pieces are of another.
        """
        codec, chunk_rows = self._array.codec, self._array.entry.chunk_rows
        self.raw_bytes += rows.row_bytes * (stop - start)
        for piece, first, end in rows.between(start, stop):
            if not isinstance(codec, PieceCodec):
                if chunk_rows > 1:
                    raise CodecError(
                        f"{self._array.name}: its codec takes no encoded rows; decode them first"
                    )
                self._check(piece)
                self.append_encoded([piece])
                continue
            try:
                whole = codec.read_piece(piece)
                while first < end:
                    count = min(chunk_rows - self._partial.filled, end - first)
                    self._pieced.append_piece(codec.cut(whole, first, first + count), count)
                    first += count
                    self._close_if_full()
            except ValueError as exc:
                raise CodecError(f"{self._array.name}: encoded rows that do not fit: {exc}") from exc

    def _check(self, chunk: bytes) -> None:
        try:
            self._array.codec.check_encoded(chunk)
        except ValueError as exc:
            raise CodecError(f"{self._array.name}: an encoded row that does not fit: {exc}") from exc

    def end_run(self) -> None:
        """The next row has nothing to do with the last one."""
        if isinstance(self._partial, PiecedChunk):
            self._partial.end_run()

    @property
    def _pieced(self) -> PiecedChunk:
        if not isinstance(self._partial, PiecedChunk):
            raise TypeError(f"{self._array.name}: chunks of this codec are encoded as a whole")
        return self._partial

    def finish_shard(self, position: int) -> None:
        """Write the part-filled shard to its place, and go on at `position`, the first row of a shard."""
        rows = self.position - self._first_row
        if rows and self._array.row_bytes:
            if self._partial.filled:
                self._close_chunk()
            self._flush(rows)
        self._chunks, self._partial = [], part_chunk(self._array.codec)
        self._first_row = position

    def skip(self, rows: int, stored_bytes: int, raw_bytes: int) -> None:
        """Pass over rows that somebody else has written to their shards, where none are pending."""
        self._first_row += rows
        self.stored_bytes += stored_bytes
        self.raw_bytes += raw_bytes

    def _close_if_full(self) -> None:
        if self._partial.filled == self._array.entry.chunk_rows:
            part, self._partial = self._partial, part_chunk(self._array.codec)
            self._encode_part(part, self._array.chunk.nbytes)

    def _close_chunk(self) -> None:
        encoded = self._partial.encoded()
        self._chunks.append(encoded)
        self.stored_bytes += len(encoded)
        self._partial = part_chunk(self._array.codec)

    def _flush(self, rows: int) -> None:
        chunks, self._chunks = self._chunks, []
        self._sink(self._array, self._first_row // self._array.entry.shard_rows, chunks, rows)

    # What is not in a full shard

    def pending(self) -> PendingRows | None:
        """The rows after the last full shard, as they lie in memory."""
        if not (self._chunks or self._partial.filled):
            return None
        first_chunk = self._first_row // self._array.entry.chunk_rows
        return PendingRows(first_chunk, self._chunks, self._partial.readable())

    def tail(self) -> tuple[list[bytes], int]:
        """The rows after the last full shard as a part of a tail object: its pieces, and how many chunks."""
        if not (self._chunks or self._partial.filled):
            return [], 0
        chunks = [*self._chunks]
        if self._partial.filled:
            chunks.append(self._partial.encoded())
        return [*chunks, encode_index([len(chunk) for chunk in chunks], len(chunks))], len(chunks)

    def resume(self, chunks: list[bytes], rows: int) -> None:
        """Go on after `rows` rows of the current shard, whose encoded chunks are given."""
        if not self._array.row_bytes:
            self._first_row += rows
            return
        full, rest = divmod(rows, self._array.entry.chunk_rows)
        self._chunks = list(chunks[:full])
        if rest:
            self._partial.resume(chunks[full], rest)

    # Going back

    def mark(self) -> Mark:
        """The present state. Later rows go beyond what it covers, so that it stays as it is."""
        return Mark(
            self._first_row,
            self._chunks,
            len(self._chunks),
            self._partial,
            self._partial.mark(),
            self.stored_bytes,
            self.raw_bytes,
        )

    def restore(self, mark: Mark) -> None:
        """Back to the state of `mark`."""
        self._first_row = mark.first_row
        del mark.chunks[mark.n_chunks :]
        self._chunks = mark.chunks
        self._partial = mark.partial
        self._partial.restore(mark.filled)
        self.stored_bytes, self.raw_bytes = mark.stored_bytes, mark.raw_bytes
