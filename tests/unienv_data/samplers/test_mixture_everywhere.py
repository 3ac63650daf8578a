"""The same mixture whoever reads it: alone, in parts, by workers and ranks."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.samplers.light import Numbers
from unienv_data.samplers import MixtureSampler, MultiprocessingSampler

SIZES, WEIGHTS, BATCH = (40, 7, 300), (3, 1, 2), 8


def mixture(**options: Any) -> MixtureSampler[Any, Any, Any, Any, Any]:
    arguments: dict[str, Any] = {"seed": 5, "epoch_length": 101, **options}
    return MixtureSampler([Numbers(size) for size in SIZES], WEIGHTS, BATCH, **arguments)


def told(pair: Any) -> list[tuple[int, int]]:
    """Source and row of each row of a batch that is no repetition."""
    value, metadata = pair
    rows = list(zip(metadata["batch_index"].tolist(), value.tolist(), strict=True))
    mask = metadata.get("row_valid_mask", np.ones(len(rows), dtype=bool))
    return [row for row, is_real in zip(rows, mask, strict=True) if is_real]


def epoch(sampler: Any) -> list[list[tuple[int, int]]]:
    return [told(pair) for pair in sampler.epoch_iter_with_metadata()]


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_workers_give_the_same(workers: int) -> None:
    alone = mixture()
    with MultiprocessingSampler(mixture(), workers) as ahead:
        assert len(ahead) == len(alone) == 13
        for _ in range(3):
            assert epoch(ahead) == epoch(alone)
            assert told(ahead.sample_with_metadata()) == told(alone.sample_with_metadata())
            assert ahead.state_dict() == alone.state_dict()
        batches, others = ahead.epoch_iter_with_metadata(), alone.epoch_iter_with_metadata()
        for _ in range(4):
            assert told(next(batches)) == told(next(others))
        resumed = mixture(seed=0)
        resumed.load_state_dict(json.loads(json.dumps(ahead.state_dict())))
        assert epoch(resumed) == [told(pair) for pair in others]


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_every_position_says_its_row(batch_size: int) -> None:
    """Whatever batches it is read in, and from wherever one goes on."""
    rows = list(chain(*epoch(mixture())))
    sampler = mixture()
    batches = sampler.epoch_iter_with_metadata()
    for taken in range(1, 13, 3):
        for _ in range(3 if taken > 1 else 1):
            next(batches)
        resumed = MixtureSampler([Numbers(size) for size in SIZES], WEIGHTS, batch_size)
        resumed.load_state_dict(sampler.state_dict())
        assert list(chain(*epoch(resumed))) == rows[taken * BATCH :]


@pytest.mark.parametrize("ranks", [2, 3, 5])
def test_ranks_deal_the_batches_of_one(ranks: int) -> None:
    alone = mixture()
    expected, draws = epoch(alone), [told(alone.sample_with_metadata()) for _ in range(ranks)]
    samplers = [mixture(rank=rank, world_size=ranks) for rank in range(ranks)]
    found = [epoch(sampler) for sampler in samplers]
    assert [batch for batch in chain(*zip(*found, strict=True)) if batch] == expected
    assert [told(sampler.sample_with_metadata()) for sampler in samplers] == draws


def test_another_number_of_ranks_goes_on() -> None:
    expected = epoch(mixture())
    before = [mixture(rank=rank, world_size=2) for rank in range(2)]
    iterators = [sampler.epoch_iter() for sampler in before]
    for batches in iterators * 2:
        next(batches)
    states = [sampler.state_dict() for sampler in before]
    assert states[0] == states[1]
    after = [mixture(seed=0, rank=rank, world_size=3, uneven="drop") for rank in range(3)]
    for sampler in after:
        sampler.load_state_dict(states[0])
    assert list(chain(*zip(*map(epoch, after), strict=True))) == expected[4:10]
    following = epoch(mixture())  # the epoch after is the same for all
    for sampler in after:
        sampler.manual_seed(5)
    assert list(chain(*zip(*map(epoch, after), strict=True))) == following[:12]
