"""Rows of Parquet files: footers, small tables, and long files read in order with bounded memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.damaged import telling_damage

__all__ = ["ParquetRows", "open_parquet", "read_table"]

PIECE_BYTES = 1 << 20


@contextmanager
def open_parquet(source: Source, name: str) -> Iterator[pq.ParquetFile]:
    """Open a file and read its footer.

    Raises:
        ConversionError: it is missing, cut off, or no Parquet.
    """
    handle = source.handle(name)
    try:
        with telling_damage(source, name, "Parquet file"):
            # Ranges far away are fetched ahead; a local file is rather read piece by piece as it is needed,
            # as a row group of images may be large.
            is_remote = not isinstance(handle, str)
            file = pq.ParquetFile(handle, pre_buffer=is_remote, buffer_size=0 if is_remote else PIECE_BYTES)
        with file:
            yield file
    finally:
        if not isinstance(handle, str):
            handle.close()


def read_table(source: Source, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A whole (small) file, or some of its columns.

    Raises:
        ConversionError: it is missing or damaged.
    """
    with open_parquet(source, name) as file, telling_damage(source, name, "Parquet file"):
        return file.read(columns=None if columns is None else list(columns))


class ParquetRows:
    """Row ranges of one open file. Ranges that follow one another are decoded once.

    Args:
        source: where the file lies.
        name: its name within the source.
        columns: which columns to read.
        batch_rows: how many rows to decode at a time.

    Raises:
        ConversionError: the file is missing or damaged.
    """

    def __init__(self, source: Source, name: str, columns: Sequence[str], batch_rows: int) -> None:
        self.name = name
        self._source = source
        self._columns = list(columns)
        self._batch_rows = batch_rows
        with ExitStack() as stack:
            self._file = stack.enter_context(open_parquet(source, name))
            self._opened = stack.pop_all()
        metadata = self._file.metadata
        starts = [0]
        for group in range(metadata.num_row_groups):
            starts.append(starts[-1] + metadata.row_group(group).num_rows)
        self._starts = starts
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._position = 0  # the first row not yet handed out
        self._rest: pa.Table | None = None  # rows decoded from there on

    def __len__(self) -> int:
        return self._starts[-1]

    def column(self, name: str) -> pa.ChunkedArray[Any]:
        """A whole (small) column.

        Raises:
            ConversionError: it cannot be read.
        """
        with telling_damage(self._source, self.name, "Parquet file"):
            return self._file.read(columns=[name]).column(0)

    def read(self, start: int, stop: int) -> pa.Table:
        """The rows from `start` to before `stop`.

        Raises:
            ConversionError: they are not there, or cannot be read.
        """
        if not 0 <= start <= stop <= len(self):
            raise ConversionError(
                f"{self._source.where(self.name)}: rows {start} to {stop} are needed; it has {len(self)}"
            )
        if start == stop:
            return self._empty()
        with telling_damage(self._source, self.name, "Parquet file"):
            if (
                self._rest is None
                or start < self._position
                or self._group_of(start) > self._group_of(self._position)
            ):
                self._go_to(start)
            parts: list[pa.Table] = []
            while self._position < stop:
                table = self._rest if self._rest is not None and self._rest.num_rows else self._next()
                first = max(0, start - self._position)
                taken = min(table.num_rows, stop - self._position)
                if taken > first:
                    parts.append(table.slice(first, taken - first))
                self._rest = table.slice(taken)
                self._position += taken
            return pa.concat_tables(parts)

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._opened.close()

    def _group_of(self, row: int) -> int:
        return bisect_right(self._starts, row) - 1

    def _go_to(self, row: int) -> None:
        group = self._group_of(row)
        self._batches = self._file.iter_batches(
            batch_size=self._batch_rows,
            row_groups=list(range(group, self._file.num_row_groups)),
            columns=self._columns,
        )
        self._position = self._starts[group]
        self._rest = self._empty()

    def _next(self) -> pa.Table:
        batch = next(self._batches, None)
        if batch is None:
            raise ConversionError(f"{self._source.where(self.name)}: the rows end before {len(self)}")
        return pa.Table.from_batches([batch])

    def _empty(self) -> pa.Table:
        fields = [self._file.schema_arrow.field(name) for name in self._columns]
        return pa.schema(fields).empty_table()
