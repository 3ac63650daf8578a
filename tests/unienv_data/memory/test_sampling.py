"""What a batch holds, and how often."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_data.memory.model import NAMES, MemoryModel, add, create_tensors, numbers_in, torch
from unienv_data.errors import EmptyDataError, IndexOutOfRangeError, InvalidIndexError, SpaceValueError
from unienv_data.memory import RandomMemory
from unienv_data.memory.sampling import draw


def recorded(memory_size: int, num_envs: int, count: int, **options: Any) -> tuple[Any, MemoryModel]:
    memory = RandomMemory(memory_size, num_envs, "cpu", **options)
    create_tensors(memory)
    model = MemoryModel(memory_size, num_envs)
    while count:
        step = min(count, model.room)
        add(memory, model, step)
        count -= step
    return memory, model


def is_uniform(counts: Counter[Any], kinds: int) -> bool:
    """A chi-square test that chance fails once in many thousand seeds."""
    expected = counts.total() / kinds
    seen = sum((count - expected) ** 2 / expected for count in counts.values())
    statistic = seen + (kinds - len(counts)) * expected
    return statistic < kinds - 1 + 4.5 * math.sqrt(2 * (kinds - 1))


def test_the_test_of_uniformity_sees_what_is_not_uniform() -> None:
    assert is_uniform(Counter(range(100)) + Counter(range(100)), 100)
    uneven = Counter({number: 90 + 20 * (number % 2) for number in range(30)})
    assert not is_uniform(uneven + uneven + uneven, 30)
    assert not is_uniform(Counter({number: 100 for number in range(29)}), 30)


@pytest.mark.parametrize("count", [3, 13, 20, 23, 24])
@pytest.mark.parametrize("length", [1, 2, 4])
@pytest.mark.parametrize("replacement", [True, False])
def test_every_sequence_is_as_likely(count: int, length: int, replacement: bool) -> None:
    """Of 3 environments with 5 samples each: before it is full, full, and where the head is within a row."""
    memory, model = recorded(5, 3, count, seed=11, replacement=replacement)
    there = model.sequences(length)
    if not there:
        with pytest.raises(EmptyDataError, match=r"the most recorded is 1$"):
            memory.sample(NAMES, 5, sequence_length=length)
        return
    counts: Counter[tuple[int, ...]] = Counter()
    size = max(1, len(there) // 3)
    for _ in range(600):
        numbers = numbers_in(*memory.sample(NAMES, size, sequence_length=length))
        counts.update(tuple(numbers[i : i + length]) for i in range(0, len(numbers), length))
    assert set(counts) == there
    assert is_uniform(counts, len(there))


@pytest.mark.parametrize(("total", "count"), [(40, 3), (40, 10), (40, 11), (40, 40), (7, 1)])
def test_draws_without_replacement_are_subsets_in_random_order(total: int, count: int) -> None:
    generator = torch.Generator().manual_seed(5)
    places: list[Counter[int]] = [Counter() for _ in range(count)]
    for _ in range(100 * total):
        drawn = draw(total, count, replacement=False, generator=generator).tolist()
        assert len(set(drawn)) == count
        assert all(0 <= number < total for number in drawn)
        for place, number in enumerate(drawn):
            places[place][number] += 1
    assert is_uniform(places[0], total)
    assert is_uniform(places[-1], total)


@given(total=st.integers(1, 200), count=st.integers(1, 300), seed=st.integers(0, 99))
def test_draws_are_capped_only_without_replacement(total: int, count: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    assert len(draw(total, count, replacement=True, generator=generator)) == count
    drawn = draw(total, count, replacement=False, generator=generator)
    assert len(drawn) == len(set(drawn.tolist())) == min(total, count)


def test_a_seed_says_which_samples() -> None:
    first, _ = recorded(50, 2, 100, seed=4)
    again, _ = recorded(50, 2, 100, seed=4)
    other, _ = recorded(50, 2, 100, seed=5)
    given_generator, _ = recorded(50, 2, 100, generator=torch.Generator().manual_seed(4))
    batches = [numbers_in(*memory.sample(NAMES, 20)) for memory in (first, again, other, given_generator)]
    assert batches[0] == batches[1] == batches[3] != batches[2]
    with pytest.raises(SpaceValueError, match="generator"):
        RandomMemory(2, seed=1, generator=torch.Generator())


def test_chance_is_by_default_that_of_torch() -> None:
    memory, _ = recorded(50, 2, 100)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        first = numbers_in(*memory.sample(NAMES, 20))
        torch.manual_seed(3)
        assert numbers_in(*memory.sample(NAMES, 20)) == first
        assert numbers_in(*memory.sample(NAMES, 20)) != first


def test_batches_are_copies() -> None:
    memory, _ = recorded(4, 2, 8)
    before = memory.get_tensor_by_name("grid").clone()
    for batches in (
        memory.sample(NAMES, 3),
        memory.sample_all(NAMES),
        memory.sample_all(NAMES, 2, 2),
        memory.sample_by_index(NAMES, [0, 1]),
    ):
        for batch in batches:
            batch[1].zero_()
    assert torch.equal(memory.get_tensor_by_name("grid"), before)


def test_sequences_go_round_the_end_and_not_past_the_head() -> None:
    memory, model = recorded(4, 2, 11)  # environment 0 recorded 2 to 5 of its own, environment 1 one less
    [[floats, grid, even]] = memory.sample_all(NAMES, sequence_length=4)
    assert numbers_in([floats, grid, even]) == [4, 6, 8, 10, 3, 5, 7, 9]
    assert model.indexes == (1, 1, True)
    assert memory.get_sampling_indexes().tolist() == [4, 6, 0, 2, 3, 5, 7, 1]
    assert numbers_in(*memory.sample_all(NAMES, sequence_length=3)) == [4, 6, 8, 3, 5, 7]


@pytest.mark.parametrize("indexes", [[5, 0, -1], (5, 0, -1), torch.tensor([5, 0, -1], dtype=torch.int32)])
def test_cells_by_index(indexes: Any) -> None:
    memory, _ = recorded(3, 2, 6)
    assert numbers_in(*memory.sample_by_index(NAMES, indexes)) == [5, 0, 5]
    assert memory.get_sampling_indexes().tolist() == [5, 0, 5]
    [first, second] = memory.sample_by_index(NAMES, indexes, mini_batches=2)
    assert numbers_in(first) + numbers_in(second) == [5, 0, 5]


def test_no_indexes_give_no_samples() -> None:
    memory, _ = recorded(3, 2, 6)
    [[floats, grid, _]] = memory.sample_by_index(NAMES, [])
    assert floats.shape == (0, 2)
    assert grid.shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("indexes", "error"),
    [
        ([6], IndexOutOfRangeError),
        ([0, -7], IndexOutOfRangeError),
        ([0.5], InvalidIndexError),
        ([True, False], InvalidIndexError),
        ([[0, 1]], InvalidIndexError),
        (3, InvalidIndexError),
        ("ab", InvalidIndexError),
    ],
)
def test_other_indexes_are_refused(indexes: Any, error: type[Exception]) -> None:
    memory, _ = recorded(3, 2, 6)
    with pytest.raises(error, match="indexes: expected"):
        memory.sample_by_index(NAMES, indexes)


def test_wrong_numbers_are_named() -> None:
    memory, _ = recorded(3, 2, 6)
    with pytest.raises(SpaceValueError, match="batch_size: expected an integer of at least 1, got 0"):
        memory.sample(NAMES, 0)
    with pytest.raises(SpaceValueError, match=r"sequence_length: .*got 1\.5"):
        memory.sample(NAMES, 2, sequence_length=1.5)
    with pytest.raises(
        SpaceValueError, match="mini_batches: expected at most 4, as many as are sampled, got 5"
    ):
        memory.sample(NAMES, 4, mini_batches=5)
    with pytest.raises(SpaceValueError, match="names: expected a tuple or list of names, got 'floats'"):
        memory.sample("floats", 2)
    with pytest.raises(KeyError, match="there is no tensor 'other'; created so far: even, floats, grid"):
        memory.sample(["floats", "other"], 2)
    assert memory.get_sampling_indexes() is None
