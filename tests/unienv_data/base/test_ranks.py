"""Several processes that train together: their batches are those of one, dealt in turn."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_data.base.models import METADATA, NUMBER, ListBatch, PlainSampler, counting, rows_in
from unienv_interface.backends import NumpyComputeBackend

BATCH_SIZES = st.integers(1, 5)
WORLD_SIZES = st.integers(2, 5)


def ranks(data: Any, batch_size: int, world_size: int, **options: Any) -> list[PlainSampler]:
    return [
        PlainSampler(data, batch_size, seed=7, rank=rank, world_size=world_size, **options)
        for rank in range(world_size)
    ]


def masked(sampler: Any) -> list[tuple[list[int], list[bool]]]:
    """Rows and mask of every batch of an epoch."""
    return [
        (batch.tolist(), metadata["row_valid_mask"].tolist())
        for batch, metadata in sampler.epoch_iter_with_metadata()
    ]


def dealt(each: list[list[Any]]) -> list[Any]:
    """The batches of all ranks in their common order; all must have as many."""
    return [batch for batches in zip(*each, strict=True) for batch in batches]


@given(
    length=st.integers(0, 60),
    batch_size=BATCH_SIZES,
    world_size=WORLD_SIZES,
    drop_last=st.booleans(),
    shuffle=st.sampled_from(["global", "none"]),
)
def test_padded_ranks_cover_the_epoch_and_say_what_they_repeat(
    length: int, batch_size: int, world_size: int, drop_last: bool, shuffle: str
) -> None:
    data = counting(length)
    alone = PlainSampler(data, batch_size, seed=7, drop_last=drop_last, shuffle=shuffle)
    together = ranks(data, batch_size, world_size, drop_last=drop_last, shuffle=shuffle)
    expected = rows_in(alone)
    batches = dealt([masked(sampler) for sampler in together])
    assert [len(sampler) for sampler in together] == [len(batches) // world_size] * world_size
    assert all(len(rows) == len(mask) == batch_size for rows, mask in batches)
    every = [pair for rows, mask in batches for pair in zip(rows, mask, strict=True)]
    assert [row for row, real in every if real] == expected
    assert [real for _, real in every] == [True] * len(expected) + [False] * (len(every) - len(expected))
    repeated = [row for row, real in every if not real]
    assert len(repeated) <= world_size * batch_size - 1
    assert repeated == list(itertools.islice(itertools.cycle(expected), len(repeated)))


@given(length=st.integers(0, 60), batch_size=BATCH_SIZES, world_size=WORLD_SIZES)
def test_dropping_ranks_have_full_batches_without_repetition(
    length: int, batch_size: int, world_size: int
) -> None:
    data = counting(length)
    expected = rows_in(PlainSampler(data, batch_size, seed=7))
    together = ranks(data, batch_size, world_size, uneven="drop")
    batches = dealt([[batch.tolist() for batch in sampler] for sampler in together])
    rows = [row for batch in batches for row in batch]
    assert [len(sampler) for sampler in together] == [len(batches) // world_size] * world_size
    assert all(len(batch) == batch_size for batch in batches)
    assert rows == expected[: len(rows)]
    assert 0 <= length - len(rows) < world_size * batch_size


@given(
    length=st.integers(1, 60),
    first=st.tuples(BATCH_SIZES, st.integers(1, 4)),
    second=st.tuples(BATCH_SIZES, st.integers(1, 4)),
    taken=st.integers(0, 6),
)
def test_another_number_of_ranks_continues_the_same_order(
    length: int, first: tuple[int, int], second: tuple[int, int], taken: int
) -> None:
    data = counting(length)
    expected = rows_in(PlainSampler(data, 3, seed=7))
    before = ranks(data, *first)
    begun = [list(itertools.islice(sampler, min(taken, len(sampler)))) for sampler in before]
    states = [sampler.state_dict() for sampler in before]
    assert states == [states[0]] * len(states)
    given_out = min(min(taken, len(before[0])) * first[0] * first[1], length)
    assert rows_in(dealt(begun))[:given_out] == expected[:given_out]
    after = ranks(data, *second)
    for sampler in after:
        sampler.load_state_dict(states[0])
    rest = rows_in(dealt([list(sampler) for sampler in after]))
    assert rest[: length - given_out] == expected[given_out:]
    assert len(rest) - (length - given_out) < second[0] * second[1]
    # And the next epoch is whole again.
    assert rows_in(dealt([list(sampler) for sampler in after]))[:length] == rows_in(epoch(data, 1))


def epoch(data: Any, number: int) -> Any:
    sampler = PlainSampler(data, 3, seed=7)
    for _ in range(number):
        list(sampler)
    return sampler


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_ranks_draw_in_turn(world_size: int) -> None:
    data = counting(30)
    alone = PlainSampler(data, 4, seed=7)
    expected = [alone.sample().tolist() for _ in range(6)]
    together = ranks(data, 4, world_size)
    drawn = [[sampler.sample().tolist() for _ in range(6 // world_size)] for sampler in together]
    assert dealt(drawn) == expected
    resumed = PlainSampler(data, 4)
    resumed.load_state_dict(together[0].state_dict())
    assert resumed.sample().tolist() == alone.sample().tolist()


def test_mask_is_part_of_the_sampled_metadata() -> None:
    data = ListBatch(NUMBER, [np.array(row) for row in range(10)], metadata=True)
    sampler = ranks(data, 4, 2)[1]
    assert sampler.sampled_metadata_space is not None
    assert set(sampler.sampled_metadata_space.keys()) == {*METADATA.keys(), "row_valid_mask"}
    for _, metadata in [sampler.sample_with_metadata(), *sampler.epoch_iter_with_metadata()]:
        assert sampler.sampled_metadata_space.contains(metadata)
    assert sampler.single_metadata_space is METADATA
    assert (
        ranks(data, 4, 2, uneven="drop")[0].sampled_metadata_space
        == PlainSampler(data, 4).sampled_metadata_space
    )
    plain = ranks(counting(10), 4, 2)[0]
    assert plain.single_metadata_space is None
    assert plain.sampled_metadata_space is not None
    assert plain.sampled_metadata_space.contains(plain.sample_flat_with_metadata()[1])


@pytest.mark.parametrize("rank", [-1, 2, 3])
def test_rank_must_be_one_of_the_world(rank: int) -> None:
    with pytest.raises(ValueError, match="rank: expected 0 to world_size - 1 = 1"):
        PlainSampler(counting(4), 2, rank=rank, world_size=2)


def test_unknown_rule_for_the_rest_is_refused() -> None:
    with pytest.raises(ValueError, match="uneven: expected one of pad, drop, got 'repeat'"):
        PlainSampler(counting(4), 2, uneven="repeat")


class Noisy(PlainSampler):
    """Adds noise to its values, and draws by a rule of its own."""

    def sample_index(self) -> Any:
        self.data_rng, rows = NumpyComputeBackend.random.random_discrete_uniform(
            (self.batch_size,), 0, len(self.data), rng=self.data_rng
        )
        return rows

    def _read(self, rows: Any) -> Any:
        value, metadata = super()._read(rows)
        self.rng, noise = NumpyComputeBackend.random.random_uniform(value.shape, rng=self.rng)
        return value + noise, metadata


def test_what_a_sampler_adds_belongs_to_the_batch() -> None:
    data = counting(22)
    expected = [batch.tolist() for batch in Noisy(data, 4, seed=7)]
    assert len({value % 1 for batch in expected for value in batch}) == 22
    sampler = Noisy(data, 4, seed=7)
    state = None
    for number, batch in enumerate(sampler):
        assert batch.tolist() == expected[number]
        sampler.sample()
        state = sampler.state_dict() if number == 2 else state
    assert state is not None
    resumed = Noisy(data, 4)
    resumed.load_state_dict(state)
    assert [batch.tolist() for batch in resumed] == expected[3:]
    together = [Noisy(data, 4, seed=7, rank=rank, world_size=2) for rank in range(2)]
    assert [batch.tolist() for batch in dealt([list(sampler) for sampler in together])][:5] == expected[:5]


def test_draws_by_a_rule_of_ones_own_are_counted() -> None:
    sampler = Noisy(counting(22), 4, seed=7)
    drawn = [sampler.sample().tolist() for _ in range(3)]
    assert len({tuple(batch) for batch in drawn}) == 3
    resumed = Noisy(counting(22), 4, seed=7)
    resumed.sample()
    again = Noisy(counting(22), 4)
    again.load_state_dict(resumed.state_dict())
    assert [again.sample().tolist() for _ in range(2)] == drawn[1:]
