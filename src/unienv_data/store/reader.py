"""Rows of one commit, and of what its writer has added since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData, ColumnSpec, Ragged
from unienv_data.indexing import RowIndex
from unienv_data.schema.commit import Commit
from unienv_data.store.array import StoredArray, stored_arrays
from unienv_data.store.gather import ArrayTail, Gather, PendingRows
from unienv_data.store.plan import Plan, plan_rows, plan_spans
from unienv_data.store.ragged import INDEX, VALUES, spans_of

__all__ = ["CommitReader", "PendingOf"]

PendingOf = Callable[[str], PendingRows | None]
"""What a writer has added to an array, by the array's name."""


class CommitReader:
    """Reads log rows.

    Args:
        commit: the commit to read.
        gather: reads its arrays.
        pending: what the writer has added; where given, it stands in place of the commit's tail.
    """

    def __init__(self, commit: Commit, gather: Gather, pending: PendingOf | None = None) -> None:
        self.commit = commit
        self._gather = gather
        self._pending = pending
        self._arrays = stored_arrays(commit)

    def with_commit(self, commit: Commit, pending: PendingOf | None) -> CommitReader:
        """The same reader on another commit of the dataset."""
        return CommitReader(commit, self._gather, pending)

    def read_column(self, column: ColumnSpec, rows: RowIndex) -> ColumnData:
        """Log rows of a column, in the order of `rows`."""
        if column.ragged_axes is None:
            return self.read_array(self._arrays[column.name], rows)
        index = self.read_array(self._arrays[column.name + INDEX], rows)
        spans, starts, shapes = spans_of(index)
        array = self._arrays[column.name + VALUES]
        count = sum(stop - start for start, stop in spans)
        return Ragged(self._read(array, plan_spans(spans, array.entry.chunk_rows), count), starts, shapes)

    def read_array(self, array: StoredArray, rows: RowIndex) -> NDArray[Any]:
        """Log rows of an array, (N, *shape)."""
        return self._read(array, plan_rows(rows, array.entry.chunk_rows), len(rows))

    def _read(self, array: StoredArray, plan: Plan, count: int) -> NDArray[Any]:
        out = np.empty((count, *array.entry.shape), dtype=array.dtype)
        if self._pending is not None:
            self._gather.read(array, plan, out, None, self._pending(array.name))
        else:
            self._gather.read(array, plan, out, self._tail(array))
        return out

    def _tail(self, array: StoredArray) -> ArrayTail | None:
        tail = self.commit.tail
        if tail is None or array.name not in tail.parts:
            return None
        return ArrayTail(
            tail.object, tail.parts[array.name], self._first_tail_row(array) // array.entry.chunk_rows
        )

    def _first_tail_row(self, array: StoredArray) -> int:
        length = self.commit.logs[array.entry.log].length
        return length - length % array.entry.shard_rows

    # Encoded chunks, for whoever continues

    def tail_chunks(self, array: StoredArray) -> list[bytes]:
        """The encoded chunks of the committed tail."""
        tail = self._tail(array)
        if tail is None:
            return []
        chunks = np.arange(tail.first_chunk, tail.first_chunk + tail.part.chunks, dtype=np.int64)
        return self._gather.encoded(array, chunks, tail)

    def row_chunks(self, array: StoredArray, rows: range) -> list[bytes]:
        """The encoded chunks of committed rows, for an array whose chunks hold one row each."""
        chunks = np.arange(rows.start, rows.stop, dtype=np.int64)
        return self._gather.encoded(array, chunks, self._tail(array))

    def shard_chunks(self, array: StoredArray, start: int, stop: int) -> Iterator[list[bytes]]:
        """The encoded chunks of the full shards within rows [start, stop), a shard at a time."""
        if not array.row_bytes:
            return
        first, last = start // array.entry.shard_rows, stop // array.entry.shard_rows
        per_shard = array.chunks_per_shard
        for shard in range(first, last):
            chunks = np.arange(shard * per_shard, (shard + 1) * per_shard, dtype=np.int64)
            yield self._gather.encoded(array, chunks, None)
