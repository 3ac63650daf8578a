"""UniEnv's Parquet storage: pieces of so many rows each, `_metadata.json` beside them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from typing import Any, Self

import pyarrow as pa

from unienv_data.errors import ConversionError
from unienv_data.formats.base import (
    DEFAULT_CHUNK_BYTES,
    Chunk,
    Facts,
    Reader,
    SourceColumn,
    check_options,
    row_bytes,
)
from unienv_data.formats.naming import nested_paths
from unienv_data.formats.readers.unienv.metadata import BufferMetadata, load_buffer_metadata
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.arrow import ArrowColumn
from unienv_data.formats.tabular.episode_columns import episode_table
from unienv_data.formats.tabular.parquet import ParquetRows, open_parquet

__all__ = ["UniEnvParquet"]


class UniEnvParquet(Reader):
    """Reads the Parquet storage.

    Args:
        source: the buffer's folder.
    """

    name = "unienv"
    title = "UniEnv replay buffer"
    layout = "a folder with metadata.json and storage/_metadata.json"

    def __init__(self, source: Source) -> None:
        self._source = source

    @classmethod
    def probe(cls, source: Source) -> bool:
        """Whether there is such a folder."""
        return "storage/_metadata.json" in source.files

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the buffer; the format has no options."""
        check_options(cls, options)
        return cls(source)

    @cached_property
    def _metadata(self) -> BufferMetadata:
        return load_buffer_metadata(self._source)

    @cached_property
    def _storage(self) -> tuple[int, dict[str, tuple[int, ...]]]:
        """Rows in a piece, and the shape of each column's rows."""
        name = f"{self._metadata.place}/_metadata.json"
        try:
            document = json.loads(self._source.read(name))
            shapes = {key: tuple(map(int, shape)) for key, shape in document["column_shapes"].items()}
            rows, piece = int(document["num_rows"]), int(document["piece_size"])
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            if isinstance(exc, ConversionError):
                raise
            raise ConversionError(
                f"{self._source.where(name)}: damaged: an object with piece_size, num_rows and column_shapes "
                f"was expected ({exc})"
            ) from exc
        if piece < 1 or rows < self._metadata.rows:
            raise ConversionError(
                f"{self._source.where(name)}: {rows} rows in pieces of {piece}, where {self._metadata.rows} "
                f"rows are expected"
            )
        return piece, shapes

    def _piece(self, number: int) -> str:
        return f"{self._metadata.place}/part-{number:06d}.parquet"

    @cached_property
    def _columns(self) -> dict[str, ArrowColumn]:
        with open_parquet(self._source, self._piece(0)) as file:
            schema = file.schema_arrow.remove_metadata()
        return self._columns_in(self._piece(0), schema)

    def _columns_in(self, name: str, schema: pa.Schema) -> dict[str, ArrowColumn]:
        columns = {}
        for key, shape in self._storage[1].items():
            if key not in schema.names:
                raise ConversionError(f"{self._source.where(name)}: the column {key} is missing")
            type_ = schema.field(key).type
            columns[key] = ArrowColumn.of(key, type_, shape if pa.types.is_nested(type_) else None)
        return columns

    @cached_property
    def _facts(self) -> Facts:
        lengths = self._metadata.lengths
        if not lengths:
            raise ConversionError(f"{self._source.where()}: it holds no episodes")
        paths = nested_paths(self._columns)
        return Facts(
            format=self.name,
            version="",
            columns=tuple(
                SourceColumn(name, paths[name], column.space) for name, column in self._columns.items()
            ),
            episodes=episode_table(lengths, list(range(len(lengths))), [{} for _ in lengths]),
            source_bytes=self._source.total_bytes,
        )

    def facts(self) -> Facts:
        """What the buffer holds."""
        return self._facts

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """Find pieces that are missing, damaged, too short or of other columns, by their footers."""
        size, _ = self._storage
        problems: list[str] = []
        ranges = [pair for position in episodes for pair in self._metadata.episodes[position]]
        needed: dict[int, int] = {}
        for start, stop in ranges:
            for number in range(start // size, (stop - 1) // size + 1):
                needed[number] = max(needed.get(number, 0), min(stop - number * size, size))
        for number, least in sorted(needed.items()):
            name = self._piece(number)
            try:
                with open_parquet(self._source, name) as file:
                    rows, schema = file.metadata.num_rows, file.schema_arrow.remove_metadata()
                if rows < least:
                    raise ConversionError(
                        f"{self._source.where(name)}: it has {rows} rows, where {least} are expected"
                    )
                found = self._columns_in(name, schema)
                for key in columns:
                    if found[key] != self._columns[key]:
                        raise ConversionError(
                            f"{self._source.where(name)}: the column {key} is {schema.field(key).type}, "
                            f"elsewhere another"
                        )
            except ConversionError as exc:
                problems.append(str(exc))
        if problems:
            raise ConversionError("; ".join(problems[:8]))

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The rows of the episodes; each piece is opened once where they follow one another."""
        known = {name: self._columns[name] for name in columns}
        most = max(1, target_bytes // max(1, row_bytes([column.space for column in known.values()])))
        with closing(_Pieces(self._source, list(columns), min(most, self._storage[0]))) as pieces:
            for position in episodes:
                length = self._metadata.lengths[position]
                done = 0
                for number, start, stop in self._slices(position, most):
                    name = self._piece(number)
                    table = pieces.read(name, start, stop)
                    where = f"{self._source.where(name)}, episode {position}"
                    values: dict[str, Any] = {
                        key: column.to_numpy(table[key], where) for key, column in known.items()
                    }
                    yield Chunk(position, done, stop - start, values, done + stop - start == length)
                    done += stop - start

    def _slices(self, position: int, most: int) -> Iterator[tuple[int, int, int]]:
        """The rows of an episode: piece by piece, from and to before within it."""
        size, _ = self._storage
        for start, stop in self._metadata.episodes[position]:
            while start < stop:
                number = start // size
                end = min(stop, (number + 1) * size, start + most)
                yield number, start - number * size, end - number * size
                start = end

    def close(self) -> None:
        """Nothing stays open between calls."""


class _Pieces:
    """The piece that is being read.

    Args:
        source: the buffer's folder.
        columns: what is read.
        batch_rows: how many rows to decode at a time.
    """

    def __init__(self, source: Source, columns: list[str], batch_rows: int) -> None:
        self._source, self._columns, self._batch_rows = source, columns, batch_rows
        self._open: ParquetRows | None = None

    def read(self, name: str, start: int, stop: int) -> pa.Table:
        """Rows of a piece."""
        if self._open is None or self._open.name != name:
            self.close()
            self._open = ParquetRows(self._source, name, self._columns, self._batch_rows)
        return self._open.read(start, stop)

    def close(self) -> None:
        """Close it. May be called twice."""
        if self._open is not None:
            self._open.close()
            self._open = None
