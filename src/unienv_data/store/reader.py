"""Rows of one commit, and of what its writer has added since."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData, ColumnSpec, EncodedRows, Ragged
from unienv_data.errors import CorruptDataError
from unienv_data.indexing import RowIndex, row_array
from unienv_data.schema.commit import Commit, Tail
from unienv_data.store import outputs
from unienv_data.store.array import StoredArray, stored_arrays
from unienv_data.store.codecs import PieceCodec
from unienv_data.store.gather import ArrayTail, Gather, PendingRows
from unienv_data.store.plan import Plan, plan_rows, plan_spans
from unienv_data.store.ragged import INDEX, VALUES, spans_of
from unienv_data.store.resident import ResidentArrays
from unienv_data.store.resident.file import Load

__all__ = ["CommitReader", "PendingOf"]

_MOST_OF_TAIL = 0.98  # what is asked of a tail, for the tail to be worth having as a whole

PendingOf = Callable[[str], PendingRows | None]
"""What a writer has added to an array, by the array's name."""


class CommitReader:
    """Reads log rows.

    Args:
        commit: the commit to read.
        gather: reads its arrays.
        pending: what the writer has added; where given, it stands in place of the commit's tail.
        resident: the arrays that need not be decoded again and again; None where none is to be kept.
    """

    def __init__(
        self,
        commit: Commit,
        gather: Gather,
        pending: PendingOf | None = None,
        resident: ResidentArrays | None = None,
    ) -> None:
        self.commit = commit
        self._gather = gather
        self._pending = pending
        self._resident = resident
        self._arrays = stored_arrays(commit)

    def with_commit(self, commit: Commit, pending: PendingOf | None) -> CommitReader:
        """The same reader on another commit of the dataset."""
        return CommitReader(commit, self._gather, pending, self._resident)

    def read_column(self, column: ColumnSpec, rows: RowIndex) -> ColumnData:
        """Log rows of a column, in the order of `rows`."""
        if column.ragged_axes is None:
            return self.read_array(self._arrays[column.name], rows)
        index = self.read_array(self._arrays[column.name + INDEX], rows)
        spans, starts, shapes = spans_of(index)
        values = self._read_spans(self._arrays[column.name + VALUES], spans)
        return Ragged(values, starts, shapes)

    def read_array(self, array: StoredArray, rows: RowIndex) -> NDArray[Any]:
        """Log rows of an array, (N, *shape)."""
        resident = self._resident
        if resident is not None:
            if not self._is_committed(array, rows):
                if resident.has(array):
                    return self._read_apart(array, row_array(rows))
            elif (found := resident.rows(array, rows, self.commit, self._loader(array))) is not None:
                return found
        return self._read(array, plan_rows(rows, array.entry.chunk_rows), len(rows))

    def _read_spans(self, array: StoredArray, spans: Sequence[tuple[int, int]]) -> NDArray[Any]:
        """The log rows of each span [start, stop) of an array after those of the one before."""
        resident = self._resident
        if resident is not None and max((stop for _, stop in spans), default=0) <= self._length(array):
            found = resident.spans(array, spans, self.commit, self._loader(array))
            if found is not None:
                return found
        count = sum(stop - start for start, stop in spans)
        return self._read(array, plan_spans(spans, array.entry.chunk_rows), count)

    def _read_apart(self, array: StoredArray, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Rows of which a writer has added some since the commit."""
        out = np.empty((len(rows), *array.entry.shape), dtype=array.dtype)
        committed = rows < self._length(array)
        out[committed] = self.read_array(array, rows[committed])
        added = rows[~committed]
        out[~committed] = self._read(array, plan_rows(added, array.entry.chunk_rows), len(added))
        return out

    def _read(self, array: StoredArray, plan: Plan, count: int) -> NDArray[Any]:
        out = outputs.empty((count, *array.entry.shape), array.dtype)
        self._carry_out(array, plan, out)
        if self._resident is not None:
            self._resident.decoded(array, len(plan.chunks))
        return out

    def _carry_out(self, array: StoredArray, plan: Plan, out: NDArray[Any]) -> None:
        if self._pending is not None:
            self._gather.read(array, plan, out, None, self._pending(array.name))
        else:
            self._gather.read(array, plan, out, self._tail(array))

    def _loader(self, array: StoredArray) -> Load:
        def load(rows: range, out: NDArray[np.uint8]) -> None:
            entries = out.reshape(-1).view(array.dtype).reshape(len(rows), *array.entry.shape)
            self._carry_out(array, plan_spans([(rows.start, rows.stop)], array.entry.chunk_rows), entries)

        return load

    def _length(self, array: StoredArray) -> int:
        return self.commit.logs[array.entry.log].length

    def _is_committed(self, array: StoredArray, rows: RowIndex) -> bool:
        if self._pending is None or not len(rows):
            return True
        last = max(rows[0], rows[-1]) if isinstance(rows, range) else int(rows.max())
        return last < self._length(array)

    def _tail(self, array: StoredArray) -> ArrayTail | None:
        tail = self.commit.tail
        if tail is None or array.name not in tail.parts:
            return None
        return ArrayTail(
            tail.object, tail.parts[array.name], self._first_tail_row(array) // array.entry.chunk_rows
        )

    def _first_tail_row(self, array: StoredArray) -> int:
        length = self._length(array)
        return length - length % array.entry.shard_rows

    # Objects

    def array(self, name: str) -> StoredArray:
        """The array of a name."""
        return self._arrays[name]

    def objects_of(self, wanted: Sequence[tuple[StoredArray, NDArray[np.int64]]]) -> list[str]:
        """The names of the objects that hold rows of arrays, those of the first rows first.

        Arrays whose rows are resident need none. A tail that holds much else is left out.

        Args:
            wanted: arrays, and committed rows of the log of each, ascending.
        """
        found: list[tuple[int, str]] = []
        tail_bytes, tail_row = 0, 0
        for array, rows in wanted:
            rows = rows[: int(np.searchsorted(rows, self._length(array)))]
            if not array.row_bytes:
                continue
            if self._resident is not None:
                rows = self._resident.unfilled(array, rows, self.commit)
            if not len(rows):
                continue
            tail = self._tail(array)
            if tail is not None:
                split = int(np.searchsorted(rows, self._first_tail_row(array)))
                if split < len(rows):
                    tail_bytes += tail.part.length
                    tail_row = int(rows[split])
                rows = rows[:split]
            per_shard = array.entry.shard_rows
            for shard in np.unique(rows // per_shard).tolist():
                found.append((shard * per_shard, array.shard_object(shard)))
        whole = self.commit.tail
        if whole is not None and tail_bytes >= _MOST_OF_TAIL * _tail_bytes(whole):
            found.append((tail_row, whole.object))
        return [name for _, name in sorted(found)]

    # Encoded chunks, for whoever continues

    def tail_chunks(self, array: StoredArray) -> list[bytes]:
        """The encoded chunks of the committed tail."""
        tail = self._tail(array)
        if tail is None:
            return []
        chunks = np.arange(tail.first_chunk, tail.first_chunk + tail.part.chunks, dtype=np.int64)
        return self._gather.encoded(array, chunks, tail)

    def encoded_rows(self, array: StoredArray, rows: range) -> EncodedRows:
        """Committed rows as they are encoded, for an array whose chunks hold one row each or can be cut.

        Raises:
            CorruptDataError: a chunk is missing or damaged.
        """
        size, codec = array.entry.chunk_rows, array.codec
        chunks = np.arange(rows.start // size, -(-rows.stop // size), dtype=np.int64)
        pieces = self._gather.encoded(array, chunks, self._tail(array))
        first = [chunk * size for chunk in chunks.tolist()]
        spans = [(max(rows.start - a, 0), min(rows.stop - a, size)) for a in first]
        if isinstance(codec, PieceCodec):
            try:
                pieces = [
                    codec.write_piece(codec.cut(codec.piece_of(data), *span))
                    for data, span in zip(pieces, spans, strict=True)
                ]
            except ValueError as exc:
                raise CorruptDataError(
                    f"rows {rows.start} to {rows.stop - 1} of {array.name} cannot be copied: {exc}"
                ) from exc
        return EncodedRows(array.dtype, array.entry.shape, pieces, [stop - start for start, stop in spans])

    def shard_chunks(self, array: StoredArray, start: int, stop: int) -> Iterator[list[bytes]]:
        """The encoded chunks of the full shards within rows [start, stop), a shard at a time."""
        if not array.row_bytes:
            return
        first, last = start // array.entry.shard_rows, stop // array.entry.shard_rows
        per_shard = array.chunks_per_shard
        for shard in range(first, last):
            chunks = np.arange(shard * per_shard, (shard + 1) * per_shard, dtype=np.int64)
            yield self._gather.encoded(array, chunks, None)


def _tail_bytes(tail: Tail) -> int:
    return sum(part.length for part in tail.parts.values())
