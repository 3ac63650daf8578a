"""Samplers with and without workers, through the shipped suite."""

from __future__ import annotations

from typing import Any

from unienv_data.samplers import MultiprocessingSampler, StepSampler
from unienv_data.testing import SamplerTests


class TestStepSampler(SamplerTests):
    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        return StepSampler(data, batch_size, **options)


class TestMultiprocessingSampler(SamplerTests):
    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        return MultiprocessingSampler(StepSampler(data, batch_size, **options), 2, 4)


class TestStepSamplerOfBlocks(SamplerTests):
    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        return StepSampler(data, batch_size, shuffle="block", **options)


class TestMultiprocessingSamplerOfBlocks(SamplerTests):
    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        return MultiprocessingSampler(StepSampler(data, batch_size, shuffle="block", **options), 2, 4)


class TestWithoutWorkers(SamplerTests):
    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        return MultiprocessingSampler(StepSampler(data, batch_size, **options), 0)
