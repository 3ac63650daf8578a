"""Items compressed one by one, in memory."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np

from unienv_data.base.batch import BatchT
from unienv_data.base.paths import Path
from unienv_data.columns import ColumnInfo
from unienv_data.errors import IndexOutOfRangeError, SpaceError
from unienv_data.indexing import IndexableType, Rows, resolve_index
from unienv_data.storages.compressed_list.checkpointed import CheckpointedList
from unienv_data.storages.compressed_list.compression import Compression, CompressionFn, DecompressionFn
from unienv_data.storages.compressed_list.files import read_contents
from unienv_data.storages.compressed_list.spaced import SpaceForm
from unienv_data.storages.compressed_list.trees import is_tensor_collection
from unienv_data.store.objects import PLACE_OPTIONS, open_objects
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space import Space

__all__ = ["CompressedListStorage"]


class CompressedListStorage(CheckpointedList[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Items in memory, each compressed by itself as it is written, and decompressed as it is read.

    Called by its name, it is what TorchRL's users expect of a storage: items are arrays, tensors, TensorDicts
    or trees of them, `len` says how many have been written, and slots are written in order. Made by `create`,
    as a `ReplayBuffer` does, its items fit a space, `len` says how many slots there are, and a slot that was
    never written shows zeros.

    Reading several items stacks them along a new first axis. Threads may share a storage: a write is seen as
    a whole or not at all. zstd works in several threads where that pays; functions of the user's are called
    in the thread that reads or writes. Other processes get a copy: it pickles, where the functions do.

    Args:
        max_size: slots; None for a storage that grows.
        compression_fn: given one array of an item, gives a uint8 tensor or array, or bytes; None for zstd. It
            is called with a tensor on `device` where the item has a tensor, with a NumPy array where it has
            one; never with numbers, texts and the like.
        decompression_fn: given such a uint8 tensor or array, gives the original one, or its bytes as uint8;
            None for zstd. One that takes two arguments is also given a dict of `shape`, `dtype` and `device`.
        compression_level: of zstd, 1 to 22.
        device: where tensors are given; the space's own where there is one.
        compilable: whether `torch.compile` may meet the storage, in TorchRL's words; kept, and of no effect,
            as nothing here is shared between processes anyway.

    Raises:
        SpaceError: `max_size` is no positive number.
        CodecError: a function cannot be called, or the level is none.

    Example:
        >>> import numpy as np
        >>> storage = CompressedListStorage(100)
        >>> storage.set(range(3), {"image": np.zeros((3, 64, 64), np.uint8), "reward": np.arange(3.0)})
        >>> storage.get([2, 0])["reward"]
        array([2., 0.])
        >>> storage.bytes() < 500
        True
    """

    kind: ClassVar[str | None] = "compressed_list"
    reads_parts: ClassVar[bool] = True

    def __init__(
        self,
        max_size: int | None,
        *,
        compression_fn: CompressionFn | None = None,
        decompression_fn: DecompressionFn | None = None,
        compression_level: int = 3,
        device: Any = "cpu",
        compilable: bool = False,
    ) -> None:
        if max_size is not None:
            max_size = _size(max_size)
        compression = Compression(compression_fn, decompression_fn, compression_level, device)
        super().__init__(max_size, compression, device)
        self.compilable = compilable

    @classmethod
    def create(
        cls,
        single_instance_space: Space[BatchT, BDeviceType, BDtypeType, BRNGType],
        *args: Any,
        capacity: int | None,
        cache_path: str | PathLike[str] | None = None,
        multiprocessing: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Make an empty storage for items of a space.

        Args:
            single_instance_space: the space of one item.
            *args: nothing.
            capacity: fixed number of slots; None for a storage that grows.
            cache_path: None: items are in memory, and `dumps` writes them.
            multiprocessing: False: processes cannot share memory.
            **kwargs: `compression_fn`, `decompression_fn`, `compression_level`, `compilable`.

        Raises:
            SpaceError: the space cannot be stored, or something is asked for that needs a place on disk.
        """
        if args:
            raise SpaceError(f"CompressedListStorage.create: unknown arguments {', '.join(map(repr, args))}")
        if cache_path is not None:
            raise SpaceError("cache_path: items are compressed in memory; leave it out, and call dumps(path)")
        if multiprocessing:
            raise SpaceError("multiprocessing: processes cannot share memory; use a ZarrStorage")
        storage = cls(capacity, **{"device": single_instance_space.device, **kwargs})
        storage._bind(single_instance_space)
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
        **kwargs: Any,
    ) -> Self:
        """Read what `dumps` left at `path` into memory; changes go nowhere else.

        Args:
            path: a folder or any fsspec URL.
            single_instance_space: the space of one item; must be the one that is stored.
            capacity: must be the one that is stored, where given.
            read_only: refuse changes.
            multiprocessing: whether other processes will use it: only where it is read.
            **kwargs: `storage_options` for the fsspec filesystem, `client` and `retry_seconds` as for a
                ZarrStorage, and those of `create`.

        Raises:
            DatasetNotFoundError: nothing stands there.
            CorruptDataError: something is missing or damaged.
            SpaceError: the space or the capacity is another; or processes want to share what is written.
        """
        if multiprocessing and not read_only:
            raise SpaceError("multiprocessing: processes cannot share memory; use a ZarrStorage")
        place = {name: kwargs.pop(name) for name in PLACE_OPTIONS if name in kwargs}
        objects = open_objects(path, kwargs.pop("storage_options", None), **place)
        contents = read_contents(objects)
        if capacity is not None and capacity != contents.capacity:
            raise SpaceError(
                f"{objects.url}: expected the stored capacity {contents.capacity}, got {capacity}"
            )
        storage = cls.create(single_instance_space, capacity=contents.capacity, **kwargs)
        storage._take(contents, objects.url)
        storage.is_mutable = not read_only
        storage.is_multiprocessing_safe = multiprocessing
        return storage

    def __getattr__(self, name: str) -> Any:
        if name == "single_instance_space":
            raise SpaceError(
                "this storage was made without a space; CompressedListStorage.create(space, capacity=N), or "
                "ReplayBuffer.create(CompressedListStorage, space, capacity=N), makes one that has it"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # What is there

    @property
    def max_size(self) -> int | None:
        """Slots; None where the storage grows."""
        return self.capacity

    @property
    def has_space(self) -> bool:
        """Whether its items fit a space; else they say by themselves what they are."""
        return self._space is not None

    @property
    def device(self) -> Any:
        """Where items are made."""
        return self._device if self._space is None else self._space.device

    def __len__(self) -> int:
        """Slots that can be read: all of them where there is a space, else those that have been written."""
        return len(self._items)

    def bytes(self) -> int:
        """Bytes of all items as they are kept; Python adds about 40 an item."""
        return self._items.size

    def describe(self) -> tuple[ColumnInfo, ...]:
        """What each column of the space is, and how large it is; nothing where there is no space."""
        items, form = self._items.all()
        if not isinstance(form, SpaceForm):
            return ()
        return form.describe(items, self._compression.name)

    def contains(self, slot: int) -> bool:
        """Whether something has been written to a slot."""
        return self._items.is_written(slot)

    # Slots

    def get(self, index: IndexableType | BArrayType) -> BatchT:
        """One item for an integer; for any other index as many, stacked along a new first axis.

        Raises:
            IndexOutOfRangeError: there is no such item.
            SpaceValueError: items cannot be stacked; names one.
            CorruptDataError: an item is damaged; names it.
        """
        slots, items, form = self._items.picked(index)
        value: BatchT
        if slots.is_scalar:
            value = form.decode_one(items[0], slots.rows[0])
        else:
            (value,) = form.decode(items, slots.rows, [()])
        return value

    def get_parts(self, index: IndexableType | BArrayType, paths: Sequence[Path]) -> tuple[Any, ...]:
        if self._space is None:
            return super().get_parts(index, paths)
        slots, items, form = self._items.picked(index)
        return form.decode(items, slots.rows, paths)

    def set(self, cursor: IndexableType | BArrayType, data: BatchT) -> None:
        """Write one item for an integer; for any other index as many.

        Args:
            cursor: slots. Without a space, slots that have not been written must follow the last one.
            data: an item; or a batch, in which every array has a first axis of items. Without a space also a
                list or tuple of items.

        Raises:
            IndexOutOfRangeError: there is no such slot, or slots before it have not been written.
            SpaceValueError: an item does not fit the space, or there is another number of them than of slots;
                nothing has changed.
            ReadOnlyError: opened for reading.
        """
        self._require_mutable()
        with self._items.writing:
            self._items.check_open()
            slots = self._slots_to_write(cursor, data)
            one, form = slots.is_scalar, self._items.form
            items = [form.encode_one(data)] if one else form.encode(data, len(slots))
            self._items.place(slots.rows, items)
        for buffer in list(self._attached):
            buffer.mark_update(cursor if _is_index_array(cursor) else _as_given(slots))

    def _slots_to_write(self, cursor: Any, data: Any) -> Rows:
        """The slots that an index means; without a space, they fill in order."""
        length = len(self._items)
        if self._space is not None:
            return resolve_index(cursor, length)
        limit = self.capacity if self.capacity is not None else length + max(_count(data), 1)
        if isinstance(cursor, slice):
            stop = length if cursor.stop is None else cursor.stop
            cursor = slice(cursor.start, stop, cursor.step)
            limit = max(limit, stop) if self.capacity is None else limit
        elif isinstance(cursor, int | np.integer) and cursor < 0:
            limit = length
        slots = resolve_index(cursor, limit)
        for slot in slots.rows:
            if slot > length:
                raise IndexOutOfRangeError(
                    f"slot {slot}: expected at most {length}, as {length} items have been written; they are "
                    "written in order"
                )
            length = max(length, slot + 1)
        return slots

    def __getitem__(self, index: IndexableType | BArrayType) -> BatchT:
        return self.get(index)

    def __setitem__(self, index: IndexableType | BArrayType, data: BatchT) -> None:
        self.set(index, data)

    def __iter__(self) -> Iterator[BatchT]:
        return (self.get(slot) for slot in range(len(self)))

    def extend_length(self, length: int) -> None:
        if self.capacity is None:
            self._items.resize(length)

    def shrink_length(self, length: int) -> None:
        if self.capacity is None:
            self._items.resize(-length)

    def keep(self, spans: Sequence[tuple[int, int]]) -> None:
        self._require_mutable()
        self._items.keep(spans, len(self._no_items()))

    def clear(self) -> None:
        self._require_mutable()
        self.abort_segment()
        self._items.replace(self._no_items(), self._empty_form())

    def attach(self, buffer: Any) -> None:
        """Have `buffer.mark_update(index)` called whenever items are written, as TorchRL's samplers want it.

        Args:
            buffer: what reads from this storage; it is kept once however often it is attached.
        """
        if all(known is not buffer for known in self._attached):
            self._attached.append(buffer)

    def close(self) -> None:
        self._items.close()


def _size(max_size: Any) -> int:
    try:
        size = 0 if isinstance(max_size, bool) else operator.index(max_size)
    except TypeError:
        size = 0
    if size < 1:
        raise SpaceError(f"max_size: expected at least 1 slot or None, got {max_size!r}")
    return size


def _count(data: Any) -> int:
    """How many items a batch has; 0 where nobody can tell."""
    if isinstance(data, dict):
        return max(map(_count, data.values()), default=0)
    if is_tensor_collection(data):
        return len(data) if data.batch_dims else 0
    try:
        return len(data)
    except TypeError:
        return 0


def _is_index_array(cursor: Any) -> bool:
    return hasattr(cursor, "dtype") and hasattr(cursor, "shape")


def _as_given(slots: Rows) -> Any:
    return slots.rows[0] if slots.is_scalar else np.asarray(slots.rows, dtype=np.int64)
