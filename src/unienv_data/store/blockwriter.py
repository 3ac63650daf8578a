"""Writing rows of blocks that another process has claimed, and lent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData, EncodedRows, Ragged
from unienv_data.schema.commit import ROWS_LOG
from unienv_data.store.aheadwriter import AheadWriter, Encoding
from unienv_data.store.array import StoredArray
from unienv_data.store.commits import storage_objects
from unienv_data.store.lending import Loan
from unienv_data.store.objects import ObjectStore
from unienv_data.store.ragged import INDEX, VALUES, SharedValues
from unienv_data.store.shard import ShardTag, encode_shard

__all__ = ["BlockWriter"]

DEFAULT_ENCODING_BYTES = 16 << 20


class BlockWriter:
    """Writes consecutive rows of a loan, from the first row of a block on.

    Rows of one shape go to shards; those of ragged columns are gathered, for whoever lends.

    Args:
        root: where the dataset stands.
        loan: what was lent.
        start: the first row to write, counted from the loan's first; the first of a block.
        encoding_bytes: of rows that may wait for being encoded.
    """

    def __init__(
        self, root: ObjectStore, loan: Loan, start: int, encoding_bytes: int = DEFAULT_ENCODING_BYTES
    ) -> None:
        self.objects = storage_objects(root, loan.path)
        self._loan = loan
        self._dataset, self._token = bytes.fromhex(loan.dataset), bytes.fromhex(loan.writer)
        self._position = start
        self._encoding = Encoding(encoding_bytes)
        entries = loan.arrays
        self._ragged = {
            name.removesuffix(VALUES): _Gathered(entries[name.removesuffix(VALUES) + INDEX].shape[0] - 1)
            for name, entry in entries.items()
            if entry.log != ROWS_LOG
        }
        self._writers = {
            name: AheadWriter(
                StoredArray(loan.group, name, replace(entry, stored_bytes=0, raw_bytes=0)),
                self._write_shard,
                loan.row + start,
                self._encoding,
            )
            for name, entry in entries.items()
            if entry.log == ROWS_LOG and name.removesuffix(INDEX) not in self._ragged
        }

    @property
    def position(self) -> int:
        """The row that comes next, counted from the loan's first."""
        return self._position

    def append(self, columns: Mapping[str, ColumnData], start: int, stop: int) -> None:
        """Write rows [start, stop) of `columns`, which hold every column by its name."""
        for name, data in columns.items():
            if isinstance(data, Ragged):
                self._ragged[name].append(data, start, stop)
            elif isinstance(data, EncodedRows):
                self._writers[name].append_pieces(data, start, stop)
            else:
                self._writers[name].append(data[start:stop])
        self._position += stop - start

    def append_nothing(self, count: int) -> None:
        """Write rows of zeros and empty ragged rows, which no slot will show."""
        for gathered in self._ragged.values():
            gathered.append_empty(count)
        for name, writer in self._writers.items():
            entry = self._loan.arrays[name]
            row = np.zeros((1, *entry.shape), dtype=entry.dtype)
            step = max(_ZEROS_BYTES // max(row.nbytes, 1), 1)
            for first in range(0, count, step):
                writer.append(np.repeat(row, min(step, count - first), axis=0))
        self._position += count

    def end_run(self) -> None:
        """What comes next has nothing to do with what has been written: an episode has ended."""
        for writer in self._writers.values():
            writer.end_run()

    def finish(self) -> tuple[dict[str, Ragged], dict[str, tuple[int, int]]]:
        """End a stretch of whole blocks, or of a loan's last rows, and make it durable.

        Returns:
            The rows of every ragged column, and the stored and raw bytes of every other array.
        """
        self._encoding.finish()
        for name, writer in self._writers.items():
            size = self._loan.arrays[name].shard_rows
            writer.finish_shard(-(-writer.position // size) * size)
        self.objects.sync()
        weights = {name: (writer.stored_bytes, writer.raw_bytes) for name, writer in self._writers.items()}
        for writer in self._writers.values():
            writer.skip(0, -writer.stored_bytes, -writer.raw_bytes)
        ragged = {
            name: gathered.taken(np.dtype(self._loan.arrays[name + VALUES].dtype))
            for name, gathered in self._ragged.items()
        }
        return ragged, weights

    def _write_shard(self, array: StoredArray, shard: int, chunks: list[bytes], rows: int) -> None:
        tag = ShardTag(self._dataset, array.entry.id, shard, self._token, rows)
        self.objects.write(array.shard_object(shard), encode_shard(chunks, array.chunks_per_shard, tag))


_ZEROS_BYTES = 8 << 20


class _Gathered:
    """Ragged rows one after another; equal ones share their values.

    Args:
        axes: how many axes the shape of a row has.
    """

    def __init__(self, axes: int) -> None:
        self._axes = axes
        self._clear()

    def _clear(self) -> None:
        self._shared = SharedValues()
        self._values: list[NDArray[Any]] = []
        self._starts = [np.empty(0, dtype=np.int64)]
        self._shapes = [np.empty((0, self._axes), dtype=np.int64)]
        self._filled = 0

    def append(self, data: Ragged, start: int, stop: int) -> None:
        starts, fresh = self._shared.place(data, start, stop, self._filled)
        self._values += fresh
        self._filled += sum(map(len, fresh))
        self._starts.append(starts)
        self._shapes.append(data.shapes[start:stop])

    def append_empty(self, count: int) -> None:
        self._starts.append(np.zeros(count, dtype=np.int64))
        self._shapes.append(np.zeros((count, self._axes), dtype=np.int64))

    def taken(self, dtype: np.dtype[Any]) -> Ragged:
        """What has been gathered, which is forgotten."""
        values = np.concatenate([np.empty(0, dtype), *self._values])
        rows = Ragged(values, np.concatenate(self._starts), np.concatenate(self._shapes))
        self._clear()
        return rows
