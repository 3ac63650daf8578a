"""The episode table: which rows belong together, and what is known of them, as immutable Parquet parts.

Rows are meant by sequence number, which they keep for ever, so that evicting rows rewrites nothing. Parts
of similar size are merged as they come, so that n episodes stand in about log n parts.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import CorruptDataError, SpaceValueError
from unienv_data.schema.commit import EpisodePart
from unienv_data.store.objects import ObjectStore

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EpisodeTable", "episode_columns"]

_RESERVED = ("start", "length")
_FOLDER = "episodes"


class EpisodeTable:
    """Episodes of a buffer: first sequence number, number of rows, and any columns of the user's.

    Args:
        objects: where the dataset stands.
        parts: the parts that a commit names, oldest first.
    """

    def __init__(self, objects: ObjectStore | None, parts: Sequence[EpisodePart] = ()) -> None:
        self._objects = objects
        self._parts = tuple(parts)
        self._stored: pa.Table | None = None
        self._pending: list[dict[str, Any]] = []
        self._bounds: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return sum(part.episodes for part in self._parts) + len(self._pending)

    @property
    def parts(self) -> tuple[EpisodePart, ...]:
        """The parts that have been written and accepted."""
        return self._parts

    def add(self, start: int, length: int, columns: Mapping[str, Any] | None = None) -> None:
        """Add an episode.

        Args:
            start: sequence number of its first row.
            length: number of rows.
            columns: what else is known of it, as `episode_columns` gives it.
        """
        self._pending.append({"start": start, "length": length, **(columns or {})})
        self._bounds = None

    def clear(self) -> None:
        """Forget every episode."""
        self._parts, self._pending, self._stored, self._bounds = (), [], None, None

    def table(self) -> pa.Table:
        """Every episode, oldest first: int64 `start` (sequence number), `length`, and the user's columns."""
        import pyarrow as pa

        if self._stored is None:
            self._stored = _joined([self._read(part) for part in self._parts])
        tables = [self._stored]
        if self._pending:
            tables.append(pa.Table.from_pylist(self._pending))
        return _joined(tables)

    def bounds(self) -> NDArray[np.int64]:
        """(E, 2) int64: first sequence number of each episode, and the one after its last."""
        if self._bounds is None:
            if not self._parts:  # without reading any part there is no need for Arrow
                pairs = [(row["start"], row["start"] + row["length"]) for row in self._pending]
                self._bounds = np.array(pairs, dtype=np.int64).reshape(-1, 2)
            else:
                table = self.table()
                start = table["start"].to_numpy().astype(np.int64)
                self._bounds = np.stack([start, start + table["length"].to_numpy()], axis=1)
        return self._bounds

    # Parts

    def write_pending(self, number: int) -> tuple[EpisodePart, ...]:
        """Write what has been added since the last commit; returns the parts that commit `number` names.

        Nothing is forgotten before `accept`, so that a commit that fails can be tried again.
        """
        import pyarrow as pa

        if not self._pending or self._objects is None:
            return self._parts
        kept = list(self._parts)
        merged = [pa.Table.from_pylist(self._pending)]
        size = len(self._pending)
        while kept and kept[-1].episodes <= 2 * size:
            part = kept.pop()
            merged.insert(0, self._read(part))
            size += part.episodes
        name = f"{_FOLDER}/{number:020d}-{secrets.token_hex(12)}.parquet"
        self._objects.write(name, [_to_parquet(_joined(merged))])
        return (*kept, EpisodePart(name, size))

    def accept(self, parts: Sequence[EpisodePart]) -> None:
        """The commit that names `parts` stands."""
        if parts != self._parts:
            self._stored = self.table()
            self._parts, self._pending = tuple(parts), []

    def copy_to(self, objects: ObjectStore) -> tuple[EpisodePart, ...]:
        """Write the whole table as one part elsewhere; returns the parts of a commit there."""
        if not len(self):
            return ()
        name = f"{_FOLDER}/{0:020d}-{secrets.token_hex(12)}.parquet"
        objects.write(name, [_to_parquet(self.table())])
        objects.sync()
        return (EpisodePart(name, len(self)),)

    def _read(self, part: EpisodePart) -> pa.Table:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._objects is None:
            raise CorruptDataError(f"{part.object}: a buffer in memory has no parts")
        place = f"{self._objects.url}/{part.object}"
        try:
            table = pq.read_table(io.BytesIO(self._objects.read(part.object)))
        except FileNotFoundError as exc:
            raise CorruptDataError(f"{place}: missing, but the commit refers to it") from exc
        except pa.ArrowInvalid as exc:
            raise CorruptDataError(f"{place}: {exc}; restore it from a copy") from exc
        if len(table) != part.episodes or not {*_RESERVED} <= {*table.column_names}:
            raise CorruptDataError(f"{place}: expected {part.episodes} episodes with start and length")
        return table


def episode_columns(columns: Mapping[Any, Any] | None) -> dict[str, Any]:
    """What is known of an episode, if a table can hold it.

    Raises:
        SpaceValueError: a column has a reserved name, or a value that Arrow cannot hold.
    """
    if not columns:
        return {}
    import pyarrow as pa

    for name, value in columns.items():
        path = f"episode/{name}"
        if not isinstance(name, str) or name in _RESERVED:
            raise SpaceValueError(path, f"a name other than {' and '.join(_RESERVED)}", repr(name))
        try:
            pa.array([value])
        except (pa.ArrowException, TypeError, OverflowError) as exc:
            raise SpaceValueError(path, "a value that Arrow can hold", f"{value!r} ({exc})") from exc
    return dict(columns)


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    import pyarrow as pa

    filled = [table for table in tables if len(table)]
    if not filled:
        return pa.table({"start": pa.array([], pa.int64()), "length": pa.array([], pa.int64())})
    return pa.concat_tables(filled, promote_options="permissive")


def _to_parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
