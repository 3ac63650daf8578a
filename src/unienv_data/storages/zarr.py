"""Instances as compressed, chunked columns of a Zarr v3 group, on any fsspec filesystem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, ClassVar, Self

from unienv_data.base.batch import BatchT
from unienv_data.base.expectation import Expectation
from unienv_data.base.paths import Path
from unienv_data.columns import ColumnInfo, EncodedRows, columns_of
from unienv_data.errors import DatasetNotFoundError, ReadOnlyError, SpaceError
from unienv_data.indexing import IndexableType, RowIndex, resolve_index
from unienv_data.order import Blocks
from unienv_data.schema.attributes import checked_attributes
from unienv_data.schema.commit import BufferState, Commit
from unienv_data.storages.dumping import write_copy
from unienv_data.storages.lending import LendingStorage
from unienv_data.store.codecs import CodecSpec
from unienv_data.store.commits import find_commit
from unienv_data.store.creation import NewStore, create_store
from unienv_data.store.layout import LayoutOptions
from unienv_data.store.lending import LendingStore
from unienv_data.store.memorystore import MemoryStore
from unienv_data.store.objects import RETRY_SECONDS, Client, ObjectStore, StreamPlace, open_objects
from unienv_data.store.slotstore import SlotStore
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space import Space
from unienv_interface.space.space_utils import batch_utils
from unienv_interface.space.space_utils.serialization_utils import json_to_space, space_to_json

__all__ = ["ZarrStorage"]


class ZarrStorage(LendingStorage[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Slots of a space, each leaf of the space a column.

    Made by `create` and `load_from`. What is written is visible to this object at once, and to others with
    the next commit.

    Args:
        single_instance_space: the space of one instance.
        store: its slots.
        cache_path: where the dataset stands; None for memory.
        read_only: whether changes are refused.
    """

    kind: ClassVar[str | None] = "zarr"
    reads_parts: ClassVar[bool] = True

    def __init__(
        self,
        single_instance_space: Space[BatchT, BDeviceType, BDtypeType, BRNGType],
        store: SlotStore,
        *,
        cache_path: str | PathLike[str] | None,
        read_only: bool,
    ) -> None:
        super().__init__(single_instance_space)
        self._store = store
        self._node = columns_of(single_instance_space)
        self.capacity = store.commit_read.capacity
        self.cache_filename = cache_path
        self.is_mutable = not read_only
        self._streaming: StreamPlace | None = None

    @classmethod
    def create(
        cls,
        single_instance_space: Space[BatchT, BDeviceType, BDtypeType, BRNGType],
        *args: Any,
        capacity: int | None,
        cache_path: str | PathLike[str] | None = None,
        multiprocessing: bool = False,
        subfolder: str = "",
        overwrite: bool = False,
        codecs: Mapping[str, CodecSpec] | None = None,
        chunks: Mapping[str, int] | None = None,
        shards: Mapping[str, int] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        assume_single_writer: bool = False,
        cache_dir: str | PathLike[str] | None = None,
        cache_bytes: int | None = None,
        client: Client | None = None,
        retry_seconds: float = RETRY_SECONDS,
        buffer: BufferState | None = None,
        attributes: Mapping[str, Any] | None = None,
        commit_on_create: bool = True,
        **kwargs: Any,
    ) -> Self:
        """Make an empty storage.

        Args:
            single_instance_space: the space of one instance.
            *args: nothing.
            capacity: fixed number of slots; None for a storage that grows.
            cache_path: a folder or any fsspec URL; None keeps everything in memory, uncompressed, where what
                is said of codecs, chunks and shards is for `dumps`, and of filesystems for nobody.
            multiprocessing: whether other processes will write too.
            subfolder: where the storage stands below `cache_path`, which holds the dataset as a whole.
            overwrite: replace the dataset that stands there.
            codecs: codec of the columns that a pattern means, such as `{"observation/*": "lz4"}`.
            chunks: rows in an inner chunk, by pattern; rounded up to a power of two.
            shards: rows in a shard, by pattern; rounded up to a power of two.
            storage_options: handed to the fsspec filesystem; never stored.
            assume_single_writer: nobody else writes, on a filesystem that cannot make sure of it.
            cache_dir: a folder on a disk of this machine for copies of what is read from a URL.
            cache_bytes: how many bytes these may take; None for half of the free disk.
            client: what speaks to a bucket, "obstore" or "fsspec"; None for obstore where it can.
            retry_seconds: for how long requests that fail are repeated.
            buffer: what a replay buffer hands to the first commit.
            attributes: what is said of the data, strict JSON.
            commit_on_create: make the first commit at once; without it the dataset exists with the next one.
            **kwargs: nothing.

        Raises:
            DatasetExistsError: a dataset stands there, or something else, which is never overwritten.
            WriterLockedError: the dataset that is to be overwritten is being written.
            DocumentError: the attributes are no strict JSON.
            PathError: a pattern means no column.
            CodecError: a codec cannot be understood.
            SpaceError: the space cannot be stored.
        """
        if args or kwargs:
            unknown = [*map(repr, args), *kwargs]
            raise SpaceError(f"ZarrStorage.create: unknown arguments {', '.join(unknown)}")
        if multiprocessing and not commit_on_create:
            raise SpaceError("multiprocessing: what processes share must exist; commit it on creation")
        if capacity is not None and capacity < 1:
            raise SpaceError(f"capacity: expected at least 1 slot or None, got {capacity}")
        node = columns_of(single_instance_space)
        new = NewStore(
            kind="zarr",
            space=space_to_json(single_instance_space),
            columns=node.specs,
            capacity=capacity,
            layout=LayoutOptions(dict(codecs or {}), dict(chunks or {}), dict(shards or {})),
        )
        state = buffer or BufferState(capacity=capacity)
        described = checked_attributes(attributes)
        if cache_path is None:
            if multiprocessing:
                raise SpaceError("multiprocessing: processes cannot share memory; give a cache_path")
            in_memory = MemoryStore(subfolder, new, buffer=state, attributes=described)
            return cls(single_instance_space, in_memory, cache_path=None, read_only=False)
        root = open_objects(
            cache_path,
            storage_options,
            assume_single_writer=assume_single_writer,
            cache_dir=cache_dir,
            cache_bytes=cache_bytes,
            client=client,
            retry_seconds=retry_seconds,
        )
        store = create_store(
            root,
            subfolder,
            new,
            buffer=state,
            attributes=described,
            overwrite=overwrite,
            commit=commit_on_create,
        )
        if multiprocessing:
            store.share()
        storage = cls(single_instance_space, store, cache_path=cache_path, read_only=False)
        storage.is_multiprocessing_safe = multiprocessing
        return storage

    @classmethod
    def load_from(
        cls,
        path: str | PathLike[str],
        single_instance_space: Space[BatchT, BDeviceType, BDtypeType, BRNGType],
        *,
        capacity: int | None = None,
        read_only: bool = True,
        multiprocessing: bool = False,
        subfolder: str = "",
        storage_options: Mapping[str, Any] | None = None,
        assume_single_writer: bool = False,
        cache_dir: str | PathLike[str] | None = None,
        cache_bytes: int | None = None,
        stream: StreamPlace | None = None,
        client: Client | None = None,
        retry_seconds: float = RETRY_SECONDS,
        commit: Commit | None = None,
        **kwargs: Any,
    ) -> Self:
        """Open a storage.

        Args:
            path: a folder or any fsspec URL.
            single_instance_space: the space of one instance; must be the one that is stored.
            capacity: must be the one that is stored, where given.
            read_only: refuse changes; takes no lock.
            multiprocessing: whether other processes will write too.
            subfolder: where the storage stands below `path`.
            storage_options: handed to the fsspec filesystem.
            assume_single_writer: nobody else writes, on a filesystem that cannot make sure of it.
            cache_dir: a folder on a disk of this machine for copies of what is read from a URL.
            cache_bytes: how many bytes these may take; None for half of the free disk.
            stream: where another process of this machine streams the same data.
            client: what speaks to a bucket, "obstore" or "fsspec"; None for obstore where it can.
            retry_seconds: for how long requests that fail are repeated.
            commit: the commit to open, where it has been read already; the newest otherwise.
            **kwargs: nothing.

        Raises:
            DatasetNotFoundError: nothing stands there.
            SpaceError: the space or the capacity is another.
            WriterLockedError: it is opened for writing, and somebody else is writing.
        """
        if kwargs:
            raise SpaceError(f"ZarrStorage.load_from: unknown arguments {', '.join(kwargs)}")
        root = open_objects(
            path,
            storage_options,
            assume_single_writer=assume_single_writer,
            cache_dir=cache_dir,
            cache_bytes=cache_bytes,
            client=client,
            retry_seconds=retry_seconds,
        )
        found = commit or find_commit(root, subfolder)
        if found is None:
            raise DatasetNotFoundError(f"{root.url}: no dataset stands there")
        stored = json_to_space(found.space, single_instance_space.backend, single_instance_space.device)
        if stored != single_instance_space:
            raise SpaceError(f"{root.url}: expected the stored space {stored}, got {single_instance_space}")
        if capacity is not None and capacity != found.capacity:
            raise SpaceError(f"{root.url}: expected the stored capacity {found.capacity}, got {capacity}")
        columns = columns_of(single_instance_space).specs
        shared = multiprocessing and not read_only
        store = LendingStore(root, found, columns, writable=not read_only, shared=shared)
        storage = cls(single_instance_space, store, cache_path=path, read_only=read_only)
        storage.is_multiprocessing_safe = shared or read_only
        if stream is not None:
            storage._streaming = store.stream(stream.buffer_bytes, stream)
        return storage

    # Slots

    def __len__(self) -> int:
        return self._store.length

    def extend_length(self, length: int) -> None:
        if self.capacity is None:
            self._store.extend_length(length)

    def shrink_length(self, length: int) -> None:
        if self.capacity is None:
            self._store.shrink_length(length)

    def get(self, index: IndexableType | BArrayType) -> BatchT:
        slots = resolve_index(index, len(self))
        value: BatchT
        (value,) = self._decoded(slots.rows, [()])
        return batch_utils.get_at(self._batched_space, value, 0) if slots.is_scalar else value

    def get_parts(self, index: IndexableType | BArrayType, paths: Sequence[Path]) -> tuple[Any, ...]:
        return self._decoded(resolve_index(index, len(self)).rows, paths)

    def gives_encoded(self, path: Path) -> bool:
        """Whether the part at `path` is one column whose rows can be had as they are encoded."""
        names = self._names_below([path])
        return len(names) == 1 and self._store.gives_encoded(names[0])

    def get_encoded(self, slots: RowIndex, path: Path) -> EncodedRows | None:
        """Such a part of the slots' instances, as it is encoded; None where one was never written."""
        return self._store.encoded(slots, self._names_below([path])[0])

    def blocks(self, paths: Sequence[Path]) -> Blocks:
        return self._store.blocks(self._names_below(paths))

    def _names_below(self, paths: Sequence[Path]) -> tuple[str, ...]:
        """The columns of parts, each once."""
        nodes = [self._node.below(path) for path in paths]
        return tuple(dict.fromkeys(spec.name for node in nodes for spec in node.specs))

    def _decoded(self, slots: RowIndex, paths: Sequence[Path]) -> tuple[Any, ...]:
        """Parts of what the slots show, of which no other columns are read."""
        nodes = [self._node.below(path) for path in paths]
        columns = self._store.get(slots, self._names_below(paths))
        return tuple(node.decode(columns, len(slots)) for node in nodes)

    def expect(self, slots: RowIndex, paths: Sequence[Path]) -> Expectation:
        return self._store.expect(slots, self._names_below(paths))

    def stream(self, buffer_bytes: int, *, shared: bool = False) -> None:
        self._streaming = self._store.stream(buffer_bytes, shared=shared) or self._streaming

    def set(self, index: IndexableType | BArrayType, value: BatchT) -> None:
        self._require_mutable()
        slots = resolve_index(index, len(self))
        columns = self._node.encode_one(value) if slots.is_scalar else self._node.encode(value, len(slots))
        self._store.set(slots.rows, columns)

    def mark_segment_end(self) -> None:
        super().mark_segment_end()
        self._store.end_run()

    def keep(self, spans: Sequence[tuple[int, int]]) -> None:
        self._require_mutable()
        self._store.keep(spans)

    def clear(self) -> None:
        self._require_mutable()
        self.abort_segment()
        self._store.clear()

    # Commits

    @property
    def is_durable(self) -> bool:
        return self._store.is_durable

    @property
    def objects(self) -> ObjectStore:
        return self._store.root

    @property
    def committed(self) -> Commit:
        return self._store.commit_read

    def options_for_readers(self) -> dict[str, Any]:
        return {} if self._streaming is None else {"stream": self._streaming}

    @property
    def seconds_since_commit(self) -> float:
        return self._store.seconds_since_commit

    def savepoint(self) -> object | None:
        return self._store.savepoint()

    def restore(self, savepoint: object) -> None:
        self._store.restore(savepoint)

    def describe(self) -> tuple[ColumnInfo, ...]:
        return self._store.describe()

    def commit(
        self,
        buffer: BufferState | None = None,
        attributes: Mapping[str, Any] | None = None,
        *,
        force: bool = False,
    ) -> Commit:
        return self._store.commit(buffer or self._own_state(), attributes=attributes, force=force)

    def refresh(self) -> bool:
        return self._store.refresh()

    def seal(self, buffer: BufferState | None = None, attributes: Mapping[str, Any] | None = None) -> Commit:
        return self._store.seal(buffer or self._own_state(), attributes)

    def compact(
        self, buffer: BufferState | None = None, attributes: Mapping[str, Any] | None = None
    ) -> Commit:
        return self._store.compact(buffer or self._own_state(), attributes)

    def dumps(self, path: str | PathLike[str]) -> None:
        """Write the storage as a dataset of its own to `path`, a folder or any fsspec URL.

        Raises:
            DatasetExistsError: something stands there.
        """
        write_copy(self, path, self._own_state())

    def copy_to(self, target: ObjectStore, buffer: BufferState, attributes: Mapping[str, Any]) -> None:
        self._store.copy_to(target, buffer, attributes)

    def release(self, buffer: BufferState, attributes: Mapping[str, Any] | None = None) -> None:
        self._store.close(buffer, attributes)

    def begin_turn(self) -> None:
        self._store.begin_turn()

    def end_turn(self) -> None:
        self._store.end_turn()

    def abandon(self) -> None:
        self._store.abandon()

    def close(self) -> None:
        self._store.close(self._own_state() if self.is_mutable else None)

    def _own_state(self) -> BufferState:
        """What a buffer will find: its own last state, or, where there never was one, every slot as a row."""
        state = self._store.commit_read.buffer
        rows = state.appended
        if self.capacity is None and state == BufferState(count=rows, appended=rows, segments=state.segments):
            return replace(state, count=len(self), appended=len(self))
        return state

    def _require_mutable(self) -> None:
        if not self.is_mutable:
            raise ReadOnlyError(f"{self._store.url}: opened for reading; open it with read_only=False")
