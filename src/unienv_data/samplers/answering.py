"""What workers do for a sampler."""

from __future__ import annotations

import os
from typing import Any

from unienv_data.base import BatchSampler
from unienv_data.base.batch_request import BatchRequest
from unienv_data.base.expectation import Expectation
from unienv_data.base.streaming import is_streamed
from unienv_data.base.traffic import TrafficCount, TrafficMeter
from unienv_data.samplers.step import StepSampler

__all__ = ["Answering"]

Answer = tuple[Any, dict[str, Any] | None, int, TrafficCount]


class Answering:
    """Reads the batches of a sampler, and says what all of them have cost so far.

    Args:
        sampler: as `_for_workers` gives it.
    """

    def __init__(self, sampler: BatchSampler[Any, Any, Any, Any, Any, Any, Any, Any, Any, Any]) -> None:
        self._sampler = sampler
        self._meter = TrafficMeter()

    @property
    def keeps_nothing(self) -> bool:
        """Whether a batch may stand where others will after it."""
        return type(self._sampler) is StepSampler and self._sampler.data.keeps_nothing

    def __call__(self, request: BatchRequest) -> Answer:
        """A batch, its metadata, which process has read it, and what its batches have cost."""
        sampler = self._sampler
        self._meter.look_at(sampler.data._traffic())
        expected = self._expected(request)
        try:
            value, metadata = sampler._read_request(request)
        finally:
            expected.release()
        return value, metadata, os.getpid(), self._meter.total()

    def _expected(self, request: BatchRequest) -> Expectation:
        """Whatever another process brings near is waited for, and not fetched once more."""
        if request.number is None:
            return Expectation()
        plan = self._sampler._plan(request.state)
        if not is_streamed(plan):
            return Expectation()
        return self._sampler.data._expect(plan.rows(request.number), ((),))
