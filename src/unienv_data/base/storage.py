"""The contract of a storage: instances of one space by slot number, behind a `ReplayBuffer`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from types import TracebackType
from typing import Any, ClassVar, Generic, Self

from unienv_data.base.batch import BatchT
from unienv_data.base.expectation import Expectation
from unienv_data.base.paths import Path, part_of
from unienv_data.base.traffic import Traffic
from unienv_data.errors import ReadOnlyError, SegmentError, SpaceError
from unienv_data.indexing import IndexableType, RowIndex, resolve_index
from unienv_data.order import Blocks, even_blocks
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType, ComputeBackend
from unienv_interface.space.space import AnySpace, Space
from unienv_interface.space.space_utils import batch_utils, flatten_utils

__all__ = ["OpenSegment", "SpaceStorage"]


@dataclass(frozen=True)
class OpenSegment:
    """The segment that is being appended to.

    Attributes:
        start: the slot of its first instance.
        length: instances appended so far.
    """

    start: int
    length: int = 0


class SpaceStorage(ABC, Generic[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Instances of one space, addressed by slot.

    A storage knows nothing of the order in which its slots were filled or of which hold data: that is the
    buffer's. Indexes are those of `unienv_data.indexing.resolve_index`; one integer means one instance, any
    other index a batch.

    What a storage can do beyond the abstract methods it declares in class attributes; nobody need try. To
    cross to other processes a storage must pickle: where its state does not by itself, implement
    `__getstate__` and `__setstate__`.

    Args:
        single_instance_space: the space of one instance.
    """

    kind: ClassVar[str | None] = None
    """The id that stands for this class in written documents; None where datasets cannot name it."""

    supports_commit: ClassVar[bool] = False
    """Whether the storage makes its changes, and what the buffer hands over, durable by commits of its own.

    Where it is False, data is kept by `dumps`.
    """

    supports_flattened: ClassVar[bool] = False
    """Whether `get_flattened` and `set_flattened` do better than going through structured values."""

    keeps_nothing: ClassVar[bool] = False
    """Whether nobody but the caller ever refers to what is read."""

    reads_parts: ClassVar[bool] = False
    """Whether `get_parts` reads no more than the parts that it is asked for."""

    supports_columns: ClassVar[bool] = False
    """Whether `get_column` is offered."""

    supports_segments: ClassVar[bool] = False
    """Whether the storage builds segments itself, so that appending must go through `mark_segment_start`,
    `append` and `mark_segment_end`; where it is False, a segment is nothing but slots."""

    single_file_ext: str | None = None
    """The file name extension (`.pt`) of what `dumps` writes; None where that is a folder."""

    capacity: int | None = None
    """How many instances the storage holds, for good; None where it grows and shrinks."""

    cache_filename: str | PathLike[str] | None = None
    """Where the data lives while the storage is in use; None for memory."""

    is_multiprocessing_safe: bool = False
    """Whether the storage, once made, can be used from several processes."""

    is_mutable: bool = True
    """Whether instances can be written; where it is False, writing raises ReadOnlyError."""

    single_instance_space: Space[BatchT, BDeviceType, BDtypeType, BRNGType]
    """The space of one instance."""

    _open_segment: OpenSegment | None = None

    def __init__(self, single_instance_space: Space[BatchT, BDeviceType, BDtypeType, BRNGType]) -> None:
        self.single_instance_space = single_instance_space

    @property
    def backend(self) -> ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """What the arrays of the instances are made by."""
        return self.single_instance_space.backend

    @property
    def device(self) -> BDeviceType | None:
        """Where instances are made; None leaves it to the backend."""
        return self.single_instance_space.device

    # -- making and loading --------------------------------------------------------------------

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
        """Make an empty storage.

        Args:
            single_instance_space: the space of one instance.
            *args: the storage's own.
            capacity: fixed number of slots; None for a storage that grows.
            cache_path: where its data is to live; None for memory.
            multiprocessing: whether other processes will use it.
            **kwargs: the storage's own.

        Raises:
            SpaceError: this kind of storage is not made that way.
        """
        raise SpaceError(f"{cls.__name__} offers no create(); call its constructor")

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
        """Open what `dumps`, or a storage whose data lived there, left at `path`.

        Args:
            path: a file or folder.
            single_instance_space: the space of one instance.
            capacity: fixed number of slots; None for a storage that grows.
            read_only: refuse changes.
            multiprocessing: whether other processes will use it.
            **kwargs: the storage's own.

        Raises:
            SpaceError: this kind of storage cannot be loaded.
        """
        raise SpaceError(f"{cls.__name__} cannot be loaded from a path")

    # -- slots ---------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many slots there are; a storage that grows must say."""
        if self.capacity is None:
            raise TypeError(f"{type(self).__name__} has no capacity and must define __len__")
        return self.capacity

    def extend_length(self, length: int) -> None:
        """Add `length` slots at the end; ignored where the capacity is fixed."""

    def shrink_length(self, length: int) -> None:
        """Cut off the last `length` slots; ignored where the capacity is fixed."""

    @abstractmethod
    def get(self, index: IndexableType | BArrayType) -> BatchT:
        """Read one instance for an integer, a batch for any other index."""

    @abstractmethod
    def set(self, index: IndexableType | BArrayType, value: BatchT) -> None:
        """Overwrite one instance for an integer, a batch of them for any other index."""

    def get_parts(self, index: IndexableType | BArrayType, paths: Sequence[Path]) -> tuple[Any, ...]:
        """Parts of instances, read without the others where `reads_parts` says so.

        Args:
            index: any index; one integer is a batch of one here.
            paths: parts of an instance; the empty path is all of it.

        Returns:
            For each path a batch of such parts.
        """
        value = self.get(resolve_index(index, len(self)).rows)
        return tuple(part_of(value, path) for path in paths)

    def expect(self, slots: RowIndex, paths: Sequence[Path]) -> Expectation:
        """Say that parts of the instances in some slots will be read soon, without waiting for anything.

        Returns:
            What keeps them near, where reading asks elsewhere, until it is released.
        """
        return Expectation()

    def stream(self, buffer_bytes: int, *, shared: bool = False) -> None:
        """Keep what is expected in this machine's memory, up to so many bytes, unless it is near anyway.

        Args:
            buffer_bytes: how many bytes.
            shared: processes that the storage is sent to share what is kept.
        """

    def traffic(self) -> frozenset[Traffic]:
        """What counts the requests that reading costs; nothing where it costs none."""
        return frozenset()

    def blocks(self, paths: Sequence[Path]) -> Blocks:
        """How the slots fall into groups that lie together where they are kept, for parts of instances."""
        return even_blocks(len(self))

    def get_flattened(self, index: IndexableType | BArrayType) -> BArrayType:
        """As `get`, each instance an array of its elements in a row: (B, D), or (D,) for an integer."""
        value = self.get(index)
        is_scalar = resolve_index(index, len(self)).is_scalar
        space, start_dim = (self.single_instance_space, 0) if is_scalar else (self._batched_space, 1)
        flat: BArrayType = flatten_utils.flatten_data(space, value, start_dim=start_dim)
        return flat

    def set_flattened(self, index: IndexableType | BArrayType, value: BArrayType) -> None:
        """As `set`, from an array (B, D), or (D,) for an integer."""
        is_scalar = resolve_index(index, len(self)).is_scalar
        space, start_dim = (self.single_instance_space, 0) if is_scalar else (self._batched_space, 1)
        self.set(index, flatten_utils.unflatten_data(space, value, start_dim=start_dim))

    def get_column(
        self, nested_keys: Sequence[str]
    ) -> SpaceStorage[Any, BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """A view of one field of the instances, read without the others.

        Args:
            nested_keys: keys from the outermost space inward.

        Raises:
            SpaceError: `supports_columns` is False.
            PathError: there is no such field.
        """
        raise SpaceError(f"{type(self).__name__} does not offer its columns one by one")

    def keep(self, spans: Sequence[tuple[int, int]]) -> None:
        """Have the slots of each span [start, stop), in this order, become the slots from 0 on.

        No others stay; where the capacity is fixed, the rest is left undefined. This one reads and writes
        what is kept; a storage that can should do better.
        """
        self._require_mutable()
        slots = [slot for start, stop in spans for slot in range(start, stop)]
        if slots:
            self.set(range(len(slots)), self.get(slots))
        self.shrink_length(len(self) - len(slots))

    def clear(self) -> None:
        """Forget all instances: no slots where the storage grows, its initial state where it does not."""
        self._require_mutable()
        self.abort_segment()
        if self.capacity is None:
            self.shrink_length(len(self))

    # -- segments ------------------------------------------------------------------------------

    @property
    def has_open_segment(self) -> bool:
        """Whether `mark_segment_start` awaits its `mark_segment_end`."""
        return self._open_segment is not None

    @property
    def pending_segment_length(self) -> int:
        """How many appended instances will be visible only after `mark_segment_end`."""
        return 0

    def get_segments(self) -> Sequence[tuple[int, int]] | None:
        """The segments as slots (first, last), both included; in a ring the last may be the lesser.

        None where the storage keeps none.
        """
        return None

    def mark_segment_start(self, start_index: int) -> None:
        """Open a segment whose first instance goes to the slot `start_index` (modulo the capacity).

        Raises:
            SegmentError: one is open.
        """
        self._require_mutable()
        if self.has_open_segment:
            raise SegmentError("a segment is open already; call mark_segment_end() or abort_segment() first")
        self._open_segment = OpenSegment(self._slot(start_index))

    def append(self, value: BatchT) -> None:
        """Write one instance behind the last of the open segment.

        It is visible at once, or after `mark_segment_end()`: see `pending_segment_length`. A storage that
        grows must have the slot (`extend_length`).

        Raises:
            SegmentError: no segment is open.
        """
        segment = self._open_segment
        if segment is None:
            raise SegmentError("no segment is open; call mark_segment_start() first")
        self.set(self._slot(segment.start + segment.length), value)
        self._open_segment = OpenSegment(segment.start, segment.length + 1)

    def mark_segment_end(self) -> None:
        """Close the open segment, if there is one."""
        self._open_segment = None

    def abort_segment(self) -> None:
        """Give the open segment up, if there is one; what it wrote to its slots is left undefined."""
        self._open_segment = None

    # -- keeping -------------------------------------------------------------------------------

    @abstractmethod
    def dumps(self, path: str | PathLike[str]) -> None:
        """Write everything to `path`: a file with the extension `single_file_ext`, or a folder."""

    def close(self) -> None:
        """Release what is held; calling it again does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- shared steps --------------------------------------------------------------------------

    @cached_property
    def _batched_space(self) -> AnySpace:
        return batch_utils.batch_space(self.single_instance_space, 1)

    def _slot(self, index: int) -> int:
        return index if self.capacity is None else index % self.capacity

    def _require_mutable(self) -> None:
        if not self.is_mutable:
            raise ReadOnlyError(f"{type(self).__name__} is read-only")
