"""Windows of consecutive rows."""

from __future__ import annotations

import operator

from unienv_data.base import BatchBase
from unienv_data.base.batch import BatchT
from unienv_data.batches.slice_stacked import SliceStackedBatch
from unienv_data.batches.valid_masks import MaskFunction
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType

__all__ = ["FrameStackedBatch"]


class FrameStackedBatch(SliceStackedBatch[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Each row of another batch with some of those before and after it, as a window of consecutive steps.

    A `SliceStackedBatch` of the offsets from `-prefetch_horizon` to `postfetch_horizon`.

    Args:
        batch: what is viewed; it stays open when the view is closed.
        prefetch_horizon: how many rows before.
        postfetch_horizon: how many rows after.
        get_valid_mask_function: as in `SliceStackedBatch`.
        fill_invalid_data: as in `SliceStackedBatch`.
        stack_metadata: as in `SliceStackedBatch`.

    Raises:
        ValueError: a horizon is negative.
    """

    def __init__(
        self,
        batch: BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType],
        prefetch_horizon: int = 0,
        postfetch_horizon: int = 0,
        get_valid_mask_function: MaskFunction | None = None,
        fill_invalid_data: bool = True,
        stack_metadata: bool = False,
    ) -> None:
        self.prefetch_horizon = operator.index(prefetch_horizon)
        self.postfetch_horizon = operator.index(postfetch_horizon)
        for name in ("prefetch_horizon", "postfetch_horizon"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: expected at least 0, got {getattr(self, name)}")
        super().__init__(
            batch,
            range(-self.prefetch_horizon, self.postfetch_horizon + 1),
            get_valid_mask_function,
            fill_invalid_data,
            stack_metadata,
        )
