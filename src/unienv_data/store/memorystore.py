"""Slots in this process's memory: arrays that are written in place, and nothing else."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from unienv_data.columns.data import ColumnData, ColumnInfo
from unienv_data.errors import ClosedError, SpaceError
from unienv_data.indexing import RowIndex, chunked
from unienv_data.schema.commit import BufferState, Commit
from unienv_data.store.commits import storage_objects, utc_now
from unienv_data.store.creation import NewStore, begin_store, state_before_commits
from unienv_data.store.memorycolumns import Place, rows_in_memory
from unienv_data.store.objects import ObjectStore
from unienv_data.store.slotstore import SlotStore

__all__ = ["MemoryStore"]

_LEAST_ROOM = 64  # rows
_COPIED_BYTES = 64 << 20  # at once


class MemoryStore(SlotStore):
    """Slots of columns in memory, uncompressed.

    A store of fixed capacity has its arrays at once. One that grows doubles them when they are full, and
    gives memory back when three quarters are empty. There are no commits to speak of: the one that can be
    asked for says what the store is, and what it would be written with.

    Args:
        path: where a copy of the storage is to stand below its dataset.
        new: what it is made of.
        buffer: what a replay buffer hands over.
        attributes: what is said of the data.

    Raises:
        PathError: a pattern of the layout means no column.
        CodecError: a codec cannot be understood.
        SpaceError: a number of rows is not positive.
    """

    is_durable: ClassVar[bool] = False

    def __init__(
        self, path: str, new: NewStore, *, buffer: BufferState, attributes: Mapping[str, Any]
    ) -> None:
        base = state_before_commits(path, new, buffer, attributes)
        self._commit = replace(base, number=0, sealed=False)
        self._specs = tuple(new.columns)
        self._capacity = new.capacity
        self._length = new.capacity or 0
        self._room = self._length
        self._used = 0  # slots from here on have not been written; of a store that grows, length says so
        self._columns = {spec.name: rows_in_memory(spec, self._room) for spec in self._specs}
        self._closed = False

    # What is there

    @property
    def url(self) -> str:
        return "<memory>"

    @property
    def root(self) -> ObjectStore:
        raise SpaceError(f"{self.url}: no dataset stands anywhere; dumps() writes one")

    @property
    def length(self) -> int:
        return self._length

    @property
    def commit_read(self) -> Commit:
        return self._commit

    @property
    def seconds_since_commit(self) -> float:
        return 0.0

    @property
    def is_closed(self) -> bool:
        return self._closed

    def describe(self) -> tuple[ColumnInfo, ...]:
        self._check_open()
        sizes = {name: column.row_bytes(self._length) for name, column in self._columns.items()}
        return tuple(
            ColumnInfo(
                name=spec.name,
                kind=spec.kind,
                dtype=spec.dtype.name,
                shape=spec.shape,
                chunk_rows=1,
                shard_rows=1,
                codec="none",
                lossy=False,
                raw_bytes=sizes[spec.name],
                stored_bytes=sizes[spec.name],
            )
            for spec in self._specs
        )

    # Slots

    def get(self, slots: RowIndex, columns: Sequence[str]) -> dict[str, ColumnData]:
        self._check_open()
        place = _place(slots)
        return {name: self._columns[name].read(place) for name in columns}

    def set(self, slots: RowIndex, columns: Mapping[str, ColumnData]) -> None:
        self._check_open()
        count = len(slots)
        if not count:
            return
        ready = [(column, column.ready(columns[name], count)) for name, column in self._columns.items()]
        place = _place(slots)
        for column, rows in ready:
            column.write(place, rows)
        if self._used < self._length and self._capacity is not None:
            last = max(slots[0], slots[-1]) if isinstance(slots, range) else int(slots.max())
            self._used = max(self._used, last + 1)

    def end_run(self) -> None:
        pass  # rows are not encoded

    def extend_length(self, count: int) -> None:
        self._check_open()
        length = self._length + count
        if length > self._room:
            self._allocate(max(length, 2 * self._room, _LEAST_ROOM))
        self._length = length

    def shrink_length(self, count: int) -> None:
        self._check_open()
        self._cut(max(self._length - count, 0))

    def clear(self) -> None:
        self._check_open()
        room = self._capacity or 0
        self._columns = {spec.name: rows_in_memory(spec, room) for spec in self._specs}
        self._length = self._room = room
        self._used = 0

    def keep(self, spans: Sequence[tuple[int, int]]) -> None:
        self._check_open()
        kept = sum(stop - start for start, stop in spans)
        for column in self._columns.values():
            column.bring_to_front(spans)
        if self._capacity is None:
            self._cut(kept)
            return
        for column in self._columns.values():
            column.unwrite(kept, max(self._used, kept))
        self._used = kept

    def _cut(self, length: int) -> None:
        """Remove the slots from `length` on."""
        for column in self._columns.values():
            column.unwrite(length, self._length)
        self._length = length
        if self._room > max(4 * length, _LEAST_ROOM):
            with suppress(MemoryError):  # then it is given back another time
                self._allocate(2 * length)

    def _allocate(self, room: int) -> None:
        # Should one column find no memory, the others merely have another room than they need.
        self._room = min(self._room, room)
        for column in self._columns.values():
            column.allocate(room, self._length)
        self._room = room

    def savepoint(self) -> object | None:
        return None  # rows are overwritten where they stand

    def restore(self, savepoint: Any) -> None:
        pass

    # Commits, of which there are none

    def commit(
        self, buffer: BufferState, *, attributes: Mapping[str, Any] | None = None, force: bool = False
    ) -> Commit:
        self._check_open()
        attributes = self._commit.attributes if attributes is None else attributes
        self._commit = replace(self._commit, length=self._length, buffer=buffer, attributes=attributes)
        return self._commit

    def seal(self, buffer: BufferState, attributes: Mapping[str, Any] | None = None) -> Commit:
        return self.commit(buffer, attributes=attributes)

    def compact(self, buffer: BufferState, attributes: Mapping[str, Any] | None = None) -> Commit:
        return self.commit(buffer, attributes=attributes)

    def refresh(self) -> bool:
        self._check_open()
        return False

    def copy_to(self, root: ObjectStore, buffer: BufferState, attributes: Mapping[str, Any]) -> None:
        self._check_open()
        base = replace(
            self._commit,
            uuid=secrets.token_hex(16),
            number=-1,
            time=utc_now().isoformat(),
            length=self._length,
            sealed=True,
            buffer=buffer,
            attributes=attributes,
        )
        store = begin_store(root, base, self._specs, commit=False)
        try:
            for rows in chunked(range(self._written()), self._rows_at_once()):
                store.set(rows, self.get(rows, [*self._columns]))
            if self._written():
                store.seal(buffer, attributes)
            else:
                store.commit(buffer, attributes=attributes, force=True)
            store.close(buffer, attributes)
        except BaseException:
            store.abandon()
            storage_objects(root, base.path).delete_all()
            raise

    def _written(self) -> int:
        """Slots from here on show nothing."""
        return self._length if self._capacity is None else self._used

    def _rows_at_once(self) -> int:
        """How many rows are copied at once."""
        rows = self._written()
        size = sum(column.row_bytes(rows) for column in self._columns.values())
        return max(_COPIED_BYTES * max(rows, 1) // max(size, 1), 1)

    def begin_turn(self) -> None:
        raise SpaceError(f"{self.url}: processes cannot share memory")

    def end_turn(self) -> None:
        pass  # there are no turns

    # The end

    def close(self, buffer: BufferState | None = None, attributes: Mapping[str, Any] | None = None) -> None:
        self.abandon()

    def abandon(self) -> None:
        self._closed = True
        self._columns = {}

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"{self.url}: closed, and what was in it is gone")


def _place(slots: RowIndex) -> Place:
    if not isinstance(slots, range):
        return slots
    if not slots:  # wherever it begins, which may be before the first slot
        return slice(0, 0)
    if slots.step > 0:
        return slice(slots.start, slots.stop, slots.step)
    return slice(slots.start, slots.stop if slots.stop >= 0 else None, slots.step)
