"""An out-of-core dataset store for robot learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_data import errors
from unienv_data._version import __version__
from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.base import BatchBase, BatchSampler, SpaceStorage
    from unienv_data.dataset_info import DatasetInfo, describe_dataset
    from unienv_data.opening import open
    from unienv_data.replay_buffer import ReplayBuffer
    from unienv_data.samplers import StepSampler
    from unienv_data.storages import ZarrStorage
else:
    __getattr__, __dir__ = lazy_exports(
        globals(),
        {
            "BatchBase": "unienv_data.base",
            "BatchSampler": "unienv_data.base",
            "DatasetInfo": "unienv_data.dataset_info",
            "ReplayBuffer": "unienv_data.replay_buffer",
            "SpaceStorage": "unienv_data.base",
            "StepSampler": "unienv_data.samplers",
            "ZarrStorage": "unienv_data.storages",
            "describe_dataset": "unienv_data.dataset_info",
            "open": "unienv_data.opening",
        },
    )

__all__ = [
    "BatchBase",
    "BatchSampler",
    "DatasetInfo",
    "ReplayBuffer",
    "SpaceStorage",
    "StepSampler",
    "ZarrStorage",
    "__version__",
    "describe_dataset",
    "errors",
    "open",
]
