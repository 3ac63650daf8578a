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


@pytest.mark.parametrize(
    ("workers", "shuffle"),
    [(0, "global"), (1, "global"), (2, "global"), (5, "global"), (0, "block"), (2, "block"), (2, "none")],
)
def test_workers_give_the_same(workers: int, shuffle: str) -> None:
    alone = mixture(shuffle=shuffle)
    with MultiprocessingSampler(mixture(shuffle=shuffle), workers) as ahead:
        assert len(ahead) == len(alone) == 13
        for _ in range(3):
            assert epoch(ahead) == epoch(alone)
            assert told(ahead.sample_with_metadata()) == told(alone.sample_with_metadata())
            assert ahead.state_dict() == alone.state_dict()
        batches, others = ahead.epoch_iter_with_metadata(), alone.epoch_iter_with_metadata()
        for _ in range(4):
            assert told(next(batches)) == told(next(others))
        resumed = mixture(seed=0, shuffle=shuffle)
        resumed.load_state_dict(json.loads(json.dumps(ahead.state_dict())))
        assert epoch(resumed) == [told(pair) for pair in others]


@pytest.mark.parametrize("shuffle", ["global", "block", "none"])
@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_every_position_says_its_row(batch_size: int, shuffle: str) -> None:
    """Whatever batches it is read in, and from wherever one goes on."""
    rows = list(chain(*epoch(mixture(shuffle=shuffle))))
    sampler = mixture(shuffle=shuffle)
    batches = sampler.epoch_iter_with_metadata()
    for taken in range(1, 13, 3):
        for _ in range(3 if taken > 1 else 1):
            next(batches)
        resumed = MixtureSampler([Numbers(size) for size in SIZES], WEIGHTS, batch_size, shuffle=shuffle)
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


@pytest.mark.parametrize("uneven", ["pad", "drop"])
def test_block_by_block_every_rank_has_its_own_rows(uneven: str) -> None:
    """In every round of a source; as many batches each, of one size, and in the shares."""
    options: dict[str, Any] = {"shuffle": "block", "world_size": 2, "uneven": uneven, "epoch_length": 640}
    samplers = [mixture(rank=rank, **options) for rank in range(2)]
    found = [[epoch(sampler) for _ in range(2)] for sampler in samplers]
    assert [len(batches) for rank in found for batches in rank] == [40] * 4
    rounds = [[row for rows in chain(*rank) for row in rows if row[0] == 2] for rank in found]
    together = [row for rank in rounds for row in rank[:150]]
    assert sorted(together) == [(2, row) for row in range(300)]
    for rank in found:
        sources = np.array([source for rows in chain(*rank) for source, _ in rows])
        assert np.abs(np.bincount(sources) - 640 * np.array(WEIGHTS) / sum(WEIGHTS)).max() < 18


def test_an_epoch_goes_on_in_the_order_that_it_began_in() -> None:
    blocks, plain = mixture(shuffle="block"), mixture()
    for sampler in (blocks, plain):
        next(sampler.epoch_iter())
    assert blocks.state_dict()["ranks"] == 1
    with pytest.raises(ValueError, match='window: the epoch to continue is in the order "block"'):
        mixture(shuffle="global").load_state_dict(blocks.state_dict())
    with pytest.raises(ValueError, match='window: the epoch to continue is not in the order "block"'):
        blocks.load_state_dict(plain.state_dict())
    mixture(shuffle=None).load_state_dict(blocks.state_dict())
    other = dict(blocks.state_dict(), layout=5)
    with pytest.raises(ValueError, match=r"layout: the rows of batches\[0\], .* no longer lie in blocks"):
        mixture(shuffle="block").load_state_dict(other)
