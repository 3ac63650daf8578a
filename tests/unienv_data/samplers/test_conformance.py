"""Samplers with and without workers, through the shipped suite."""

from __future__ import annotations

from typing import Any

import pytest

from unienv_data.samplers import MixtureSampler, MultiprocessingSampler, StepSampler
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


class TestEqualWeights(SamplerTests):
    """Are as none."""

    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        return StepSampler(data, batch_size, weights=[0.3] * len(data), **options)


class TestMixtureOfOne(SamplerTests):
    """Is as its source."""

    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        return MixtureSampler([data], [2], batch_size, **options)


class TestMixtureByLengths(SamplerTests):
    """Visits every row of every source once."""

    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        cuts = [range(0, 3), range(3, 11), range(11, len(data))] if len(data) > 11 else [range(len(data))]
        return MixtureSampler([data.get_slice(cut) for cut in cuts], [*map(len, cuts)], batch_size, **options)


class TestMixtureBlockByBlock(SamplerTests):
    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        return MixtureSampler([data], [2], batch_size, **{"shuffle": "block", **options})

    @pytest.mark.parametrize("uneven", ["pad", "drop"])
    def test_ranks_share_one_order(self, uneven: str) -> None:
        """Does not apply: each rank has blocks of its own."""


class TestMixtureAhead(SamplerTests):
    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        parts = {"all": data, "none": data.get_slice([])}
        return MultiprocessingSampler(
            MixtureSampler(parts, {"all": 1, "none": 0}, batch_size, **options), 2, 4
        )


class TestWeightsAhead(SamplerTests):
    def make(self, data: Any, batch_size: int, **options: Any) -> Any:
        return MultiprocessingSampler(StepSampler(data, batch_size, weights=[7] * len(data), **options), 2, 4)
