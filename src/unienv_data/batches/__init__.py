"""Lazy views of batches: slices, columns, windows, several batches as one, other forms of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.batches.aligned import AlignedBatch, align_batches
    from unienv_data.batches.combined import CombinedBatch
    from unienv_data.batches.frame_stacked import FrameStackedBatch
    from unienv_data.batches.slice_stacked import SliceStackedBatch
    from unienv_data.batches.sub_indexed import SubIndexedBatch
    from unienv_data.batches.sub_item import SubItemBatch
    from unienv_data.batches.to_backend import ToBackendOrDeviceBatch
    from unienv_data.batches.transformed import TransformedBatch

__all__ = [
    "AlignedBatch",
    "CombinedBatch",
    "FrameStackedBatch",
    "SliceStackedBatch",
    "SubIndexedBatch",
    "SubItemBatch",
    "ToBackendOrDeviceBatch",
    "TransformedBatch",
    "align_batches",
]

_ROOM = "unienv_data.batches"

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "AlignedBatch": f"{_ROOM}.aligned",
        "CombinedBatch": f"{_ROOM}.combined",
        "FrameStackedBatch": f"{_ROOM}.frame_stacked",
        "SliceStackedBatch": f"{_ROOM}.slice_stacked",
        "SubIndexedBatch": f"{_ROOM}.sub_indexed",
        "SubItemBatch": f"{_ROOM}.sub_item",
        "ToBackendOrDeviceBatch": f"{_ROOM}.to_backend",
        "TransformedBatch": f"{_ROOM}.transformed",
        "align_batches": f"{_ROOM}.aligned",
    },
)
