"""Samplers: mini-batches of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.samplers.mixture import MixtureSampler
    from unienv_data.samplers.multiprocessing import MultiprocessingSampler
    from unienv_data.samplers.step import StepSampler

__all__ = ["MixtureSampler", "MultiprocessingSampler", "StepSampler"]

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "MixtureSampler": "unienv_data.samplers.mixture",
        "MultiprocessingSampler": "unienv_data.samplers.multiprocessing",
        "StepSampler": "unienv_data.samplers.step",
    },
)
