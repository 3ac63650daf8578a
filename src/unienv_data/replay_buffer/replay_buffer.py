"""Rows in order of age over the slots of a storage, with episodes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from unienv_data.base import SpaceStorage
from unienv_data.base.batch import BatchT
from unienv_data.errors import (
    DatasetNotFoundError,
    SpaceError,
)
from unienv_data.replay_buffer.discovery import find_dataset
from unienv_data.replay_buffer.lifetime import close_dropped
from unienv_data.replay_buffer.stated import StatedBatch
from unienv_data.replay_buffer.taking_over import runs_of_slots, state_over
from unienv_data.replay_buffer.written_out import read_storage
from unienv_data.schema.attributes import checked_attributes
from unienv_data.schema.commit import BufferState, Commit
from unienv_data.storages import CommittingStorage, ZarrStorage, storage_class
from unienv_data.store.objects import PLACE_OPTIONS, open_objects, shown_url
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType, ComputeBackend
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import Space
from unienv_interface.space.space_utils.serialization_utils import json_to_space

__all__ = ["ReplayBuffer"]

_STORAGE = "storage"
_NUMPY: ComputeBackend[Any, Any, Any, Any] = NumpyComputeBackend


class ReplayBuffer(StatedBatch[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Rows in the order in which they were appended, the oldest first.

    Without a capacity the buffer grows; with one it is a ring, whose newest rows take the places of the
    oldest. Rows between the first append and `mark_segment_end` are a segment (an episode), and so are
    those of an `extend`.

    Over a storage that commits, such as `ZarrStorage`, everything up to the last commit survives whatever
    happens; readers see one commit, and `refresh` moves them to the newest. `mark_segment_end`, `commit`,
    `close`, leaving the context and a normal end of the process commit; `extend` does where
    `commit_interval` seconds have passed.

    Threads may share a buffer: one operation is carried out at a time. One that was opened for reading is
    read by several at once, as long as none refreshes it.

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
        if maintain_segment_metadata is None:
            commits = isinstance(storage, CommittingStorage)
            maintain_segment_metadata = commits or physical_segments is not None
        state = state_over(
            len(storage),
            storage.capacity,
            count=count,
            offset=offset,
            segments=maintain_segment_metadata,
            open_first=active_segment_start_physical,
            open_length=active_segment_length,
        )
        super().__init__(storage, state, cache_path=cache_path, commit_interval=commit_interval)
        for row, length in runs_of_slots(physical_segments or (), len(storage), state):
            self._episodes.add(row, length)
        self.storage_path_relative = storage_path_relative
        self._storage_options: Mapping[str, Any] | None = None
        self._storage_kwargs: Mapping[str, Any] = {}

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
            **kwargs: handed to the storage: `overwrite`, `codecs`, `storage_options`, `client` ...

        Raises:
            DatasetExistsError: a dataset stands there and `overwrite` was not asked for.
            DocumentError: the attributes are no strict JSON.
            SpaceError: the space cannot be stored.
        """
        buffer: ReplayBuffer[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]
        described = checked_attributes(attributes)
        close_dropped()
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
        buffer._storage_options = kwargs.get("storage_options")
        buffer._storage_kwargs = {name: kwargs[name] for name in PLACE_OPTIONS if name in kwargs}
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
        if multiprocessing and storage.is_mutable:
            buffer._share(storage)
        return buffer

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
        commit: int | None = None,
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
            commit: number of the commit to read; None for the newest.
            commit_interval: seconds after which `extend` commits.
            storage_options: handed to the fsspec filesystem; never stored.
            **storage_kwargs: handed to the storage: `client`, `retry_seconds` ...

        Raises:
            DatasetNotFoundError: no dataset stands there.
            SpaceError: its space is not the one that was expected.
            WriterLockedError: it is opened for writing, and somebody else is writing.
        """
        if not read_only:
            close_dropped()
        place = {name: storage_kwargs[name] for name in PLACE_OPTIONS if name in storage_kwargs}
        found = find_dataset(path, storage_options, commit, **place)
        if found is None:
            raise DatasetNotFoundError(f"{shown_url(path)}: no dataset stands there")
        if commit is not None and not read_only:
            raise SpaceError(f"commit: only the newest can be written to; open commit {commit} for reading")
        space = single_instance_space or json_to_space(found.space, backend, device)
        cls = storage_class(found.storage, shown_url(path))
        for_storage = {**storage_kwargs, "read_only": read_only, "multiprocessing": multiprocessing}
        if issubclass(cls, CommittingStorage):
            storage = cls.load_from(
                path,
                space,
                subfolder=found.path,
                storage_options=storage_options,
                commit=found,
                **for_storage,
            )
            buffer = ReplayBuffer._over(storage, path, multiprocessing)
        else:
            root = open_objects(path, storage_options, **place)
            copied = read_storage(cls, path, root, found, space, storage_options, **for_storage)
            stands = root.url if root.is_local else path
            buffer = ReplayBuffer(copied, found.path, cache_path=stands if read_only else None)
            buffer._adopt_written(found, root)
        buffer.commit_interval = commit_interval
        buffer._storage_options = storage_options
        buffer._storage_kwargs = storage_kwargs
        return buffer

    @staticmethod
    def begun_at(
        path: str | PathLike[str],
        base: Commit,
        *,
        storage_options: Mapping[str, Any] | None = None,
        **storage_kwargs: Any,
    ) -> ReplayBuffer[Any, Any, Any, Any, Any]:
        """Open for writing what was begun at `path` with `commit_on_create=False`, and never committed.

        Args:
            path: a folder or any fsspec URL.
            base: what its first commit is to follow: `storage.committed` of the buffer that began it.
            storage_options: handed to the fsspec filesystem; never stored.
            **storage_kwargs: handed to the storage.

        Raises:
            WriterLockedError: somebody else is writing.
        """
        close_dropped()
        space: Space[Any, Any, Any, Any] = json_to_space(base.space, _NUMPY, None)
        storage: ZarrStorage[Any, Any, Any, Any, Any] = ZarrStorage.load_from(
            path,
            space,
            subfolder=base.path,
            read_only=False,
            storage_options=storage_options,
            commit=base,
            **storage_kwargs,
        )
        buffer = ReplayBuffer._over(storage, path, multiprocessing=False)
        buffer._storage_options = storage_options
        buffer._storage_kwargs = storage_kwargs
        return buffer

    # Crossing to other processes

    def __reduce__(self) -> tuple[Any, ...]:
        """Where to open it again: readers at the same commit, shared writers at the newest."""
        if self.is_mutable and self._turns is None and self.cache_path is not None:
            raise TypeError(
                "a buffer that is open for writing cannot be sent to another process; create or open it with "
                "multiprocessing=True, or open it for reading"
            )
        return self._reopening(read_only=not self.is_mutable)

    def _reduce_for_readers(self) -> tuple[Any, ...]:
        """As `__reduce__`, for those who only read: what there is now, which is committed if need be."""
        if self.is_mutable and self._committing is not None:
            self.commit()
        return self._reopening(read_only=True)

    def _reopening(self, *, read_only: bool) -> tuple[Any, ...]:
        if self.cache_path is None:
            raise TypeError("a buffer in memory cannot be sent to another process; give it a cache_path")
        path = os.fspath(self.cache_path)
        if self._committing is not None and self._committing.objects.is_local:
            path = self._committing.objects.url  # wherever the other process's current folder is
        pinned = self._committing if read_only else None
        options = {
            **self._storage_kwargs,
            **({} if self._committing is None else self._committing.options_for_readers()),
            "read_only": read_only,
            "multiprocessing": self._turns is not None and not read_only,
            "single_instance_space": self.single_space,
            "commit": None if pinned is None else pinned.commit_number,
            "commit_interval": self.commit_interval,
            "storage_options": self._storage_options,
        }
        return _reopened, (path, options)


def _reopened(path: str, options: dict[str, Any]) -> ReplayBuffer[Any, Any, Any, Any, Any]:
    return ReplayBuffer.load_from(path, **options)
