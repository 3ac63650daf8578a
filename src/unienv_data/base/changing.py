"""How batches are changed: by any index, structured or flattened.

A subclass that can be changed implements `_write`, `_extend` and `_remove`, as far as it can. Everything else
is derived from these, here and only here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from unienv_data.base.copying import segments_in_chunks
from unienv_data.base.reading import BatchT, ReadableBatch
from unienv_data.errors import ReadOnlyError, SpaceValueError
from unienv_data.indexing import IndexableType, RowIndex, ascending
from unienv_data.progress import NO_PROGRESS, TqdmProgress
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space.space_utils import batch_utils, flatten_utils

if TYPE_CHECKING:
    from unienv_data.base.batch import BatchBase

__all__ = ["ChangeableBatch"]


class ChangeableBatch(ReadableBatch[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """The half of `BatchBase` that changes rows."""

    is_mutable: bool = True

    # -- for subclasses ------------------------------------------------------------------------

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

    def _extend_segment(self, chunks: Iterator[BatchT], description: Mapping[str, Any]) -> None:
        """Append the batches that `chunks` gives as one segment.

        Batches that keep no segments need not override this.

        Args:
            chunks: its rows in batches.
            description: what is said of the segment, as columns of an episode table.
        """
        for chunk in chunks:
            self.extend(chunk)

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

        Segments of `other` stay segments where this batch keeps any, with what is said of them; rows outside
        of them, or all rows where `other` keeps none, become segments of their own.

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
            for chunks, description in segments_in_chunks(other, chunk_size, task):
                self._extend_segment((self._adopted(other, chunk) for chunk in chunks), description)

    # -- shared steps --------------------------------------------------------------------------

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

    def _require_mutable(self, done: str) -> None:
        if not self.is_mutable:
            raise ReadOnlyError(f"{type(self).__name__} is read-only and cannot be {done}")

    def _require_rows(self, value: BatchT, count: int) -> None:
        found = batch_utils.batch_size_data(value)
        if found is not None and found != count:
            raise SpaceValueError("", f"{count} rows, as many as the index addresses", f"{found} rows")
