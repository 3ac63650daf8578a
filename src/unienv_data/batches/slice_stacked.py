"""Windows: every row with what stands at certain steps around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.base import BatchBase
from unienv_data.base.batch import BatchT
from unienv_data.base.expectation import Expectation
from unienv_data.base.paths import Path, assembled, leaves, resolve_path, subspace
from unienv_data.batches.rows_once import RowsOnce
from unienv_data.batches.valid_masks import KeyedMask, MaskFunction
from unienv_data.batches.window_masks import WindowMasks
from unienv_data.batches.window_spaces import MASK, mask_space, window_offsets, window_space
from unienv_data.indexing import RowIndex, chunked, row_array
from unienv_data.selection import Numbering, Selection, Steps, edge_repeats, steps
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space.space_utils import batch_utils
from unienv_interface.space.spaces import DictSpace

__all__ = ["SliceStackedBatch"]

Integers = NDArray[np.int64]

# What every view that is made of this one finds for itself, as do those that come from another process.
_CACHES = ("_batched_space", "_batched_metadata_space", "_complete")
# Windows whose masks are looked at together, to find the complete ones.
_LOOKED_AT = 4096


class SliceStackedBatch(WindowMasks[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Every row of another batch with what stands at certain steps around it.

    Windows end where episodes (the batch's segments) do, where rows have been removed, and with the data. A
    step beyond shows the last row before it, and is no real step: `metadata["slice_valid_mask"]` says which
    are, (B, T) booleans.

    Windows are there for every row that the batch has at any time. This is a read-only batch: change the data
    in the batch itself.

    Args:
        batch: what is viewed; it stays open when the view is closed.
        fixed_offset: the steps, ascending, 1-D integers for all columns; or such by column pattern, as in
            `{"observation": [-1, 0], "action": range(16)}`. Columns that no pattern means are then shown
            without steps, and the mask is a dictionary of the same patterns, each (B, T_i).
        get_valid_mask_function: decides in place of the batch's segments which steps are real. It takes
            (batch, expanded_idx (B, T), data, metadata), the last two with the axes (B, T, ...), and gives
            (B, T) booleans. The steps must include 0.
        fill_invalid_data: show the last real row in place of steps that are not real; without it, such a
            step shows the row that stands there, or the last one.
        stack_metadata: give the metadata of every step; without it, of the row itself.

    Attributes:
        batch: as given.
        fixed_offset: the steps, (T,) integers of the backend, or a dictionary of these by pattern.
        get_valid_mask_function: as given.
        fill_invalid_data: as given.
        stack_metadata: as given.

    Raises:
        ValueError: there are no steps, they do not ascend, or 0 is missing where it is needed.
        PathError: a pattern means no column.

    Example:
        >>> windows = SliceStackedBatch(  # doctest: +SKIP
        ...     buffer, {"observation": [-1, 0], "action": range(16)}
        ... )
    """

    _complete: tuple[Numbering, Selection] | None = None

    def __init__(
        self,
        batch: BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType],
        fixed_offset: BArrayType | Sequence[int] | Mapping[str, BArrayType | Sequence[int]],
        get_valid_mask_function: MaskFunction | None = None,
        fill_invalid_data: bool = True,
        stack_metadata: bool = False,
    ) -> None:
        offsets = window_offsets(batch.single_space, fixed_offset)
        super().__init__(batch, Selection(offsets=offsets))
        self.is_mutable = False
        self.keeps_nothing = batch.keeps_nothing and get_valid_mask_function is None
        self.get_valid_mask_function = get_valid_mask_function
        self.fill_invalid_data = fill_invalid_data
        self.stack_metadata = stack_metadata
        self._offsets = offsets
        self._check()
        self.fixed_offset = self._by_pattern([self._integers(group) for group in offsets.arrays])
        self._window_space = window_space(batch.single_space, offsets)
        self.single_space = self._window_space
        self.single_metadata_space = self._metadata_space()

    def _check(self) -> None:
        function = self.get_valid_mask_function
        if self.stack_metadata and None not in self._offsets.patterns:
            raise ValueError(
                "stack_metadata: expected one list of steps for all columns, which metadata shares"
            )
        if function is None:
            return
        for pattern, group in zip(self._offsets.patterns, self._offsets.steps, strict=True):
            if 0 not in group:
                of = "" if pattern is None else f"[{pattern!r}]"
                raise ValueError(f"fixed_offset{of}: the mask function needs 0 among the steps, got {group}")
        for path in function.columns if isinstance(function, KeyedMask) else ():
            resolve_path(self.batch.single_space, path)

    def _metadata_space(self) -> DictSpace[BDeviceType, BDtypeType, BRNGType]:
        known: Any = self.batch.single_metadata_space
        if known is not None and self.stack_metadata:
            known = batch_utils.batch_space(known, len(self._offsets.steps[0]))
        space = self.batch.single_space
        parts = {**({} if known is None else known.spaces), MASK: mask_space(space, self._offsets)}
        return DictSpace(space.backend, parts)

    # -- views of the view ---------------------------------------------------------------------

    def complete(self) -> SliceStackedBatch[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """The windows of which every step is real, as they come and go.

        Which these are is found when it is first asked for, and again once rows have come or gone; from the
        batch's segments, without reading any row, or, by a mask function, from all that it looks at.
        """
        self._require_open()
        return self._viewed(replace(self._selection, is_complete=True))

    def _viewed(
        self, selection: Selection
    ) -> SliceStackedBatch[Any, BArrayType, BDeviceType, BDtypeType, BRNGType]:
        view = object.__new__(type(self))
        view.__dict__.update(self.__getstate__())
        view._closed = False
        view._selection = selection
        view.single_space = subspace(self._window_space, selection.column)
        return view

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _CACHES}

    def _chosen(self) -> Selection:
        if not self._selection.is_complete:
            return self._selection
        numbering = self.batch._numbering()
        if self._complete is None or self._complete[0] != numbering:
            self._complete = numbering, self._found_complete(numbering)
        return self._complete[1]

    def _found_complete(self, numbering: Numbering) -> Selection:
        selection = replace(self._selection, is_complete=False)
        rows = selection.rows
        if self.get_valid_mask_function is not None:
            return selection.with_rows(self._judged_complete(selection, numbering), numbering)
        runs = numbering.runs(numbering.anchor if rows is None else selection.anchor)
        spans = self._offsets.complete(runs)
        return selection.with_spans(spans if rows is None else rows.within(spans), numbering)

    def _judged_complete(self, selection: Selection, numbering: Numbering) -> Integers:
        """The positions whose windows the mask function finds complete."""
        found = [np.empty(0, dtype=np.int64)]
        view = self._viewed(selection)
        for part in chunked(range(len(view)), _LOOKED_AT):
            positions = row_array(part)
            if selection.rows is not None:
                there = row_array(numbering.moved(selection.rows.at(part), selection.anchor)) >= 0
                positions = positions[there]
            if len(positions):
                windows = view._look(positions, ())[1]
                found.append(positions[np.all([window.is_real.all(axis=1) for window in windows], axis=0)])
        return np.concatenate(found)

    # -- reading -------------------------------------------------------------------------------

    def _read_parts(
        self, rows: RowIndex, paths: Sequence[Path]
    ) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
        shown = [(*self._selection.column, *path) for path in paths]
        look, windows, places = self._look(rows, shown)

        def taken(leaf: Path) -> Any:
            group = self._offsets.groups.get(leaf)
            return look.take(leaf, places if group is None else windows[group].rows)

        values = []
        for path in shown:
            space = subspace(self._window_space, path)
            values.append(assembled(space, {leaf: taken(leaf) for leaf, _ in leaves(space, path)}, path))
        metadata: dict[str, Any] = {}
        if self.batch.single_metadata_space is not None:
            metadata.update(look.take(None, windows[0].rows if self.stack_metadata else places))
        metadata[MASK] = self._by_pattern([self._booleans(window.is_real) for window in windows])
        return tuple(values), dict(sorted(metadata.items()))

    def _expect(self, rows: RowIndex, paths: Sequence[Path]) -> Expectation:
        # The rows alone: of neighbours that stand elsewhere a window has few, which are not worth a shard.
        function = self.get_valid_mask_function
        needed = () if function is None else (path for path in self._looked_at(function) if path is not None)
        shown = [(*self._selection.column, *path) for path in paths]
        return self.batch._expect(self._located(rows), list(dict.fromkeys([*shown, *needed])))

    def _look(self, rows: RowIndex, shown: Sequence[Path]) -> tuple[RowsOnce, list[Steps], Integers]:
        """Read what the windows at positions of this view show.

        Args:
            rows: the positions.
            shown: paths of what is to be shown.

        Returns:
            What has been read; for each group of columns the rows that its windows show in the end; the rows
            (B,) themselves.
        """
        look, windows, places = self._wanting(rows, shown)
        look.read()
        if self.get_valid_mask_function is not None:
            windows = [self._judged(number, window, places, look) for number, window in enumerate(windows)]
        return look, windows, places

    def _wanting(self, rows: RowIndex, shown: Sequence[Path]) -> tuple[RowsOnce, list[Steps], Integers]:
        """As `_look`, before anything has been read: the windows are as far as segments say what is real."""
        places = row_array(self._located(rows))
        windows = self._windows_around(places)
        look, function = RowsOnce(self.batch), self.get_valid_mask_function
        for path in shown:
            for leaf, _ in leaves(subspace(self._window_space, path), path):
                group = self._offsets.groups.get(leaf)
                look.want(leaf, places if group is None else windows[group].rows)
        if self.batch.single_metadata_space is not None:
            look.want(None, windows[0].rows if self.stack_metadata else places)
        if function is not None:
            for window in windows:
                for needed in self._looked_at(function):
                    look.want(needed, window.rows)
        return look, windows, places

    def _windows_around(self, places: Integers) -> list[Steps]:
        """For each group of columns the windows around rows, as far as segments say what is real.

        Where a mask function has the last word, and where nothing is filled, they show what stands there.
        """
        numbering, function = self.batch._numbering(), self.get_valid_mask_function
        before, after = numbering.reach(places, in_segments=function is None)
        windows = []
        for offsets in self._offsets.arrays:
            window = steps(places, before, after, offsets)
            if function is not None or not self.fill_invalid_data:
                standing = self._expanded(places, offsets)
                standing = np.where(numbering.are_there(standing), standing, window.rows)
                window = window._replace(rows=standing)
            windows.append(window)
        return windows

    def _looked_at(self, function: MaskFunction) -> list[Path | None]:
        """What a mask function needs of every step; None stands for metadata."""
        has_metadata = self.batch.single_metadata_space is not None
        if not isinstance(function, KeyedMask):
            parts: list[Path | None] = [path for path, _ in leaves(self.batch.single_space)]
            return [*parts, None] if has_metadata else parts
        return [None] if function.is_in_metadata else list(function.columns)

    def _judged(self, number: int, window: Steps, places: Integers, look: RowsOnce) -> Steps:
        """The windows of a group of columns after the mask function has looked at what stands there."""
        function: Any = self.get_valid_mask_function
        needed = self._looked_at(function)
        metadata = look.take(None, window.rows) if None in needed else None
        found = {path: look.take(path, window.rows) for path in needed if path is not None}
        data: Any
        if isinstance(function, KeyedMask):
            data = {path[-1]: value for path, value in found.items()}
        else:
            data = assembled(self.batch.single_space, found)
        view = self._of_group(number)
        expanded = self._integers(self._expanded(places, self._offsets.arrays[number]))
        mask = self.backend.to_numpy(view.get_valid_mask(expanded, data, metadata)) & window.is_real
        if not self.fill_invalid_data:
            return Steps(window.rows, mask)
        return Steps(np.take_along_axis(window.rows, edge_repeats(mask, view.zero_index), axis=1), mask)

    def _of_group(self, number: int) -> SliceStackedBatch[Any, BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """Windows of all columns with the steps of one group."""
        if None in self._offsets.patterns:
            return self
        return SliceStackedBatch(
            self.batch, self._offsets.steps[number], self.get_valid_mask_function, self.fill_invalid_data
        )
