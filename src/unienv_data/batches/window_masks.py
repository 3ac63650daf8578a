"""Which steps of windows are real, and what stands in place of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.base import BatchView
from unienv_data.base.batch import BatchT
from unienv_data.batches.valid_masks import EpisodeEndMask, EpisodeIdMask, MaskFunction
from unienv_data.errors import SpaceValueError
from unienv_data.indexing import IndexableType, row_array
from unienv_data.selection import Offsets, edge_repeats, steps
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space.space import Space
from unienv_interface.space.space_utils import batch_utils, flatten_utils

__all__ = ["WindowMasks"]

Integers = NDArray[np.int64]


class WindowMasks(BatchView[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """The part of `SliceStackedBatch` that knows steps and masks; subclasses set what is listed.

    Attributes:
        fixed_offset: the steps, (T,) integers of the backend, or a dictionary of these by pattern.
        get_valid_mask_function: decides in place of the batch's segments which steps are real; None for none.
    """

    fixed_offset: Any
    get_valid_mask_function: MaskFunction | None
    _offsets: Offsets

    @property
    def zero_index(self) -> int:
        """The place of the row itself among the steps.

        Raises:
            ValueError: it is not among them, or columns have steps of their own.
        """
        if None not in self._offsets.patterns or 0 not in self._offsets.steps[0]:
            raise ValueError(f"fixed_offset: expected one list of steps, with 0, got {self.fixed_offset}")
        return self._offsets.steps[0].index(0)

    def expand_index(self, index: IndexableType | BArrayType) -> Any:
        """The rows of the batch that windows show, episodes aside.

        Args:
            index: which windows: (B,) integers, or booleans, one for each window; or any other index.

        Returns:
            (B, T) integers, cut to the rows that there are; by pattern where columns have steps of their own.
        """
        places = row_array(self._located(self._resolve(index).rows))
        expanded = [self._integers(self._expanded(places, offsets)) for offsets in self._offsets.arrays]
        return self._by_pattern(expanded)

    def _expanded(self, places: Integers, offsets: Integers) -> Integers:
        last = max(self.batch._indexed_length() - 1, 0)
        cut: Integers = np.clip(places[:, None] + offsets, 0, last)
        return cut

    def get_valid_mask_flattened(
        self, expanded_idx: BArrayType, data: BArrayType, metadata: dict[str, Any] | None
    ) -> BArrayType:
        """Which steps are real, of data in flattened form.

        Args:
            expanded_idx: (B, T) as `expand_index` gives them.
            data: (B, T, D) what stands there, flattened step by step.
            metadata: what is known of it.

        Returns:
            (B, T) booleans.
        """
        if self.get_valid_mask_function is None:
            return self.get_valid_mask(expanded_idx, data, metadata)
        space = batch_utils.batch_space(batch_utils.batch_space(self.batch.single_space, 1), 1)
        return self.get_valid_mask(
            expanded_idx, flatten_utils.unflatten_data(space, data, start_dim=2), metadata
        )

    def get_valid_mask(
        self, expanded_idx: BArrayType, data: Any, metadata: dict[str, Any] | None
    ) -> BArrayType:
        """Which steps are real.

        Args:
            expanded_idx: (B, T) as `expand_index` gives them.
            data: (B, T, ...) what stands there; only the mask function looks at it.
            metadata: what is known of it, with the axes (B, T, ...).

        Returns:
            (B, T) booleans.

        Raises:
            ValueError: 0 is not among the steps, or columns have steps of their own.
        """
        function = self.get_valid_mask_function
        places = row_array(self.backend.to_numpy(expanded_idx)[:, self.zero_index].astype(np.int64))
        before, after = self.batch._numbering().reach(places, in_segments=function is None)
        is_real = steps(places, before, after, self._offsets.arrays[0]).is_real
        if function is not None:
            is_real &= self.backend.to_numpy(function(self, expanded_idx, data, metadata))
        real: BArrayType = self._booleans(is_real)
        return real

    def fill_data_with_stack_mask(
        self,
        space: Space[Any, BDeviceType, BDtypeType, BRNGType] | None,
        data: Any,
        valid_mask: BArrayType,
    ) -> Any:
        """Windows with the last real step in place of those beyond it.

        Args:
            space: whose structure the data has; None where it is one array.
            data: (B, T, ...) the windows.
            valid_mask: (B, T) which steps are real; the row itself counts as real.

        Returns:
            The windows, (B, T, ...).

        Raises:
            SpaceValueError: the mask is of another shape.
            ValueError: 0 is not among the steps, or columns have steps of their own.
        """
        mask = self.backend.to_numpy(valid_mask)
        width = len(self._offsets.steps[0])
        if mask.ndim != 2 or mask.shape[1] != width:
            raise SpaceValueError("valid_mask", f"booleans of shape (B, {width})", f"shape {mask.shape}")
        places = edge_repeats(mask.astype(np.bool_), self.zero_index)
        index = (np.arange(len(mask))[:, None], places)
        if space is not None:
            return batch_utils.get_at(space, data, index)
        return data[tuple(self._integers(axis) for axis in index)]

    @staticmethod
    def get_valid_mask_function_with_episodeid_key(
        episode_id_key: str | int = "episode_id", is_in_metadata: bool = False
    ) -> MaskFunction:
        """A mask function by which steps are real that have the episode id of the row itself.

        Args:
            episode_id_key: of the field with the episode's id.
            is_in_metadata: whether it is one of the metadata.
        """
        return EpisodeIdMask(episode_id_key, is_in_metadata)

    @staticmethod
    def get_valid_mask_function_with_episode_end_key(
        episode_end_key: str | int = "episode_end", is_in_metadata: bool = False
    ) -> MaskFunction:
        """A mask function by which steps are real between which and the row itself no episode ends.

        Args:
            episode_end_key: of the field that is true in the last row of an episode.
            is_in_metadata: whether it is one of the metadata.
        """
        return EpisodeEndMask(episode_end_key, is_in_metadata)

    # -- arrays --------------------------------------------------------------------------------

    def _integers(self, array: Integers) -> Any:
        dtype = self.backend.default_integer_dtype
        return self.backend.from_numpy(array, dtype=dtype, device=self.device)

    def _booleans(self, mask: NDArray[np.bool_]) -> Any:
        return self.backend.from_numpy(mask, device=self.device)

    def _by_pattern(self, arrays: Sequence[Any]) -> Any:
        """The arrays of all groups by pattern; the only one where all columns have the same steps."""
        if None in self._offsets.patterns:
            return arrays[0]
        return {pattern: array for pattern, array in sorted(zip(self._offsets.patterns, arrays, strict=True))}
