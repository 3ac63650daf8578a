"""The episode table: which rows belong together, and what is known of them, as immutable Parquet parts.

Rows are meant by sequence number, which they keep for ever, so that evicting rows rewrites nothing. Parts
of similar size are merged as they come, so that n episodes stand in about log n parts. Every part has all
columns that the table had when it was written, so that the newest part tells them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unienv_data.checksum import crc32c
from unienv_data.errors import CorruptDataError, SpaceValueError
from unienv_data.replay_buffer.episode_columns import (
    RESERVED,
    EpisodeColumns,
    conformed,
    joined,
    table_schema,
    to_parquet,
    typed_values,
    user_columns,
    widened,
)
from unienv_data.schema.commit import EpisodePart
from unienv_data.store.objects import ObjectStore, read_checked

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EpisodeMark", "EpisodeTable"]

_FOLDER = "episodes"
_NOTHING = EpisodeColumns()
_NO_BOUNDS = np.empty((0, 2), dtype=np.int64)
_FORGET_AT = 256


EpisodeMark: TypeAlias = tuple[tuple[EpisodePart, ...], list[dict[str, Any]], int, "pa.Schema | None"]
"""What `rewind` needs; opaque to everybody else."""


class EpisodeTable:
    """Episodes of a buffer: first sequence number, number of rows, and any columns of the user's.

    Args:
        objects: where the dataset stands.
        parts: the parts that a commit names, oldest first.
    """

    def __init__(self, objects: ObjectStore | None, parts: Sequence[EpisodePart] = ()) -> None:
        if parts:
            # Here, and not when they are read: a child that is forked meanwhile could never import it.
            import pyarrow.parquet  # noqa: F401
        self._objects = objects
        self._parts = tuple(parts)
        self._tables: dict[str, pa.Table] = {}
        self._schema: pa.Schema | None = None
        self._pending: list[dict[str, Any]] = []
        self._forget_at = _FORGET_AT
        self._bounds: NDArray[np.int64] | None = None
        self._part_bounds: tuple[tuple[EpisodePart, ...], NDArray[np.int64]] = ((), _NO_BOUNDS)

    def __len__(self) -> int:
        return sum(part.episodes for part in self._parts) + len(self._pending)

    @property
    def parts(self) -> tuple[EpisodePart, ...]:
        """The parts that have been written and accepted."""
        return self._parts

    def at(self, parts: Sequence[EpisodePart]) -> EpisodeTable:
        """The table that another commit names; what has been read of it is not read again."""
        table = EpisodeTable(self._objects, parts)
        table._tables = {
            part.object: self._tables[part.object] for part in parts if part.object in self._tables
        }
        return table

    def in_memory(self) -> EpisodeTable:
        """The same table, all of it read now, as that of a buffer in memory."""
        table = EpisodeTable(None, self._parts)
        table._tables = {part.object: self._read(part) for part in self._parts}
        return table

    def check(self, columns: Mapping[Any, Any] | None) -> EpisodeColumns:
        """What is said of an episode, if it can stand in this table.

        Raises:
            SpaceValueError: a column has a reserved name, or a value that cannot be kept or does not go with
                the column's values so far.
        """
        if not columns:
            return _NOTHING
        arrays = typed_values(columns)
        known = self._user_columns()
        schema = widened(known, arrays)
        changed = [name for name in known.names if schema.field(name) != known.field(name)]
        if changed:
            self._check_stored(schema, changed)
        return EpisodeColumns(dict(columns), schema)

    def add(self, start: int, length: int, columns: EpisodeColumns = _NOTHING, *, evicted: int = 0) -> None:
        """Add an episode.

        Args:
            start: sequence number of its first row.
            length: number of rows.
            columns: what else is known of it, as `check` gave it.
            evicted: the first sequence number that a ring has not evicted. A table in memory forgets
                episodes before it, so that it does not grow for ever.
        """
        if self._objects is None and len(self._pending) >= self._forget_at:
            self._pending = [row for row in self._pending if row["start"] + row["length"] > evicted]
            self._forget_at = max(2 * len(self._pending), _FORGET_AT)
        self._pending.append({**columns.values, "start": start, "length": length})
        if columns.schema is not None:
            self._schema = columns.schema
        self._bounds = None

    def clear(self) -> None:
        """Forget every episode."""
        self._parts, self._pending, self._bounds = (), [], None
        self._tables, self._schema = {}, None

    def mark(self) -> EpisodeMark:
        """Where the table is now, for `rewind`; good until parts are accepted."""
        return self._parts, self._pending, len(self._pending), self._schema

    def rewind(self, mark: EpisodeMark) -> None:
        """Forget what has been added or cleared since a mark."""
        self._parts, self._pending, count, self._schema = mark
        del self._pending[count:]
        self._bounds = None

    def table(self) -> pa.Table:
        """Every episode, oldest first: int64 `start` (sequence number), `length`, and the user's columns."""
        tables = [*self._pending_tables(), *(self._read(part) for part in reversed(self._parts))]
        return joined(tables[::-1], user_columns(tables))

    def bounds(self) -> NDArray[np.int64]:
        """(E, 2) int64: first sequence number of each episode, and the one after its last."""
        if self._bounds is None:
            pairs = [(row["start"], row["start"] + row["length"]) for row in self._pending]
            pending = np.array(pairs, dtype=np.int64).reshape(-1, 2)
            self._bounds = np.concatenate([self._bounds_of_parts(), pending])
        return self._bounds

    def _bounds_of_parts(self) -> NDArray[np.int64]:
        if not self._parts:  # without reading any there is no need for Arrow
            return _NO_BOUNDS
        known, bounds = self._part_bounds
        if known != self._parts:
            tables = [self._read(part) for part in self._parts]
            starts, lengths = (
                np.concatenate([table[name].to_numpy().astype(np.int64) for table in tables])
                for name in RESERVED
            )
            bounds = np.stack([starts, starts + lengths], axis=1)
            self._part_bounds = self._parts, bounds
        return bounds

    # Parts

    def write_pending(self, number: int) -> tuple[EpisodePart, ...]:
        """Write what has been added since the last commit; returns the parts that commit `number` names.

        Nothing is forgotten before `accept`, so that a commit that fails can be tried again.
        """
        if not self._pending or self._objects is None:
            return self._parts
        kept = list(self._parts)
        merged = self._pending_tables()
        size = len(self._pending)
        while kept and kept[-1].episodes <= 2 * size:
            part = kept.pop()
            merged.insert(0, self._read(part))
            size += part.episodes
        table = joined(merged, self._user_columns())
        data = to_parquet(table)
        name = _name(number, data)
        self._objects.write(name, [data])
        self._tables[name] = table
        return (*kept, EpisodePart(name, size))

    def accept(self, parts: Sequence[EpisodePart]) -> None:
        """The commit that names `parts` stands."""
        if parts != self._parts:
            self._parts, self._pending = tuple(parts), []
            named = {part.object for part in parts}
            self._tables = {name: table for name, table in self._tables.items() if name in named}

    def copy_to(self, objects: ObjectStore) -> tuple[EpisodePart, ...]:
        """Write the whole table as one part elsewhere; returns the parts of a commit there."""
        if not len(self):
            return ()
        data = to_parquet(self.table())
        name = _name(0, data)
        objects.write(name, [data])
        objects.sync()
        return (EpisodePart(name, len(self)),)

    def _pending_tables(self) -> list[pa.Table]:
        import pyarrow as pa

        if not self._pending:
            return []
        return [pa.Table.from_pylist(self._pending, schema=table_schema(self._user_columns()))]

    def _user_columns(self) -> pa.Schema:
        """The user's columns: those of the newest part, and what has been added since."""
        if self._schema is None:
            self._schema = user_columns([self._read(part) for part in self._parts[-1:]])
        return self._schema

    def _check_stored(self, schema: pa.Schema, changed: Sequence[str]) -> None:
        """Check that the values so far stay what they are in columns of a wider type."""
        import pyarrow as pa

        try:
            conformed(self.table(), schema)
        except pa.ArrowInvalid as exc:
            path = f"episode/{changed[0]}"
            raise SpaceValueError(path, "a value that goes with the column's values", str(exc)) from exc

    def _read(self, part: EpisodePart) -> pa.Table:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if part.object in self._tables:
            return self._tables[part.object]
        if self._objects is None:
            raise CorruptDataError(f"{part.object}: a buffer in memory has no parts")
        place = f"{self._objects.url}/{part.object}"

        def decode(data: bytes) -> pa.Table:
            if not _is_whole(part.object, data):
                raise CorruptDataError(f"{place}: checksum does not match; restore it from a copy")
            try:
                # Not by read_table: its threads may outlive the interpreter, and it imports as it goes.
                table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
            except pa.ArrowInvalid as exc:
                raise CorruptDataError(f"{place}: {exc}; restore it from a copy") from exc
            if len(table) != part.episodes or not {*RESERVED} <= {*table.column_names}:
                raise CorruptDataError(f"{place}: expected {part.episodes} episodes with start and length")
            return table

        try:
            table = read_checked(self._objects, part.object, decode)
        except FileNotFoundError as exc:
            raise CorruptDataError(f"{place}: missing, but the commit refers to it") from exc
        self._tables[part.object] = table
        return table


def _name(number: int, data: bytes) -> str:
    """A name for a part that nobody else uses, and that tells whether the part is whole."""
    return f"{_FOLDER}/{number:020d}-{secrets.token_hex(12)}{crc32c(data):08x}.parquet"


def _is_whole(name: str, data: bytes) -> bool:
    """Whether a part is what was written; the names of old ones do not tell."""
    token = name.removesuffix(".parquet").rpartition("-")[2]
    return len(token) != 32 or token[24:] == f"{crc32c(data):08x}"
