"""Slots as of one commit: what readers need, and writers too."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np

from unienv_data.base.expectation import Expectation
from unienv_data.columns.data import ColumnData, ColumnInfo, ColumnSpec, EncodedRows, joined
from unienv_data.columns.rows import spread
from unienv_data.errors import ClosedError, CorruptDataError, StaleCommitError
from unienv_data.indexing import RowIndex, row_array
from unienv_data.order import Blocks
from unienv_data.schema.commit import BufferState, Commit
from unienv_data.store.array import StoredArray, stored_arrays
from unienv_data.store.blocks import blocks_of_slots
from unienv_data.store.commits import CommitLog, storage_objects
from unienv_data.store.copying import copy_commit
from unienv_data.store.describe import describe_columns
from unienv_data.store.expecting import Inquiries, expect_rows
from unienv_data.store.gather import Gather
from unienv_data.store.objects import ObjectStore, StreamPlace
from unienv_data.store.reader import CommitReader
from unienv_data.store.resident import ResidentArrays
from unienv_data.store.rowmap import SlotMap
from unienv_data.store.slotstore import SlotStore

__all__ = ["CommitView"]


class CommitView(SlotStore):
    """Slots of columns, as of one commit.

    Args:
        root: where the dataset stands.
        commit: the commit to begin with.
        columns: what it stores.
    """

    def __init__(self, root: ObjectStore, commit: Commit, columns: Sequence[ColumnSpec]) -> None:
        self._root = root = root.of_dataset(commit.uuid)
        self._objects = storage_objects(root, commit.path)
        self._commits = CommitLog(root, self._objects)
        self._columns = {column.name: column for column in columns}
        self._commit = commit
        self._slots = SlotMap(commit.length, commit.runs)
        self._gather = Gather(self._objects, bytes.fromhex(commit.uuid))
        self._resident = ResidentArrays(commit.uuid, self._objects.url, at_once=not self._objects.is_local)
        self._reader = CommitReader(commit, self._gather, resident=self._resident)
        self._inquiries = Inquiries()
        self._closed = False
        self._committed_at = time.monotonic()

    @property
    def commit_read(self) -> Commit:
        """The commit that this store begins from."""
        return self._commit

    @property
    def root(self) -> ObjectStore:
        """Where the dataset stands."""
        return self._root

    def copy_to(self, root: ObjectStore, buffer: BufferState, attributes: Mapping[str, Any]) -> None:
        """Write the last commit as a dataset of its own at `root`."""
        self._check_open()
        copy_commit(self._commit, self._objects, root, buffer, attributes)

    @property
    def url(self) -> str:
        """Where the storage stands."""
        return self._objects.url

    @property
    def length(self) -> int:
        """Number of slots."""
        return self._slots.length

    @property
    def seconds_since_commit(self) -> float:
        """How long ago the last commit was made or read."""
        return time.monotonic() - self._committed_at

    def stored_arrays(self) -> list[StoredArray]:
        """Every array, with its counters as of now."""
        return list(stored_arrays(self._commit).values())

    def describe(self) -> tuple[ColumnInfo, ...]:
        return describe_columns(self._columns.values(), self.stored_arrays(), self.length)

    def blocks(self, columns: Sequence[str]) -> Blocks:
        self._check_open()
        arrays = {array.name: array for array in self.stored_arrays()}
        specs = [self._columns[name] for name in columns]
        return blocks_of_slots(self._slots, arrays, specs, is_remote=not self._objects.is_local)

    def get(self, slots: RowIndex, columns: Sequence[str]) -> dict[str, ColumnData]:
        """The rows that the slots show, of the named columns, in the order of `slots`.

        Slots that were never written give zeros, and empty ragged rows.
        """
        with self._reading():
            return self._get(slots, columns)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        self._check_open()
        try:
            yield
        except CorruptDataError as exc:
            if self._commit.number < 0 or self._commits.exists(self._commit.number):
                raise
            raise StaleCommitError(
                f"{self._objects.url}: commit {self._commit.number} has been pruned, with what it refers to; "
                "refresh() moves to the newest"
            ) from exc

    def gives_encoded(self, column: str) -> bool:
        return self._columns[column].ragged_axes is None and self._reader.array(column).gives_encoded_rows

    def encoded(self, slots: RowIndex, column: str) -> EncodedRows | None:
        if not self.gives_encoded(column):
            return super().encoded(slots, column)
        with self._reading():
            rows = row_array(self._slots.lookup(slots))
            if not len(rows) or int(rows.min()) < 0:
                return None
            edges = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
            spans = [range(int(rows[a]), int(rows[b - 1]) + 1) for a, b in pairwise(edges)]
            array = self._reader.array(column)
            return joined([self._reader.encoded_rows(array, span) for span in spans])

    def _get(self, slots: RowIndex, columns: Sequence[str]) -> dict[str, ColumnData]:
        rows = self._slots.lookup(slots)
        specs = {name: self._columns[name] for name in columns}
        if any(spec.ragged_axes is not None for spec in specs.values()):
            self._inquiries.wait(rows)
        if isinstance(rows, range) or not len(rows) or int(rows.min()) >= 0:
            return {name: self._reader.read_column(spec, rows) for name, spec in specs.items()}
        written = np.flatnonzero(rows >= 0)
        return {
            name: spread(self._reader.read_column(spec, rows[written]), written, len(rows))
            for name, spec in specs.items()
        }

    def expect(self, slots: RowIndex, columns: Sequence[str]) -> Expectation:
        self._check_open()
        rows = row_array(self._slots.lookup(slots))
        return expect_rows(
            self._reader,
            self._objects,
            [self._columns[name] for name in columns],
            rows[rows >= 0],
            self._inquiries,
        )

    def stream(
        self, buffer_bytes: int, place: StreamPlace | None = None, *, shared: bool = False
    ) -> StreamPlace | None:
        self._check_open()
        return self._root.stream(buffer_bytes, place, shared=shared)

    def _go_to(self, newer: Commit) -> None:
        self._commit = newer
        self._slots = SlotMap(newer.length, newer.runs)
        self._reader = self._reader.with_commit(newer, None)
        self._committed_at = time.monotonic()

    @property
    def is_closed(self) -> bool:
        """Whether `close` has been called."""
        return self._closed

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"{self._objects.url}: closed; open it again")
