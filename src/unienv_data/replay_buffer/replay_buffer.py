"""Rows in order of age over the slots of a storage, with episodes."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

from unienv_data.base import SpaceStorage
from unienv_data.base.batch import BatchT
from unienv_data.errors import (
    DatasetExistsError,
    DatasetNotFoundError,
    SegmentError,
    SpaceError,
)
from unienv_data.replay_buffer import lifetime
from unienv_data.replay_buffer.discovery import find_dataset
from unienv_data.replay_buffer.episodes import EpisodeTable
from unienv_data.replay_buffer.removed_rows import read_aside, write_aside
from unienv_data.replay_buffer.slotted import SlottedBatch
from unienv_data.replay_buffer.state import cleared
from unienv_data.replay_buffer.taking_over import runs_of_slots, state_over
from unienv_data.schema.attributes import checked_attributes
from unienv_data.schema.commit import BufferState, Commit
from unienv_data.storages import CommittingStorage, storage_class
from unienv_data.store.objects import open_objects
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType, ComputeBackend
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import Space
from unienv_interface.space.space_utils.serialization_utils import json_to_space

__all__ = ["ReplayBuffer"]

_STORAGE = "storage"
_NUMPY: ComputeBackend[Any, Any, Any, Any] = NumpyComputeBackend


class ReplayBuffer(SlottedBatch[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Rows in the order in which they were appended, the oldest first.

    Without a capacity the buffer grows; with one it is a ring, whose newest rows take the places of the
    oldest. Rows between the first append and `mark_segment_end` are a segment (an episode), and so are
    those of an `extend`.

    Over a storage that commits, such as `ZarrStorage`, everything up to the last commit survives whatever
    happens; readers see one commit, and `refresh` moves them to the newest. `mark_segment_end`, `commit`,
    `close`, leaving the context and a normal end of the process commit; `extend` does where
    `commit_interval` seconds have passed.

    Args:
        storage: where the rows are.
        storage_path_relative: where the storage stands below the dataset.
        count: rows in the buffer.
        offset: slot of the oldest.
        cache_path: where the dataset stands; None for memory.
        multiprocessing: whether other processes will use it.
        maintain_segment_metadata: whether segments are kept; None means wherever the storage commits.
        physical_segments: segments so far, as slots (first, last), both included.
        active_segment_start_physical: slot at which the open segment began.
        active_segment_length: rows of the open segment.

    Raises:
        SpaceError: the storage has no slots as `count`, `offset` and the segments say.
    """

    def __init__(
        self,
        storage: SpaceStorage[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType],
        storage_path_relative: str,
        count: int = 0,
        offset: int = 0,
        cache_path: str | PathLike[str] | None = None,
        multiprocessing: bool = False,
        *,
        maintain_segment_metadata: bool | None = None,
        physical_segments: Sequence[tuple[int, int]] | None = None,
        active_segment_start_physical: int | None = None,
        active_segment_length: int = 0,
        commit_interval: float = 1.0,
    ) -> None:
        committing = storage if isinstance(storage, CommittingStorage) else None
        if maintain_segment_metadata is None:
            maintain_segment_metadata = committing is not None or physical_segments is not None
        state = state_over(
            len(storage),
            storage.capacity,
            count=count,
            offset=offset,
            segments=maintain_segment_metadata,
            open_first=active_segment_start_physical,
            open_length=active_segment_length,
        )
        super().__init__(storage, state, EpisodeTable(None if committing is None else committing.objects))
        for row, length in runs_of_slots(physical_segments or (), len(storage), state):
            self._episodes.add(row, length)
        self.storage_path_relative = storage_path_relative
        self.cache_path = cache_path
        self.commit_interval = commit_interval
        self._committing = committing
        self._attributes = {} if committing is None else dict(committing.committed.attributes)
        if committing is not None and self.is_mutable and cache_path is not None:
            lifetime.commit_at_exit(self)

    # Making and opening

    @staticmethod
    def create(
        storage_cls: type[SpaceStorage[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]],
        single_instance_space: Space[BatchT, BDeviceType, BDtypeType, BRNGType],
        *args: Any,
        cache_path: str | PathLike[str] | None = None,
        capacity: int | None = None,
        multiprocessing: bool = False,
        maintain_segment_metadata: bool | None = None,
        commit_interval: float = 1.0,
        attributes: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> ReplayBuffer[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """Make an empty buffer and its storage.

        Args:
            storage_cls: the class of the storage.
            single_instance_space: the space of one row.
            *args: handed to the storage.
            cache_path: where the dataset is to stand, a folder or any fsspec URL; None for memory.
            capacity: rows of a ring; None for a buffer that grows.
            multiprocessing: whether other processes will use it.
            maintain_segment_metadata: whether segments are kept; None means wherever the storage commits.
            commit_interval: seconds after which `extend` commits.
            attributes: what is said of the data, strict JSON.
            **kwargs: handed to the storage: `overwrite`, `codecs`, `storage_options` ...

        Raises:
            DatasetExistsError: a dataset stands there and `overwrite` was not asked for.
            DocumentError: the attributes are no strict JSON.
            SpaceError: the space cannot be stored.
        """
        buffer: ReplayBuffer[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]
        described = checked_attributes(attributes)
        if issubclass(storage_cls, CommittingStorage):
            keeps = maintain_segment_metadata is not False
            storage = storage_cls.create(
                single_instance_space,
                *args,
                capacity=capacity,
                cache_path=cache_path,
                multiprocessing=multiprocessing,
                subfolder=_STORAGE,
                buffer=BufferState(capacity=capacity, segments=keeps),
                attributes=described,
                **kwargs,
            )
            buffer = ReplayBuffer._over(storage, cache_path, multiprocessing)
        else:
            path = None if cache_path is None else os.path.join(cache_path, _STORAGE)
            buffer = ReplayBuffer(
                storage_cls.create(
                    single_instance_space,
                    *args,
                    capacity=capacity,
                    cache_path=path,
                    multiprocessing=multiprocessing,
                    **kwargs,
                ),
                _STORAGE,
                cache_path=cache_path,
                multiprocessing=multiprocessing,
                maintain_segment_metadata=maintain_segment_metadata,
            )
            buffer._attributes = described
        buffer.commit_interval = commit_interval
        return buffer

    @staticmethod
    def _over(
        storage: CommittingStorage[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType],
        cache_path: str | PathLike[str] | None,
        multiprocessing: bool,
    ) -> ReplayBuffer[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """A buffer in the state that the storage's commit holds."""
        buffer = ReplayBuffer(
            storage, storage.committed.path, cache_path=cache_path, multiprocessing=multiprocessing
        )
        buffer._adopt(storage.committed)
        return buffer

    def _adopt(self, commit: Commit) -> None:
        self._episodes = self._episodes.at(commit.buffer.episodes)
        state = commit.buffer
        self._state = state if self._committing is None else read_aside(state, self._committing.objects)
        self._attributes = dict(commit.attributes)

    @staticmethod
    def is_loadable_from(
        path: str | PathLike[str], *, storage_options: Mapping[str, Any] | None = None
    ) -> bool:
        """Whether a dataset stands at `path`.

        Raises:
            CorruptDataError: one does, and is damaged.
            UnsupportedVersionError: one does, of a later version.
        """
        return find_dataset(path, storage_options) is not None

    @staticmethod
    def get_length_from_path(
        path: str | PathLike[str], *, storage_options: Mapping[str, Any] | None = None
    ) -> int | None:
        """How many rows the dataset at `path` has; None where there is no dataset."""
        commit = find_dataset(path, storage_options)
        return None if commit is None else commit.buffer.count

    @staticmethod
    def get_capacity_from_path(
        path: str | PathLike[str], *, storage_options: Mapping[str, Any] | None = None
    ) -> int | None:
        """The capacity of the dataset at `path`; None where it has none, or there is no dataset."""
        commit = find_dataset(path, storage_options)
        return None if commit is None else commit.capacity

    @staticmethod
    def get_space_from_path(
        path: str | PathLike[str],
        *,
        backend: ComputeBackend[Any, Any, Any, Any] = _NUMPY,
        device: Any = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> Space[Any, Any, Any, Any] | None:
        """The space of a row of the dataset at `path`; None where there is no dataset."""
        commit = find_dataset(path, storage_options)
        return None if commit is None else json_to_space(commit.space, backend, device)

    @staticmethod
    def load_from(
        path: str | PathLike[str],
        *,
        backend: ComputeBackend[Any, Any, Any, Any] = _NUMPY,
        device: Any = None,
        read_only: bool = True,
        multiprocessing: bool = False,
        single_instance_space: Space[Any, Any, Any, Any] | None = None,
        commit_interval: float = 1.0,
        storage_options: Mapping[str, Any] | None = None,
        **storage_kwargs: Any,
    ) -> ReplayBuffer[Any, Any, Any, Any, Any]:
        """Open the dataset at `path`.

        Args:
            path: a folder or any fsspec URL.
            backend: what arrays are made by.
            device: where they are made.
            read_only: refuse changes; takes no lock.
            multiprocessing: whether other processes will use it.
            single_instance_space: the space that is expected; used in place of a copy of its own.
            commit_interval: seconds after which `extend` commits.
            storage_options: handed to the fsspec filesystem; never stored.
            **storage_kwargs: handed to the storage.

        Raises:
            DatasetNotFoundError: no dataset stands there.
            SpaceError: its space is not the one that was expected.
            WriterLockedError: it is opened for writing, and somebody else is writing.
        """
        commit = find_dataset(path, storage_options)
        if commit is None:
            raise DatasetNotFoundError(f"{os.fspath(path)}: no dataset stands there")
        space = single_instance_space or json_to_space(commit.space, backend, device)
        cls = storage_class(commit.storage, os.fspath(path))
        if not issubclass(cls, CommittingStorage):
            raise SpaceError(f"{os.fspath(path)}: {cls.__name__} does not commit, and cannot be opened so")
        storage = cls.load_from(
            path,
            space,
            read_only=read_only,
            multiprocessing=multiprocessing,
            subfolder=commit.path,
            storage_options=storage_options,
            commit=commit,
            **storage_kwargs,
        )
        buffer = ReplayBuffer._over(storage, path, multiprocessing)
        buffer.commit_interval = commit_interval
        return buffer

    # Keeping

    @property
    def attributes(self) -> dict[str, Any]:
        """What is said of the data, a copy; `set_attributes` changes it."""
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
        self._attributes = checked_attributes(attributes)

    def commit(self) -> None:
        """Make everything so far durable, and visible to readers.

        Raises:
            FencedError: another writer has taken over.
            ReadOnlyError: opened for reading.
        """
        self._require_writable()
        if self._committing is None:
            return
        state = self._with_parts(self._committing)
        self._committing.commit(state, self._attributes)
        self._accept(state)

    def seal(self) -> None:
        """Commit so that plain Zarr readers see every row; appending goes on in new shards."""
        self._require_writable()
        if self._committing is None:
            return
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
        self._turn_ring()
        state = self._with_parts(self._committing)
        self._committing.compact(state, self._attributes)
        self._accept(state)

    def refresh(self) -> bool:
        """Move a reader forward to the newest commit; returns whether there was a newer one."""
        self._require_open()
        if self._committing is None or not self._committing.refresh():
            return False
        self._adopt(self._committing.committed)
        return True

    def clear(self) -> None:
        """Remove every row and every segment."""
        self._require_writable()
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
            SpaceError: the storage does not commit.
        """
        self._require_open()
        if self.has_open_segment:
            raise SegmentError("a segment is open; call mark_segment_end() before dumps()")
        if self._committing is None:
            raise SpaceError(f"{type(self.storage).__name__} does not commit, and cannot be dumped so")
        target = open_objects(path, storage_options)
        if target.list(""):
            raise DatasetExistsError(f"{target.url}: something is there already; choose another place")
        if self.is_mutable:
            self.commit()
        try:
            state = replace(self._state, episodes=self._episodes.copy_to(target))
            state = write_aside(state, None, target, 0)
            self._committing.copy_to(target, state, self._attributes)
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
        if self._closed:
            return
        self._closed = True
        lifetime.forget(self)
        if self._committing is None:
            self.storage.close()
        else:
            self._committing.abandon()

    def _close(self) -> None:
        lifetime.forget(self)
        if self._committing is not None and self.is_mutable:
            state = self._with_parts(self._committing)
            self._committing.release(state, self._attributes)
        else:
            self.storage.close()

    def _commit_if_due(self) -> None:
        storage = self._committing
        if storage is not None and storage.seconds_since_commit >= self.commit_interval:
            self.commit()
