"""How rows over slots are kept: commits, sealing, copies, the end of a buffer's life."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from typing import Any, TypeAlias

from unienv_data.base import SpaceStorage
from unienv_data.base.batch import BatchT
from unienv_data.errors import DatasetExistsError, FencedError, SegmentError
from unienv_data.replay_buffer import lifetime
from unienv_data.replay_buffer.episodes import EpisodeMark, EpisodeTable
from unienv_data.replay_buffer.removed_rows import read_aside, write_aside
from unienv_data.replay_buffer.slotted import SlottedBatch
from unienv_data.replay_buffer.state import cleared
from unienv_data.replay_buffer.statistics_objects import copy_statistics
from unienv_data.replay_buffer.turns import Turns, process_has_ended, this_process
from unienv_data.replay_buffer.written_out import episodes_of, write_storage
from unienv_data.schema.attributes import checked_attributes
from unienv_data.schema.commit import BufferState, Commit
from unienv_data.storages import CommittingStorage
from unienv_data.store.objects import ObjectStore, open_objects
from unienv_data.store.removal import is_taken
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType

__all__ = ["KeptBatch"]

_Savepoint: TypeAlias = tuple[Commit, object | None, BufferState, EpisodeMark]


class KeptBatch(SlottedBatch[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Rows over a storage, made durable where the storage commits.

    Args:
        storage: where the rows are.
        state: how many rows there are, and in which slots.
        cache_path: where the dataset stands; None for memory.
        commit_interval: seconds after which `extend` commits.
    """

    def __init__(
        self,
        storage: SpaceStorage[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType],
        state: BufferState,
        *,
        cache_path: str | PathLike[str] | None,
        commit_interval: float,
    ) -> None:
        commits = storage if isinstance(storage, CommittingStorage) else None
        committing = commits if commits is not None and commits.is_durable else None
        super().__init__(storage, state, EpisodeTable(None if committing is None else committing.objects))
        self.cache_path = cache_path
        self.commit_interval = commit_interval
        self._committing = committing
        self._attributes = {} if commits is None else dict(commits.committed.attributes)
        self._turns: Turns | None = None
        if committing is not None and self.is_mutable and cache_path is not None:
            lifetime.commit_at_exit(self)

    def __del__(self) -> None:
        lifetime.drop(self)

    # Turns, where processes share the buffer

    def _share(self, storage: CommittingStorage[Any, Any, Any, Any, Any]) -> None:
        """From now on every operation takes its turn."""
        self._turns = Turns(storage, self._arrive, self._commit_now, self._go_to_committed)
        lifetime.forget(self)  # every operation commits: there is nothing to do at the end

    @property
    def _owner(self) -> str | None:
        return None if self._turns is None else this_process()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with super()._turn():
            if self._turns is not None:
                with self._turns.turn():
                    yield
                return
            if self._committing is None:
                yield
                return
            before = self._savepoint(self._committing)
            try:
                yield
            except BaseException:
                self._restore(self._committing, before)
                raise

    def _savepoint(self, storage: CommittingStorage[Any, Any, Any, Any, Any]) -> _Savepoint:
        return storage.committed, storage.savepoint(), self._state, self._episodes.mark()

    def _restore(self, storage: CommittingStorage[Any, Any, Any, Any, Any], savepoint: _Savepoint) -> None:
        """Give up what has happened since, unless a commit holds it, or the storage cannot go back."""
        base, slots, state, episodes = savepoint
        if slots is not None and storage.committed is base:
            storage.restore(slots)
            self._state = state
            self._episodes.rewind(episodes)

    def _catch_up(self) -> None:
        if self._turns is not None and not self._turns.taken:
            self.refresh()

    def _arrive(self) -> None:
        self._go_to_committed()
        start, owner = self._state.open_start, self._state.open_owner
        if start is not None and owner is not None and process_has_ended(owner):
            # Nobody else could end it: what its process has appended stays, as a segment.
            if self._state.segments:
                self._episodes.add(start, self._state.appended - start)
            self._state = replace(self._state, open_start=None, open_owner=None)

    def _go_to_committed(self) -> None:
        if self._committing is not None:
            self._adopt(self._committing.committed)

    # Commits

    def _adopt(self, commit: Commit) -> None:
        self._episodes = self._episodes.at(commit.buffer.episodes)
        state = commit.buffer
        self._state = state if self._committing is None else read_aside(state, self._committing.objects)
        self._attributes = dict(commit.attributes)

    def _adopt_written(self, commit: Commit, root: ObjectStore) -> None:
        """Go on from what `dumps` wrote of a storage that does not commit."""
        self._state = read_aside(commit.buffer, root)
        self._episodes = episodes_of(root, commit)
        self._attributes = dict(commit.attributes)

    @property
    def attributes(self) -> dict[str, Any]:
        """What is said of the data, a copy; `set_attributes` changes it."""
        with self._look():
            return copy.deepcopy(self._attributes)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Say something else of the data, kept with the next commit.

        Args:
            attributes: strict JSON; tuples become lists.

        Raises:
            DocumentError: something in it is no JSON; every problem is named.
            ReadOnlyError: opened for reading.
        """
        self._require_writable()
        with self._turn():
            self._attributes = checked_attributes(attributes)

    def commit(self) -> None:
        """Make everything so far durable, and visible to readers.

        Raises:
            FencedError: another writer has taken over.
            ReadOnlyError: opened for reading.
        """
        self._require_writable()
        with self._turn():
            self._commit_now()

    def _commit_now(self) -> None:
        if self._committing is not None:
            state = self._with_parts(self._committing)
            self._committing.commit(state, self._attributes)
            self._accept(state)

    def seal(self) -> None:
        """Commit so that plain Zarr readers see every row; appending goes on in new shards."""
        self._require_writable()
        if self._committing is None:
            return
        with self._turn():
            state = self._with_parts(self._committing)
            self._committing.seal(state, self._attributes)
            self._accept(state)

    def compact(self) -> None:
        """Write every row anew, in order and without what removal and overwriting have left, and seal.

        What is no longer needed goes with the commits that name it, ten minutes later at the earliest.
        """
        self._require_writable()
        if self._committing is None:
            return
        with self._turn():
            self._turn_ring()
            state = self._with_parts(self._committing)
            self._committing.compact(state, self._attributes)
            self._accept(state)

    def refresh(self) -> bool:
        """Move a reader forward to the newest commit; returns whether there was a newer one.

        No other thread may be reading from it meanwhile.
        """
        self._require_open()
        with self._look():
            if self._committing is None or not self._committing.refresh():
                return False
            self._adopt(self._committing.committed)
            return True

    def clear(self) -> None:
        """Remove every row and every segment."""
        self._require_writable()
        with self._turn():
            self.storage.clear()
            self._episodes.clear()
            self._state = cleared(self._state)

    def dumps(self, path: str | PathLike[str], *, storage_options: Mapping[str, Any] | None = None) -> None:
        """Write the buffer as a dataset of its own to `path`, encoded data copied as it is.

        Args:
            path: a folder or any fsspec URL, where nothing stands.
            storage_options: handed to the fsspec filesystem; never stored.

        Raises:
            DatasetExistsError: something stands there.
            SegmentError: a segment is open.
            SpaceError: the storage does not commit, and datasets cannot name it.
        """
        self._require_open()
        storage = self.storage
        target = open_objects(path, storage_options)
        if is_taken(target):
            raise DatasetExistsError(f"{target.url}: something is there already; choose another place")
        with self._look():
            if self.has_open_segment:
                raise SegmentError("a segment is open; call mark_segment_end() before dumps()")
            if self.is_mutable:
                self.commit()
            try:
                state = replace(self._state, episodes=self._episodes.copy_to(target))
                state = write_aside(state, None, target, 0)
                if state.statistics is not None and self._committing is not None:
                    copy_statistics(self._committing.objects, target, state.statistics)
                if isinstance(storage, CommittingStorage):
                    storage.copy_to(target, state, self._attributes)
                else:
                    write_storage(storage, path, target, state, self._attributes, storage_options)
            except FencedError:  # somebody else has written a dataset there meanwhile
                raise DatasetExistsError(
                    f"{target.url}: something is there by now; choose another place"
                ) from None
            except BaseException:
                target.delete_all()
                raise

    def _with_parts(self, storage: CommittingStorage[Any, Any, Any, Any, Any]) -> BufferState:
        """The state as the next commit holds it; what it refers to is written."""
        number = storage.commit_number + 1
        state = replace(self._state, episodes=self._episodes.write_pending(number))
        return write_aside(state, storage.committed.buffer, storage.objects, number)

    def _accept(self, state: BufferState) -> None:
        self._state = replace(state, removed=self._state.removed)
        self._episodes.accept(state.episodes)

    def abandon(self) -> None:
        """Close without committing: what has happened since the last commit is given up."""
        self._mutex.first = None  # and so is what somebody has ready
        with self._mutex:
            if self._closed:
                return
            self._closed = True
            lifetime.forget(self)
            if self._committing is None:
                self.storage.close()
            else:
                self._committing.abandon()

    def close(self) -> None:
        """Commit and release what is held; the buffer cannot be used afterwards. A second call does nothing.

        Raises:
            FencedError: another writer has taken over; the buffer is closed all the same.
            OSError: the commit failed; the buffer stays open, with all its rows, and can be closed again.
        """
        with self._mutex:  # what another thread is about to append comes before or not at all
            if self._closed:
                return
            try:
                self._close()
            except FencedError:
                self._closed = True
                lifetime.forget(self)
                raise
            self._closed = True
            lifetime.forget(self)

    def _close(self) -> None:
        if self._committing is not None and self.is_mutable and self._turns is None:
            state = self._with_parts(self._committing)
            self._committing.release(state, self._attributes)
        elif self._committing is not None:
            self._committing.abandon()  # there is nothing to commit
        else:
            self.storage.close()

    def _commit_if_due(self) -> None:
        storage = self._committing
        if (
            self._turns is None
            and storage is not None
            and storage.seconds_since_commit >= self.commit_interval
        ):
            self.commit()
