"""A storage's slots on disk: the newest commit, the rows added since, and how they become a commit.

The only door from `storages/` into the store; log rows never leave it.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from unienv_data.columns.data import ColumnData, ColumnSpec
from unienv_data.errors import DatasetError, FencedError, ReadOnlyError
from unienv_data.indexing import RowIndex
from unienv_data.schema.commit import ROWS_LOG, BufferState, Commit
from unienv_data.store.array import StoredArray, write_shapes
from unienv_data.store.commits import utc_now
from unienv_data.store.commitview import CommitView
from unienv_data.store.compaction import compacted
from unienv_data.store.lendingwriter import LendingWriter
from unienv_data.store.objects import ObjectStore, WriterLock
from unienv_data.store.objects.waiting import wait_for_lock
from unienv_data.store.pruning import PRUNED_EVERY, drop_dead_shards
from unienv_data.store.rowmap import SlotMap, runs_of

__all__ = ["LogStore"]

_TURN_SECONDS = 60.0


class LogStore(CommitView):
    """Slots of columns, as of one commit and with what this writer has added.

    Args:
        root: where the dataset stands.
        commit: the commit to begin with.
        columns: what it stores.
        writable: whether to write; takes the lock of writers.
        shared: several processes write by turns; the lock is taken for each turn.

    Raises:
        WriterLockedError: another writer holds the lock.
        DatasetError: shared, where there are no locks.
    """

    is_durable: ClassVar[bool] = True

    def __init__(
        self,
        root: ObjectStore,
        commit: Commit,
        columns: Sequence[ColumnSpec],
        *,
        writable: bool,
        shared: bool = False,
    ) -> None:
        super().__init__(root, commit, columns)
        self._token = secrets.token_hex(12)
        self._writable = writable
        self._shared = shared
        self._writer: LendingWriter | None = None
        self._pid = os.getpid()
        self._fenced = False
        self._shapes_current = True
        self._committed_changes = 0
        self._moves: list[tuple[int, int]] = []
        self._lock: WriterLock | None = None
        if shared and not self._objects.has_locks:
            raise DatasetError(f"{self._objects.url}: processes can share a dataset on a local disk only")
        if writable and not shared:
            self._lock = self._take_lock()
            try:
                self._go_to_newest()
                self._writer = self._new_writer()
            except BaseException:
                self.abandon()
                raise

    @property
    def is_dirty(self) -> bool:
        """Whether there are changes that no commit holds."""
        return (self._slots.length, self._slots.runs) != (self._commit.length, self._commit.runs)

    def stored_arrays(self) -> list[StoredArray]:
        """Every array, with its counters as of now."""
        writer = self._writer
        entries = writer.entries() if writer is not None and writer.has_begun else self._commit.arrays
        return [StoredArray(self._commit.group, name, entry) for name, entry in entries.items()]

    # Writing

    def extend_length(self, count: int) -> None:
        """Add `count` slots, which are unwritten."""
        self._check_writable()
        self._slots = self._slots.resized(self._slots.length + count)

    def shrink_length(self, count: int) -> None:
        """Remove the last `count` slots."""
        self._check_writable()
        self._slots = self._slots.resized(max(self._slots.length - count, 0))

    def clear(self) -> None:
        """Remove every slot of a growing storage; unwrite every slot of one of fixed capacity."""
        self._check_writable()
        self._slots = SlotMap(self._commit.capacity or 0)

    def keep(self, spans: Sequence[tuple[int, int]]) -> None:
        """Have the slots of each span [start, stop), in this order, become the slots from 0 on; no others
        stay, or, where the capacity is fixed, are written."""
        self._check_writable()
        kept = sum(stop - start for start, stop in spans)
        self._slots = self._slots.kept(spans, self._commit.capacity or kept)

    def set(self, slots: RowIndex, columns: Mapping[str, ColumnData]) -> None:
        """Have the slots show new rows.

        Args:
            slots: which slots; where one comes twice, the later row counts.
            columns: as many rows of every column, by name.
        """
        writer = self._check_writable()
        if not len(slots):
            return
        if not writer.has_begun:
            self._begin(writer)
        pieces = writer.append(columns, len(slots))
        if len(slots) == 1:
            self._slots = self._slots.assigned(int(slots[0]), pieces[0][0], 1)
            return
        runs: list[tuple[int, int, int]] = []
        done = 0
        for row, count in pieces:
            found = runs_of(slots[done : done + count])
            runs += [(slot, row + offset, length) for slot, offset, length in found]
            done += count
        self._slots = self._slots.assigned_runs(runs)

    def end_run(self) -> None:
        if self._writer is not None:
            self._writer.end_run()

    def _begin(self, writer: LendingWriter) -> None:
        moved = writer.begin()
        if moved is not None:
            self._slots = self._slots.moved(*moved)
            self._moves.append(moved)
        self._reader = self._reader.with_commit(self._commit, writer.pending)

    def savepoint(self) -> object | None:
        return self._slots, len(self._moves)

    def restore(self, savepoint: tuple[SlotMap, int]) -> None:
        slots, moves = savepoint
        for moved in self._moves[moves:]:  # the rows themselves have moved since, for good
            slots = slots.moved(*moved)
        self._slots = slots

    # Committing

    def commit(
        self,
        buffer: BufferState,
        *,
        attributes: Mapping[str, Any] | None = None,
        force: bool = False,
        released: bool = False,
    ) -> Commit:
        """Make what has been written the newest commit; nothing is done where nothing has changed.

        Args:
            buffer: what the replay buffer hands over.
            attributes: what is said of the data; None leaves it as it was.
            force: commit in any case.
            released: the writer has finished.

        Raises:
            FencedError: another writer has taken over.
        """
        writer = self._check_writable()
        attributes = self._commit.attributes if attributes is None else attributes
        changed = self.is_dirty or buffer != self._commit.buffer or attributes != self._commit.attributes
        if not (changed or force):
            return self._commit
        commit = self._following(buffer, attributes)
        if writer.has_begun and writer.changes != self._committed_changes:
            tail = writer.write_tail(commit.number)
            commit = replace(commit, logs=writer.logs(), arrays=writer.entries(), tail=tail, sealed=False)
            self._shapes_current = False
        # Whoever has the next turn continues where this one stopped.
        return self._publish(replace(commit, released=released or self._shared))

    def _following(self, buffer: BufferState, attributes: Mapping[str, Any]) -> Commit:
        """The next commit, as far as slots and the buffer go."""
        return replace(
            self._commit,
            number=self._commit.number + 1,
            writer=self._token,
            time=utc_now().isoformat(),
            length=self._slots.length,
            runs=self._slots.runs,
            released=False,
            buffer=buffer,
            attributes=attributes,
        )

    def _publish(self, commit: Commit) -> Commit:
        self._objects.sync()
        self._root.sync()
        try:
            commit = self._commits.publish(commit)
        except FencedError:
            self._fenced = True
            raise
        self._commit = commit
        self._committed_changes = 0 if self._writer is None else self._writer.changes
        self._committed_at = time.monotonic()
        if commit.number % PRUNED_EVERY == 0:
            with suppress(OSError, ValueError):  # the commit stands; the next time will do
                drop_dead_shards(self._objects, commit, self._reader.with_commit(commit, None))
        return commit

    def seal(self, buffer: BufferState, attributes: Mapping[str, Any] | None = None) -> Commit:
        """Write the last, part-filled shards to their places, so that plain Zarr readers see every row."""
        writer = self._check_writable()
        if not writer.has_begun and self._commit.tail is not None:
            self._begin(writer)
        unsealed = writer.has_begun and not (
            self._commit.sealed and writer.changes == self._committed_changes
        )
        if unsealed:
            writer.seal()
        commit = self.commit(buffer, attributes=attributes, force=unsealed)
        if not commit.sealed:
            # Others are told by the shapes, which only the writer may change: whoever has been replaced has
            # been fenced by the commit before.
            self.write_shapes()
            sealed = replace(self._following(buffer, commit.attributes), sealed=True, released=self._shared)
            commit = self._publish(sealed)
        return commit

    def compact(self, buffer: BufferState, attributes: Mapping[str, Any] | None = None) -> Commit:
        """Write every row anew, in the order of the slots and without gaps, and seal.

        Rows go into a group of their own; the old one goes when no commit that is kept names it.
        """
        writer = self._check_writable()
        commit = self.commit(buffer, attributes=attributes)
        written = sum(count for _, _, count in commit.runs)
        if commit.sealed and commit.is_in_order and commit.logs[ROWS_LOG].length == written:
            return commit
        reader = self._reader.with_commit(commit, None)
        fresh, slots = compacted(self._objects, reader, self._slots, self._columns.values(), self._token)
        try:
            following = replace(
                self._following(commit.buffer, commit.attributes),
                group=fresh.group,
                runs=slots.runs,
                logs=fresh.logs(),
                arrays=fresh.entries(),
                tail=None,
                sealed=True,
            )
            self._objects.sync()
            write_shapes(self._objects, following)
        except BaseException:
            self._objects.below(fresh.group).delete_all()
            raise
        self._writer = fresh
        try:
            following = self._publish(following)
        except BaseException:
            # The commit may stand, though its answer was lost: pruning removes the group if none names it.
            self._writer = writer
            raise
        self._slots, self._shapes_current = slots, True
        self._reader = reader.with_commit(following, fresh.pending)
        return following

    def refresh(self) -> bool:
        """Move a reader forward to the newest commit; returns whether there was a newer one.

        A writer is the newest already.
        """
        self._check_open()
        if self._lock is not None:
            return False
        newer = self._commits.newer(self._commit)
        if newer is None:
            return False
        self._go_to(newer)
        return True

    # Turns of processes that share a dataset

    def share(self) -> None:
        """Write by turns with other processes from now on."""
        self._check_writable()
        if not self._objects.has_locks:
            raise DatasetError(f"{self._objects.url}: processes can share a dataset on a local disk only")
        self._shared = True
        self.end_turn()

    def begin_turn(self) -> None:
        """Wait for the turn to write, and go to the newest commit.

        Raises:
            WriterLockedError: another process has held the lock for a minute.
        """
        self._check_open()
        if self._pid != os.getpid():  # a forked child is a writer of its own
            self._pid, self._token = os.getpid(), secrets.token_hex(12)
        self._lock = wait_for_lock(self._take_lock, _TURN_SECONDS)
        try:
            self._go_to(self._commits.newer(self._commit) or self._commit)
            self._writer = self._new_writer()
            self._committed_changes = 0
        except BaseException:
            self.end_turn()
            raise

    def end_turn(self) -> None:
        """Give the turn back; what has not been committed is given up."""
        if self._writer is not None and self._writer.changes != self._committed_changes:
            # Shards of what is given up may stand in blocks of this token, and be known to this process.
            self._token = secrets.token_hex(12)
        self._writer = None
        self._go_to(self._commit)
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def _take_lock(self) -> WriterLock | None:
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        return self._objects.lock("writer.lock", holder)

    def close(self, buffer: BufferState | None = None, attributes: Mapping[str, Any] | None = None) -> None:
        """Commit what has been written, say that the writer has finished, and let go of everything.

        Where the commit fails the store stays open, with all its rows, and can be closed again; where another
        writer has taken over it is closed all the same.
        """
        if self._closed:
            return
        writer = self._writer
        mine = self._pid == os.getpid() and not self._fenced
        if writer is not None and buffer is not None and mine:
            try:
                # The next writer continues where this one stopped if it is told that it may.
                self.commit(buffer, attributes=attributes, force=writer.has_begun, released=writer.has_begun)
            except FencedError:
                self.abandon()
                raise
            if not self._shapes_current:
                self.write_shapes()
        self.abandon()

    def abandon(self) -> None:
        """Let go of everything without committing."""
        self._closed = True
        self._resident.close()
        if self._lock is not None:
            self._lock.release()
        self._objects.close()

    # Zarr metadata, for other readers

    def write_shapes(self) -> None:
        """Have every array's metadata cover the rows that stand in shards."""
        write_shapes(self._objects, self._commit)
        self._shapes_current = True

    # States

    def _go_to_newest(self) -> None:
        """Go to the commits that others made between the opening of this one and the taking of the lock."""
        newer = self._commits.newer(self._commit) if self._commit.number >= 0 else None
        if newer is not None:
            self._go_to(newer)

    def _new_writer(self) -> LendingWriter:
        return LendingWriter(self._objects, self._commit, self._token, self._reader)

    def _check_writable(self) -> LendingWriter:
        self._check_open()
        if self._writer is None:
            raise ReadOnlyError(f"{self._objects.url}: opened for reading; open it with read_only=False")
        if self._pid != os.getpid() and not self._shared:
            raise ReadOnlyError(
                f"{self._objects.url}: opened for writing by process {self._pid}; a forked child cannot write"
            )
        if self._fenced:
            raise FencedError(f"{self._objects.url}: another writer has taken over; open the dataset again")
        return self._writer
