"""An out-of-core dataset store for robot learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_data import errors
from unienv_data._version import __version__
from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.base import BatchBase, BatchSampler, SpaceStorage
    from unienv_data.batches import (
        AlignedBatch,
        CombinedBatch,
        FrameStackedBatch,
        SliceStackedBatch,
        SubIndexedBatch,
        SubItemBatch,
        ToBackendOrDeviceBatch,
        TransformedBatch,
        align_batches,
    )
    from unienv_data.dataset_info import DatasetInfo, describe_dataset
    from unienv_data.opening import open
    from unienv_data.replay_buffer import ReplayBuffer, ReplayBufferCollectionWrapper
    from unienv_data.samplers import MixtureSampler, MultiprocessingSampler, StepSampler
    from unienv_data.storages import ZarrStorage
else:
    __getattr__, __dir__ = lazy_exports(
        globals(),
        {
            "AlignedBatch": "unienv_data.batches",
            "BatchBase": "unienv_data.base",
            "BatchSampler": "unienv_data.base",
            "CombinedBatch": "unienv_data.batches",
            "DatasetInfo": "unienv_data.dataset_info",
            "FrameStackedBatch": "unienv_data.batches",
            "MixtureSampler": "unienv_data.samplers",
            "MultiprocessingSampler": "unienv_data.samplers",
            "ReplayBuffer": "unienv_data.replay_buffer",
            "ReplayBufferCollectionWrapper": "unienv_data.replay_buffer",
            "SliceStackedBatch": "unienv_data.batches",
            "SpaceStorage": "unienv_data.base",
            "StepSampler": "unienv_data.samplers",
            "SubIndexedBatch": "unienv_data.batches",
            "SubItemBatch": "unienv_data.batches",
            "ToBackendOrDeviceBatch": "unienv_data.batches",
            "TransformedBatch": "unienv_data.batches",
            "ZarrStorage": "unienv_data.storages",
            "align_batches": "unienv_data.batches",
            "describe_dataset": "unienv_data.dataset_info",
            "open": "unienv_data.opening",
        },
    )

__all__ = [
    "AlignedBatch",
    "BatchBase",
    "BatchSampler",
    "CombinedBatch",
    "DatasetInfo",
    "FrameStackedBatch",
    "MixtureSampler",
    "MultiprocessingSampler",
    "ReplayBuffer",
    "ReplayBufferCollectionWrapper",
    "SliceStackedBatch",
    "SpaceStorage",
    "StepSampler",
    "SubIndexedBatch",
    "SubItemBatch",
    "ToBackendOrDeviceBatch",
    "TransformedBatch",
    "ZarrStorage",
    "__version__",
    "align_batches",
    "describe_dataset",
    "errors",
    "open",
]
