"""The contract of a batch: rows of one space, addressed by any index, in structured and flattened form.

A batch and its views are one concept: a slice, a column or a split of a batch is a batch again, which holds
nothing but what it views and what it selects of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unienv_data.base.changing import ChangeableBatch
from unienv_data.base.expectation import Expectation
from unienv_data.base.paths import Path, resolve_path, subspace
from unienv_data.base.reading import BatchT
from unienv_data.base.traffic import Traffic
from unienv_data.errors import ReadOnlyError, SegmentError
from unienv_data.indexing import IndexableType, RowIndex
from unienv_data.order import Blocks
from unienv_data.selection import Numbering, SelectedNumbering, Selection, blocks_of_view, split
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType

__all__ = ["BatchBase", "BatchT", "BatchView"]


class BatchBase(ChangeableBatch[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """A sequence of samples of one space, wherever they live.

    Indexes are what `unienv_data.indexing.resolve_index` takes. One integer gives one sample; every other
    index gives a batch: a value of `batch_space(single_space, B)`, also for B = 1 and B = 0.

    Metadata is what a batch knows of its rows beside their values: a dict, or None where it knows nothing.

    A subclass implements `__len__` and `_read`; one that can be changed implements `_write`, `_extend` and
    `_remove` too, as far as it can.

    Args:
        single_space: the space of one sample.
        single_metadata_space: the space of one sample's metadata; None where there is none.

    Attributes:
        single_space: as given.
        single_metadata_space: as given.
        is_mutable: whether rows can be changed, appended or removed; where it is False, trying to raises
            ReadOnlyError.
    """

    _selection: Selection = Selection()
    """What is shown of what `_beneath` gives."""

    def get_slice(
        self, idx: IndexableType | BArrayType
    ) -> BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """Create a lazy view over a subset of indices.

        The view keeps meaning the rows that it was made from, whatever rows come and go; reading one that is
        no longer there raises IndexOutOfRangeError. Only `...` means all rows that there are at any time.

        Args:
            idx: any index; one integer gives a view of one row.

        Returns:
            A view, whose rows can be overwritten where this batch's can.

        Raises:
            IndexOutOfRangeError: a row is not there.
            InvalidIndexError: `idx` is no index.
        """
        if idx is Ellipsis:
            self._require_open()
            return self._viewed(self._selection)
        rows = self._resolve(idx).rows
        return self._viewed(self._chosen().with_rows(rows, self._beneath()._numbering()))

    def get_column(
        self, nested_keys: Sequence[str]
    ) -> BatchBase[Any, BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """Create a lazy view over a nested field inside each sample, read without the others where it can be.

        Args:
            nested_keys: keys of dictionary spaces and places in tuple spaces, from the outermost inward; a
                text such as `observation/state` stands for its parts.

        Returns:
            A read-only view of the same rows, with the same metadata.

        Raises:
            PathError: there is no such field.
        """
        self._require_open()
        return self._viewed(self._selection.with_column(resolve_path(self.single_space, nested_keys)))

    def split_episodes(
        self, shares: Mapping[str, float], seed: int = 0
    ) -> dict[str, BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]]:
        """Deal the segments (episodes) out at random.

        Rows outside of segments, such as those of one that has not ended, are in no split. Windows over a
        split end where it does.

        Args:
            shares: for each split its share of the segments: all fractions (floats), or all numbers
                (integers). What they leave is in no split.
            seed: decides which segments go where.

        Returns:
            For each split a view of its rows, in their order; as `get_slice`, it keeps meaning these.

        Raises:
            ValueError: a share is negative, or they are more than there is.
            SegmentError: the batch keeps no segments.

        Example:
            >>> splits = buffer.split_episodes({"train": 0.9, "val": 0.1}, seed=0)  # doctest: +SKIP
        """
        self._require_open()
        numbering = self._numbering()
        segments = numbering.segments(numbering.anchor)
        if segments is None:
            raise SegmentError(
                f"{type(self).__name__} keeps no segments, so that there is nothing to split by"
            )
        chosen, beneath = self._chosen(), self._beneath()._numbering()
        return {
            name: self._viewed(chosen.with_spans(segments[members], beneath))
            for name, members in split(len(segments), shares, seed).items()
        }

    # -- what views are made of ----------------------------------------------------------------

    def _beneath(self) -> BatchBase[Any, BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """What views of this batch are views of."""
        return self

    def _chosen(self) -> Selection:
        """What is selected, as it is now: rows that shift with those beneath are named."""
        return self._selection

    def _viewed(self, selection: Selection) -> BatchBase[Any, BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """The view that shows a selection of what is beneath."""
        return BatchView(self._beneath(), selection)


class BatchView(BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """What a selection shows of a batch; a view of a view is one selection of the batch beneath.

    Args:
        batch: what is viewed; it stays open when the view is closed.
        selection: which rows, and which part of each.

    Attributes:
        batch: as given; of a view, the batch that this one views.
    """

    def __init__(
        self, batch: BatchBase[Any, BArrayType, BDeviceType, BDtypeType, BRNGType], selection: Selection
    ) -> None:
        super().__init__(subspace(batch.single_space, selection.column), batch.single_metadata_space)
        self.batch = batch
        self.is_mutable = batch.is_mutable and not selection.column
        self.keeps_nothing = batch.keeps_nothing
        self.reads_parts = batch.reads_parts
        self._selection = selection

    def __len__(self) -> int:
        rows = self._chosen().rows
        return self.batch._indexed_length() if rows is None else len(rows)

    def get_segments(self) -> list[tuple[int, int]] | None:
        """The segments of the rows that are shown: half-open (start, end) pairs of positions, in order.

        Of a segment that is shown in parts, each part; None where what is viewed keeps none.
        """
        if self._chosen().rows is None:
            return self.batch.get_segments()
        numbering = self._numbering()
        segments = numbering.segments(numbering.anchor)
        return None if segments is None else [(start, stop) for start, stop in segments.tolist()]

    def _read(self, rows: RowIndex) -> tuple[BatchT, dict[str, Any] | None]:
        (value,), metadata = self._read_parts(rows, ((),))
        return value, metadata

    def _read_parts(
        self, rows: RowIndex, paths: Sequence[Path]
    ) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
        column = self._selection.column
        return self.batch._read_parts(self._located(rows), [(*column, *path) for path in paths])

    def _read_flattened(self, rows: RowIndex) -> tuple[BArrayType, dict[str, Any] | None]:
        if self._selection.column or self._selection.offsets:
            return super()._read_flattened(rows)
        return self.batch._read_flattened(self._located(rows))

    def _expect(self, rows: RowIndex, paths: Sequence[Path]) -> Expectation:
        column = self._selection.column
        return self.batch._expect(self._located(rows), [(*column, *path) for path in paths])

    def _stream(self, buffer_bytes: int, *, shared: bool = False) -> None:
        self.batch._stream(buffer_bytes, shared=shared)

    def _write(self, rows: RowIndex, value: BatchT) -> None:
        if self._selection.column:
            raise ReadOnlyError(
                f"{type(self).__name__} shows a part of each sample and cannot be overwritten"
            )
        located: Any = self._located(rows)
        self.batch.set_at(located, value)

    def _located(self, positions: RowIndex) -> RowIndex:
        """The rows beneath that positions show.

        Raises:
            IndexOutOfRangeError: one is no longer there.
        """
        chosen = self._chosen()
        return positions if chosen.rows is None else chosen.locate(positions, self.batch._numbering())

    def _numbering(self) -> Numbering:
        chosen, numbering = self._chosen(), self.batch._numbering()
        if chosen.rows is None:
            return numbering
        return SelectedNumbering(numbering, chosen.rows, chosen.anchor, self._selection.is_complete)

    def _traffic(self) -> frozenset[Traffic]:
        return self.batch._traffic()

    def _blocks(self, paths: Sequence[Path]) -> Blocks:
        chosen, column = self._chosen(), self._selection.column
        blocks = self.batch._blocks([(*column, *path) for path in paths])
        if chosen.rows is None:
            return blocks
        return blocks_of_view(blocks, chosen.rows, self.batch._numbering(), chosen.anchor)

    def _beneath(self) -> BatchBase[Any, BArrayType, BDeviceType, BDtypeType, BRNGType]:
        return self.batch

    def _require_open(self) -> None:
        super()._require_open()
        self.batch._require_open()
