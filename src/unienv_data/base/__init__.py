"""The abstract batch, sampler and storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.base.batch import BatchBase, BatchT, BatchView
    from unienv_data.base.sampler import (
        BatchSampler,
        SamplerArrayType,
        SamplerBatchT,
        SamplerDeviceType,
        SamplerDtypeType,
        SamplerRNGType,
    )
    from unienv_data.base.storage import SpaceStorage
    from unienv_data.indexing import IndexableType

__all__ = [
    "BatchBase",
    "BatchSampler",
    "BatchT",
    "BatchView",
    "IndexableType",
    "SamplerArrayType",
    "SamplerBatchT",
    "SamplerDeviceType",
    "SamplerDtypeType",
    "SamplerRNGType",
    "SpaceStorage",
]

_BATCH = "unienv_data.base.batch"
_SAMPLER = "unienv_data.base.sampler"

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "BatchBase": _BATCH,
        "BatchSampler": _SAMPLER,
        "BatchT": _BATCH,
        "BatchView": _BATCH,
        "IndexableType": "unienv_data.indexing",
        "SamplerArrayType": _SAMPLER,
        "SamplerBatchT": _SAMPLER,
        "SamplerDeviceType": _SAMPLER,
        "SamplerDtypeType": _SAMPLER,
        "SamplerRNGType": _SAMPLER,
        "SpaceStorage": "unienv_data.base.storage",
    },
)
