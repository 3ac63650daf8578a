"""What a sampler with workers takes, and refuses."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest

from tests.unienv_data.samplers.light import Numbers
from unienv_data.samplers import MultiprocessingSampler, StepSampler


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_workers": -1}, "n_workers: expected at least 0, got -1"),
        ({"n_buffers": 0}, "n_buffers: expected at least 1, got 0"),
        ({"doze_time": -1.0}, "doze_time: expected at least 0 seconds"),
        ({"doze_time": float("nan")}, "doze_time: expected at least 0 seconds"),
    ],
)
def test_impossible_arguments_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiprocessingSampler(StepSampler(Numbers(4), 2), **options)


def test_only_samplers_are_sampled_from() -> None:
    wrong: Any = Numbers(4)
    with pytest.raises(TypeError, match="sampler: expected a BatchSampler, got Numbers"):
        MultiprocessingSampler(wrong)


def test_positional_arguments_are_those_documented() -> None:
    context = multiprocessing.get_context("spawn")
    sampler = MultiprocessingSampler(StepSampler(Numbers(8), 4), 2, 3, context, 0.005, False)
    assert (sampler.n_workers, sampler.n_buffers) == (2, 3)
    assert multiprocessing.active_children() == []  # workers are started when they are needed
