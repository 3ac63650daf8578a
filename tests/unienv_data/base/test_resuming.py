"""Samplers resume anywhere: the state holds a few integers, and what follows is exactly the rest."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_data.base.models import NUMERIC, ListBatch, PlainSampler, counting, rows_in, samples
from tests.unienv_interface.corpus import same
from unienv_data.base import BatchSampler
from unienv_data.errors import ClosedError, DocumentError

ITERATIONS: list[Callable[[Any], Iterator[Any]]] = [
    BatchSampler.epoch_iter,
    BatchSampler.epoch_iter_with_metadata,
    BatchSampler.epoch_flat_iter,
    BatchSampler.epoch_flat_iter_with_metadata,
    iter,
]
DRAWS: list[Callable[[Any], Any]] = [
    BatchSampler.sample,
    BatchSampler.sample_with_metadata,
    BatchSampler.sample_flat,
    BatchSampler.sample_flat_with_metadata,
]


def draws(sampler: Any) -> Iterator[Any]:
    while True:
        yield sampler.sample()


@pytest.mark.parametrize("iterate", ITERATIONS)
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", ["global", "none"])
def test_resuming_at_every_step_gives_exactly_the_rest(iterate: Any, drop_last: bool, shuffle: str) -> None:
    data = ListBatch(NUMERIC, samples(NUMERIC, 22), metadata=True)

    def fresh(seed: int | None) -> PlainSampler:
        return PlainSampler(data, 4, seed=seed, drop_last=drop_last, shuffle=shuffle)

    sampler = fresh(7)
    expected = [list(iterate(sampler)) for _ in range(3)]
    for epochs, taken in itertools.product(range(2), range(len(sampler) + 1)):
        sampler = fresh(7)
        for _ in range(epochs):
            list(iterate(sampler))
        begun = iterate(sampler)
        for _ in range(taken):
            next(begun)
        state = json.loads(json.dumps(sampler.state_dict()))
        resumed = fresh(None)
        resumed.load_state_dict(state)
        assert resumed.state_dict() == state
        assert same(list(iterate(resumed)), expected[epochs][taken:])
        assert same(list(iterate(resumed)), expected[epochs + 1])
        assert same(list(begun), expected[epochs][taken:])


def test_state_between_epochs_leads_to_the_next() -> None:
    sampler = PlainSampler(counting(10), 4, seed=7)
    expected = [rows_in(sampler) for _ in range(3)]
    sampler.manual_seed(7)
    assert rows_in(sampler) == expected[0]
    resumed = PlainSampler(counting(10), 4)
    resumed.load_state_dict(sampler.state_dict())
    assert resumed.epoch == 1
    assert [rows_in(resumed), rows_in(resumed)] == expected[1:]


@given(length=st.integers(1, 40), first=st.integers(1, 9), second=st.integers(1, 9), taken=st.integers(0, 5))
def test_resuming_with_another_batch_size_gives_the_same_rest(
    length: int, first: int, second: int, taken: int
) -> None:
    data = counting(length)
    expected = rows_in(PlainSampler(data, first, seed=7))
    sampler = PlainSampler(data, first, seed=7)
    rows = rows_in(itertools.islice(sampler, min(taken, len(sampler))))
    resumed = PlainSampler(data, second)
    resumed.load_state_dict(sampler.state_dict())
    assert rows + rows_in(resumed) == expected


@pytest.mark.parametrize("drawn", range(4))
def test_resuming_draws(drawn: int) -> None:
    data = counting(30)
    expected = [batch.tolist() for batch in itertools.islice(draws(PlainSampler(data, 4, seed=7)), 8)]
    sampler = PlainSampler(data, 4, seed=7)
    for draw in DRAWS[:drawn]:
        draw(sampler)
    resumed = PlainSampler(data, 4)
    resumed.load_state_dict(sampler.state_dict())
    assert [batch.tolist() for batch in itertools.islice(draws(resumed), 8 - drawn)] == expected[drawn:]


def test_leaving_an_epoch_begins_the_next() -> None:
    sampler = PlainSampler(counting(20), 4, seed=7)
    expected = [rows_in(sampler) for _ in range(3)]
    sampler.manual_seed(7)
    for _ in sampler:
        break
    assert rows_in(sampler) == expected[1]
    assert rows_in(sampler) == expected[2]


def test_state_follows_the_epoch_begun_last() -> None:
    sampler = PlainSampler(counting(20), 4, seed=7)
    expected = [rows_in(sampler) for _ in range(3)]
    sampler.manual_seed(7)
    first, second = iter(sampler), iter(sampler)
    pairs = list(zip(first, second, strict=True))
    assert rows_in(one for one, _ in pairs) == expected[0]
    assert rows_in(other for _, other in pairs) == expected[1]
    assert sampler.epoch == 2
    assert rows_in(sampler) == expected[2]


def test_loading_ends_the_influence_of_running_iterators() -> None:
    sampler = PlainSampler(counting(20), 4, seed=7)
    running = iter(sampler)
    next(running)
    state = sampler.state_dict()
    next(running)
    sampler.load_state_dict(state)
    list(running)
    assert sampler.state_dict() == state


def test_failed_read_leaves_its_batch_to_come() -> None:
    data = counting(20)
    expected = rows_in(PlainSampler(data, 4, seed=7))
    sampler = PlainSampler(data, 4, seed=7)
    iterator = iter(sampler)
    rows = next(iterator).tolist()
    data.close()
    with pytest.raises(ClosedError):
        next(iterator)
    resumed = PlainSampler(counting(20), 4)
    resumed.load_state_dict(sampler.state_dict())
    assert rows + rows_in(resumed) == expected


def test_resuming_after_growth_continues_over_the_same_rows() -> None:
    data = counting(10)
    expected = rows_in(PlainSampler(data, 4, seed=7))
    sampler = PlainSampler(data, 4, seed=7)
    rows = next(iter(sampler)).tolist()
    state = sampler.state_dict()
    data.extend(np.arange(10, 15))
    resumed = PlainSampler(data, 4)
    resumed.load_state_dict(state)
    assert rows + rows_in(resumed) == expected
    assert len(rows_in(resumed)) == 15
    with pytest.raises(ValueError, match="began with 10 rows, and ListBatch has 9"):
        PlainSampler(counting(9), 4).load_state_dict(state)


def test_wrong_states_are_refused_with_every_problem() -> None:
    sampler = PlainSampler(counting(10), 4, seed=7)
    before = sampler.state_dict()
    wrong: dict[str, Any] = {"seed": "7", "epoch": -1, "position": 1.5, "draw": True, "more": 0}
    with pytest.raises(DocumentError) as caught:
        sampler.load_state_dict(wrong)
    assert len(caught.value.problems) == 6
    assert isinstance(caught.value, ValueError)
    assert sampler.state_dict() == before
    assert set(map(type, before.values())) == {int}
