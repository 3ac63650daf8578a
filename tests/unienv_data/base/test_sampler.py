"""Samplers: a read-only batch, drawn with replacement or epoch by epoch, resumable anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.base.models import (
    METADATA,
    NUMBER,
    NUMERIC,
    ListBatch,
    PlainSampler,
    ReadOnlyBatch,
    counting,
    rows_in,
    samples,
)
from tests.unienv_interface.corpus import same
from unienv_data.base import BatchSampler
from unienv_data.errors import (
    ClosedError,
    EmptyDataError,
    IndexOutOfRangeError,
    ReadOnlyError,
)
from unienv_interface.space.space_utils import batch_utils

DRAWS: list[Callable[[Any], Any]] = [
    BatchSampler.sample,
    BatchSampler.sample_with_metadata,
    BatchSampler.sample_flat,
    BatchSampler.sample_flat_with_metadata,
]


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 16, 100])
@pytest.mark.parametrize("batch_size", [1, 8, 200])
@pytest.mark.parametrize("shuffle", ["global", "none"])
@pytest.mark.parametrize("drop_last", [False, True])
def test_epoch_gives_every_row_once_in_as_many_batches_as_len_says(
    length: int, batch_size: int, shuffle: str, drop_last: bool
) -> None:
    sampler = PlainSampler(counting(length), batch_size, seed=1, shuffle=shuffle, drop_last=drop_last)
    for _ in range(2):
        batches = list(sampler)
        assert len(batches) == len(sampler)
        rows = rows_in(batches)
        assert len(rows) == (length - length % batch_size if drop_last else length)
        assert len(set(rows)) == len(rows)
        assert all(len(batch) == batch_size for batch in batches[: -1 if not drop_last else None])
        if shuffle == "none":
            assert rows == list(range(len(rows)))


def test_every_epoch_has_an_order_of_its_own() -> None:
    sampler = PlainSampler(counting(50), 8, seed=1)
    epochs = [rows_in(sampler) for _ in range(5)]
    assert len({tuple(epoch) for epoch in epochs}) == 5
    assert sampler.epoch == 5
    again = PlainSampler(counting(50), 8, seed=1)
    assert [rows_in(again) for _ in range(5)] == epochs
    other = PlainSampler(counting(50), 8, seed=2)
    assert rows_in(other) != epochs[0]


def test_order_does_not_depend_on_the_batch_size() -> None:
    orders = {tuple(rows_in(PlainSampler(counting(50), size, seed=1))) for size in (1, 7, 50, 64)}
    assert len(orders) == 1


def test_all_iterations_and_draws_give_the_same_rows() -> None:
    data = ListBatch(NUMERIC, samples(NUMERIC, 20), metadata=True)
    structured = list(PlainSampler(data, 6, seed=3).epoch_iter_with_metadata())
    assert [metadata is not None and METADATA.keys() == metadata.keys() for _, metadata in structured] == [
        True
    ] * 4
    assert same([value for value, _ in structured], list(PlainSampler(data, 6, seed=3).epoch_iter()))
    flat = list(PlainSampler(data, 6, seed=3).epoch_flat_iter_with_metadata())
    assert same([metadata for _, metadata in flat], [metadata for _, metadata in structured])
    assert same([value for value, _ in flat], list(PlainSampler(data, 6, seed=3).epoch_flat_iter()))
    for (value, _), (_, metadata) in zip(flat, structured, strict=True):
        assert metadata is not None
        assert same(value, data.get_flattened_at(metadata["row"]))

    value, metadata = PlainSampler(data, 6, seed=3).sample_with_metadata()
    assert metadata is not None
    assert metadata["row"].tolist() == PlainSampler(data, 6, seed=3).sample_index().tolist()
    assert same(value, PlainSampler(data, 6, seed=3).sample())
    assert same(data.get_flattened_at(metadata["row"]), PlainSampler(data, 6, seed=3).sample_flat())
    assert same(
        PlainSampler(data, 6, seed=3).sample_flat_with_metadata(),
        (PlainSampler(data, 6, seed=3).sample_flat(), metadata),
    )


def test_sampled_spaces_are_those_of_the_batches() -> None:
    data = ListBatch(NUMERIC, samples(NUMERIC, 20), metadata=True)
    sampler = PlainSampler(data, 6)
    value, metadata = sampler.sample_with_metadata()
    assert sampler.sampled_space == batch_utils.batch_space(NUMERIC, 6)
    assert sampler.sampled_space.contains(value)
    assert sampler.sampled_metadata_space is not None
    assert sampler.sampled_metadata_space.contains(metadata)
    assert PlainSampler(counting(3), 2).sampled_metadata_space is None


def test_draws_are_with_replacement_and_reproducible() -> None:
    data = counting(10)
    one, other = PlainSampler(data, 4, seed=5), PlainSampler(data, 4, seed=5)
    drawn = [one.sample().tolist() for _ in range(200)]
    assert [other.sample().tolist() for _ in range(200)] == drawn
    assert any(len(set(batch)) < 4 for batch in drawn)
    counts = np.bincount(np.array(drawn).ravel(), minlength=10)
    assert counts.min() > 40
    assert len({tuple(batch) for batch in drawn}) > 150


def test_drawing_and_iterating_do_not_disturb_one_another() -> None:
    data = counting(30)
    expected_epoch = rows_in(PlainSampler(data, 4, seed=5))
    other = PlainSampler(data, 4, seed=5)
    expected_draws = [other.sample().tolist() for _ in range(8)]
    sampler = PlainSampler(data, 4, seed=5)
    rows, drawn = [], []
    for batch in sampler:
        rows += batch.tolist()
        drawn.append(sampler.sample().tolist())
    assert rows == expected_epoch
    assert drawn == expected_draws


def test_growing_source_is_seen_by_the_next_epoch_and_by_draws_at_once() -> None:
    data = counting(10)
    sampler = PlainSampler(data, 4, seed=7)
    rows = []
    for batch in sampler:
        rows += batch.tolist()
        data.extend(np.arange(len(data), len(data) + 5))
    assert sorted(rows) == list(range(10))
    assert len(data) == 25
    assert len(sampler) == 7
    assert sorted(rows_in(sampler)) == list(range(25))
    assert max(max(sampler.sample().tolist()) for _ in range(50)) > 10


@pytest.mark.parametrize("draw", [*DRAWS, BatchSampler.sample_index])
def test_drawing_from_nothing_says_so(draw: Any) -> None:
    sampler = PlainSampler(counting(0), 4)
    before = sampler.state_dict()
    with pytest.raises(EmptyDataError, match="nothing to sample: ListBatch has no rows"):
        draw(sampler)
    assert sampler.state_dict() == before
    assert list(sampler) == []


def test_indexes_address_the_source() -> None:
    data = counting(10)
    sampler = PlainSampler(data, 4)
    assert len(sampler) == 3
    assert sampler[9] == 9
    assert sampler[-1] == 9
    assert sampler[...].tolist() == list(range(10))
    assert sampler[[8, 2]].tolist() == [8, 2]
    assert sampler.get_flattened_at([8]).tolist() == [[8]]
    assert sampler[[]].shape == (0,)
    with pytest.raises(IndexOutOfRangeError):
        sampler[10]


def test_sampler_can_be_copied_from_and_sampled_as_its_source() -> None:
    source = ListBatch(NUMBER, [np.array(row) for row in range(10)], segments=[(0, 4), (4, 10)])
    target = counting(0)
    target.extend_from(PlainSampler(source, 4))
    assert target[...].tolist() == list(range(10))
    assert [sum(chunks) for chunks in target.appended] == [4, 6]
    assert sorted(rows_in(PlainSampler(PlainSampler(source, 4), 3))) == list(range(10))


def test_sampler_is_read_only_and_does_not_close_its_source() -> None:
    data = counting(10)
    with PlainSampler(data, 4) as sampler:
        for change in (
            lambda: sampler.append(1),
            lambda: sampler.extend(data[:2]),
            lambda: sampler.set_at(0, 1),
            lambda: sampler.remove_at(0),
            lambda: sampler.extend_from(data),
        ):
            with pytest.raises(ReadOnlyError, match="PlainSampler is read-only"):
                change()
    assert data.closings == 0
    assert len(data[...]) == 10
    with pytest.raises(ClosedError):
        sampler.sample()


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_without_rows_is_refused(batch_size: int) -> None:
    with pytest.raises(ValueError, match="batch_size"):
        PlainSampler(ReadOnlyBatch(), batch_size)


def test_unknown_order_is_refused() -> None:
    with pytest.raises(ValueError, match="shuffle: expected one of block, global, none, got 'blocks'"):
        PlainSampler(ReadOnlyBatch(), 2, shuffle="blocks")


@pytest.mark.parametrize("seed", [0, -1, 2**64, -(2**80), np.int64(3)])
def test_any_integer_is_a_seed(seed: Any) -> None:
    sampler = PlainSampler(counting(20), 4, seed=seed)
    assert sampler.seed == seed
    expected = rows_in(sampler)
    json.dumps(sampler.state_dict())
    sampler.manual_seed(seed)
    assert rows_in(sampler) == expected
    wrong: Any
    for wrong in (1.0, "1", None):
        with pytest.raises(TypeError):
            sampler.manual_seed(wrong)


def test_without_a_seed_samplers_differ_and_keep_theirs() -> None:
    samplers = [PlainSampler(counting(20), 4) for _ in range(3)]
    assert len({sampler.seed for sampler in samplers}) == 3
    seed = samplers[0].seed
    list(samplers[0])
    assert samplers[0].seed == seed
