"""How batches are read: by any index, structured or flattened, with metadata or without.

A subclass says how many rows it has and implements one read, `_read`. Everything else is derived from it
here: single samples from batches, flattened values from structured ones, values without metadata from
values with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from unienv_data.base.expectation import Expectation
from unienv_data.base.paths import Path, part_of
from unienv_data.base.traffic import Traffic
from unienv_data.errors import ClosedError
from unienv_data.indexing import IndexableType, RowIndex, Rows, chunked, resolve_index
from unienv_data.order import Blocks, even_blocks
from unienv_data.selection import Numbering, PlainNumbering
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType, ComputeBackend
from unienv_interface.space.space import AnySpace, Space
from unienv_interface.space.space_utils import batch_utils, flatten_utils
from unienv_interface.space.spaces import DictSpace

__all__ = ["BatchT", "ReadableBatch"]

BatchT = TypeVar("BatchT")

# Rows that `for row in batch` reads at once: enough to share the decoding of neighbours, few enough to hold.
_ITERATED_ROWS = 32


class ReadableBatch(ABC, Generic[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """The half of `BatchBase` that reads.

    Args:
        single_space: the space of one sample.
        single_metadata_space: the space of one sample's metadata; None where there is none.
    """

    keeps_nothing: bool = False
    """Whether nobody but the caller ever refers to what is read: no function of a user's has seen it."""

    reads_parts: bool = False
    """Whether `_read_parts` reads no more than the parts that it is asked for."""

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

    def _read_parts(
        self, rows: RowIndex, paths: Sequence[Path]
    ) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
        """Read parts of rows: what every view reads by.

        Overridden where less than whole rows can be read, and then `reads_parts` is True.

        Args:
            rows: as in `_read`.
            paths: parts of a sample; the empty path is all of it. None of them: metadata alone is wanted.

        Returns:
            For each path a batch of `len(rows)` such parts; metadata as `_read` gives it.
        """
        value, metadata = self._read(rows)
        return tuple(part_of(value, path) for path in paths), metadata

    def _read_flattened(self, rows: RowIndex) -> tuple[BArrayType, dict[str, Any] | None]:
        """Read rows, as `_read`, in flattened form (len(rows), D).

        Overridden only where something beneath flattens them at less cost.
        """
        value, metadata = self._read(rows)
        return flatten_utils.flatten_data(self._batched_space, value, start_dim=1), metadata

    def _expect(self, rows: RowIndex, paths: Sequence[Path]) -> Expectation:
        """Say that parts of rows will be read soon: where that asks elsewhere, have them brought near.

        Nothing is waited for. Overridden where rows come from another batch, or from elsewhere.

        Args:
            rows: as in `_read`; none, too.
            paths: as in `_read_parts`.

        Returns:
            What keeps them near until it is released.
        """
        return Expectation()

    def _stream(self, buffer_bytes: int, *, shared: bool = False) -> None:
        """Keep what `_expect` is told of in this machine's memory, where it is not near anyway.

        Overridden where rows come from another batch, or from elsewhere.

        Args:
            buffer_bytes: how many bytes of each dataset.
            shared: processes that the batch is sent to share what is kept.
        """

    def _traffic(self) -> frozenset[Traffic]:
        """What counts the requests that reading costs; nothing where it costs none, as on this machine.

        Overridden where rows come from another batch, or from elsewhere.
        """
        return frozenset()

    def _close(self) -> None:
        """Release what is held; called once."""

    def _indexed_length(self) -> int:
        """How many rows indexes address: `len(self)`, unless that counts something else."""
        return len(self)

    def _segment_descriptions(self) -> Mapping[int, Mapping[str, Any]]:
        """What is said of segments, by the first row of each; it may be nothing."""
        return {}

    def _numbering(self) -> Numbering:
        """Which rows there are now, and which are neighbours, for views that mean certain rows.

        Overridden where rows are renumbered, or where the rows are another batch's.
        """
        return PlainNumbering(self._indexed_length(), self.get_segments)

    def _blocks(self, paths: Sequence[Path]) -> Blocks:
        """How the rows fall into groups that lie together in storage, for parts of them.

        Overridden where rows come from another batch, or from a storage that knows.

        Args:
            paths: as in `_read_parts`.
        """
        return even_blocks(self._indexed_length())

    @cached_property
    def _batched_space(self) -> AnySpace:
        return batch_utils.batch_space(self.single_space, 1)

    @cached_property
    def _batched_metadata_space(self) -> AnySpace | None:
        space = self.single_metadata_space
        return None if space is None else batch_utils.batch_space(space, 1)

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

    def _require_open(self) -> None:
        if self._closed:
            raise ClosedError(f"{type(self).__name__} has been closed")
