"""The contract of a batch: rows of one space, addressed by any index, in structured and flattened form.

A subclass says how many rows it has and implements one read, `_read`; one that can be changed implements
`_write`, `_extend` and `_remove` too, as far as it can. Everything else is derived from these, here and only
here: single samples from batches, flattened values from structured ones, values without metadata from values
with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from unienv_data.base.copying import segments_in_chunks
from unienv_data.errors import ClosedError, ReadOnlyError, SpaceValueError
from unienv_data.indexing import IndexableType, RowIndex, Rows, ascending, chunked, resolve_index
from unienv_data.progress import NO_PROGRESS, TqdmProgress
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType, ComputeBackend
from unienv_interface.space.space import AnySpace, Space
from unienv_interface.space.space_utils import batch_utils, flatten_utils
from unienv_interface.space.spaces import DictSpace

__all__ = ["BatchBase", "BatchT"]

BatchT = TypeVar("BatchT")

# Rows that `for row in batch` reads at once: enough to share the decoding of neighbours, few enough to hold.
_ITERATED_ROWS = 32


class BatchBase(ABC, Generic[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """A sequence of samples of one space, wherever they live.

    Indexes are what `unienv_data.indexing.resolve_index` takes. One integer gives one sample; every other
    index gives a batch: a value of `batch_space(single_space, B)`, also for B = 1 and B = 0.

    Metadata is what a batch knows of its rows beside their values: a dict, or None where it knows nothing.

    Args:
        single_space: the space of one sample.
        single_metadata_space: the space of one sample's metadata; None where there is none.

    Attributes:
        single_space: as given.
        single_metadata_space: as given.
        is_mutable: whether rows can be changed, appended or removed; where it is False, trying to raises
            ReadOnlyError.
    """

    is_mutable: bool = True
    single_space: Space[BatchT, BDeviceType, BDtypeType, BRNGType]
    single_metadata_space: DictSpace[BDeviceType, BDtypeType, BRNGType] | None
    _closed: bool = False

    def __init__(
        self,
        single_space: Space[BatchT, BDeviceType, BDtypeType, BRNGType],
        single_metadata_space: DictSpace[BDeviceType, BDtypeType, BRNGType] | None = None,
    ) -> None:
        self.single_space = single_space
        self.single_metadata_space = single_metadata_space

    @property
    def backend(self) -> ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """What the arrays of the values are made by."""
        return self.single_space.backend

    @property
    def device(self) -> BDeviceType | None:
        """Where values are made; None leaves it to the backend."""
        return self.single_space.device

    # -- for subclasses ------------------------------------------------------------------------

    @abstractmethod
    def __len__(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def _read(self, rows: RowIndex) -> tuple[BatchT, dict[str, Any] | None]:
        """Read rows.

        Args:
            rows: at least one, each within [0, len(self)), in any order, possibly repeated.

        Returns:
            A batch of `len(rows)` samples in that order, on this batch's backend and device, and its
            metadata: a value of `batch_space(single_metadata_space, len(rows))`, or None.
        """

    def _read_flattened(self, rows: RowIndex) -> tuple[BArrayType, dict[str, Any] | None]:
        """Read rows, as `_read`, in flattened form (len(rows), D).

        Overridden only where something beneath flattens them at less cost.
        """
        value, metadata = self._read(rows)
        return flatten_utils.flatten_data(self._batched_space, value, start_dim=1), metadata

    def _write(self, rows: RowIndex, value: BatchT) -> None:
        """Overwrite rows.

        Args:
            rows: at least one, each within [0, len(self)); of repeated ones the last counts.
            value: a batch of `len(rows)` samples.
        """
        raise ReadOnlyError(f"rows of {type(self).__name__} cannot be overwritten")

    def _extend(self, value: BatchT) -> None:
        """Append the samples of a batch."""
        raise ReadOnlyError(f"{type(self).__name__} cannot be appended to")

    def _remove(self, rows: RowIndex) -> None:
        """Remove rows; later ones move down.

        Args:
            rows: at least one, each within [0, len(self)), ascending, without repetition.
        """
        raise ReadOnlyError(f"rows of {type(self).__name__} cannot be removed")

    def _extend_segment(self, chunks: Iterator[BatchT]) -> None:
        """Append the batches that `chunks` gives as one segment.

        Batches that keep no segments need not override this.
        """
        for chunk in chunks:
            self.extend(chunk)

    def _close(self) -> None:
        """Release what is held; called once."""

    def _indexed_length(self) -> int:
        """How many rows indexes address: `len(self)`, unless that counts something else."""
        return len(self)

    @cached_property
    def _batched_space(self) -> AnySpace:
        return batch_utils.batch_space(self.single_space, 1)

    # -- reading -------------------------------------------------------------------------------

    def get_at_with_metadata(self, idx: IndexableType | BArrayType) -> tuple[BatchT, dict[str, Any] | None]:
        """One sample, or a batch of them, and their metadata.

        Args:
            idx: an integer for one sample; any other index for a batch.

        Returns:
            (value, metadata); the metadata is a dict, or None where there is none.

        Raises:
            IndexOutOfRangeError: a row is not there.
            InvalidIndexError: `idx` is no index.
            ClosedError: the batch has been closed.
        """
        rows = self._resolve(idx)
        value, metadata = self._read_any(rows.rows)
        if not rows.is_scalar:
            return value, metadata
        return batch_utils.get_at(self.single_space, value, 0), self._first(metadata)

    def get_at(self, idx: IndexableType | BArrayType) -> BatchT:
        """One sample for an integer, a batch of them for any other index."""
        return self.get_at_with_metadata(idx)[0]

    def __getitem__(self, idx: IndexableType | BArrayType) -> BatchT:
        return self.get_at(idx)

    def get_flattened_at_with_metadata(
        self, idx: IndexableType | BArrayType
    ) -> tuple[BArrayType, dict[str, Any] | None]:
        """Samples as arrays of their elements in a row, and their metadata.

        Values are never changed: the array's type is what the elements' types promote to.

        Returns:
            (array, metadata): an array (B, D), or (D,) for one sample, and as `get_at_with_metadata`.

        Raises:
            InexactValueError: the promoted type cannot hold a value exactly.
        """
        rows = self._resolve(idx)
        if len(rows):
            flat, metadata = self._read_flattened(rows.rows)
        else:
            value, metadata = self._read_any(rows.rows)
            flat = flatten_utils.flatten_data(self._batched_space, value, start_dim=1)
        if not rows.is_scalar:
            return flat, metadata
        return flat[0], self._first(metadata)

    def get_flattened_at(self, idx: IndexableType | BArrayType) -> BArrayType:
        """Samples as arrays of their elements in a row: (B, D), or (D,) for one sample."""
        return self.get_flattened_at_with_metadata(idx)[0]

    def __iter__(self) -> Iterator[Any]:
        """The samples one after another, read a few at a time."""
        self._require_open()
        for rows in chunked(range(self._indexed_length()), _ITERATED_ROWS):
            value, _ = self._read_any(rows)
            for position in range(len(rows)):
                yield batch_utils.get_at(self.single_space, value, position)

    def get_segments(self) -> list[tuple[int, int]] | None:
        """The segments (episodes) of the rows: half-open (start, end) pairs in order.

        None where the batch keeps none.
        """
        return None

    # -- changing ------------------------------------------------------------------------------

    def set_at(self, idx: IndexableType | BArrayType, value: BatchT) -> None:
        """Overwrite rows.

        Args:
            idx: an integer for one sample; any other index for a batch.
            value: one sample, or a batch of as many as `idx` addresses.

        Raises:
            ReadOnlyError: rows cannot be overwritten.
            SpaceValueError: `value` does not fit.
        """
        self._require_mutable("overwritten")
        rows = self._resolve(idx)
        if rows.is_scalar:
            value = self._batch_of_one(value)
        else:
            self._require_rows(value, len(rows))
        if len(rows):
            self._write(rows.rows, value)

    def __setitem__(self, idx: IndexableType | BArrayType, value: BatchT) -> None:
        self.set_at(idx, value)

    def set_flattened_at(self, idx: IndexableType | BArrayType, value: BArrayType) -> None:
        """Overwrite rows by an array (B, D), or (D,) for one sample; as `set_at`."""
        self._require_mutable("overwritten")
        start_dim = 0 if self._resolve(idx).is_scalar else 1
        self.set_at(idx, self._unflattened(value, start_dim))

    def append(self, value: BatchT) -> None:
        """Append one sample.

        Raises:
            ReadOnlyError: nothing can be appended.
            SpaceValueError: `value` does not fit.
        """
        self._require_mutable("appended to")
        self.extend(self._batch_of_one(value))

    def append_flattened(self, value: BArrayType) -> None:
        """Append one sample given as an array (D,); as `append`."""
        self._require_mutable("appended to")
        self.append(self._unflattened(value, 0))

    def extend(self, value: BatchT) -> None:
        """Append the samples of a batch.

        Raises:
            ReadOnlyError: nothing can be appended.
            SpaceValueError: `value` does not fit.
        """
        self._require_mutable("appended to")
        self._require_open()
        self._extend(value)

    def extend_flattened(self, value: BArrayType) -> None:
        """Append samples given as an array (B, D); as `extend`."""
        self._require_mutable("appended to")
        self.extend(self._unflattened(value, 1))

    def remove_at(self, idx: IndexableType | BArrayType) -> None:
        """Remove rows as from a list: later rows move down.

        Args:
            idx: any index; a row that it names twice is removed once.

        Raises:
            ReadOnlyError: rows cannot be removed.
        """
        self._require_mutable("removed from")
        rows = self._resolve(idx).rows
        if len(rows):
            self._remove(ascending(rows))

    def __delitem__(self, idx: IndexableType | BArrayType) -> None:
        self.remove_at(idx)

    def extend_from(
        self,
        other: BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType],
        chunk_size: int = 8,
        tqdm: bool = False,
    ) -> None:
        """Append the rows of another batch, which may be on another backend or device.

        Segments of `other` stay segments where this batch keeps any; rows outside of them, or all rows
        where `other` keeps none, become segments of their own.

        Args:
            other: where the rows come from; those that it has now.
            chunk_size: how many rows are held at once.
            tqdm: whether to draw a progress bar.

        Raises:
            ReadOnlyError: nothing can be appended.
            SpaceValueError: a row does not fit; earlier segments have been appended.
        """
        self._require_mutable("appended to")
        self._require_open()
        if chunk_size < 1:
            raise ValueError(f"chunk_size: expected at least 1 row, got {chunk_size}")
        progress = TqdmProgress() if tqdm else NO_PROGRESS
        with progress.task(f"appending to {type(self).__name__}", total=other._indexed_length()) as task:
            for chunks in segments_in_chunks(other, chunk_size, task):
                self._extend_segment(self._adopted(other, chunk) for chunk in chunks)

    # -- closing -------------------------------------------------------------------------------

    def close(self) -> None:
        """Release what is held; the batch cannot be used afterwards. A second call does nothing."""
        if not self._closed:
            self._closed = True
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- shared steps --------------------------------------------------------------------------

    def _resolve(self, idx: Any) -> Rows:
        self._require_open()
        return resolve_index(idx, self._indexed_length())

    def _read_any(self, rows: RowIndex) -> tuple[BatchT, dict[str, Any] | None]:
        """`_read`, and a batch of no rows without it."""
        if len(rows):
            return self._read(rows)
        space = self.single_metadata_space
        metadata = None if space is None else batch_utils.concatenate(space, [])
        return batch_utils.concatenate(self.single_space, []), metadata

    def _first(self, metadata: dict[str, Any] | None) -> dict[str, Any] | None:
        """The metadata of the only sample of a batch."""
        if metadata is None or self.single_metadata_space is None:
            return metadata
        first: dict[str, Any] = batch_utils.get_at(self.single_metadata_space, metadata, 0)
        return first

    def _batch_of_one(self, value: BatchT) -> BatchT:
        batch: BatchT = batch_utils.concatenate(self.single_space, [self.single_space.coerce(value)])
        return batch

    def _unflattened(self, value: BArrayType, start_dim: int) -> BatchT:
        space = self._batched_space if start_dim else self.single_space
        structured: BatchT = flatten_utils.unflatten_data(space, value, start_dim=start_dim)
        return structured

    def _adopted(self, other: BatchBase[Any, Any, Any, Any, Any], value: Any) -> BatchT:
        """A batch of `other` on this batch's backend and device."""
        if other.backend is self.backend and other.device == self.device:
            adopted: BatchT = value
        else:
            adopted = other._batched_space.data_to(value, backend=self.backend, device=self.device)
        return adopted

    def _require_open(self) -> None:
        if self._closed:
            raise ClosedError(f"{type(self).__name__} has been closed")

    def _require_mutable(self, done: str) -> None:
        if not self.is_mutable:
            raise ReadOnlyError(f"{type(self).__name__} is read-only and cannot be {done}")

    def _require_rows(self, value: BatchT, count: int) -> None:
        found = batch_utils.batch_size_data(value)
        if found is not None and found != count:
            raise SpaceValueError("", f"{count} rows, as many as the index addresses", f"{found} rows")
