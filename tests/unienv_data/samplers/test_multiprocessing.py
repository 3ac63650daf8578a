"""Batches that workers read: the same as without them, the consumer's own, in the same order."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_torch
from tests.unienv_data.base.models import BACKEND, NESTED, NUMERIC, ListBatch, samples
from tests.unienv_data.samplers.light import NUMBER, Numbers, in_worker, nap
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.base import BatchSampler
from unienv_data.samplers import MultiprocessingSampler, StepSampler
from unienv_data.testing import same
from unienv_interface.space import BoxSpace, DictSpace, TextSpace, UnionSpace
from unienv_interface.space.space_utils import batch_utils

ROWS, BATCH = 22, 4
SPACE = DictSpace(
    BACKEND,
    {
        **NESTED.spaces,
        "action": UnionSpace(BACKEND, [NUMBER, TextSpace(BACKEND, 6)]),
        "nothing": BoxSpace(BACKEND, 0, 1, BACKEND.uint8, shape=(0, 3)),
    },
)
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


@pytest.fixture(scope="module")
def buffer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A buffer on the disk, open for reading, of every kind of column."""
    path = tmp_path_factory.mktemp("samplers") / "data.zarr"
    with ReplayBuffer.create(ZarrStorage, SPACE, cache_path=path) as writer:
        writer.extend(batch_utils.concatenate(SPACE, samples(SPACE, ROWS)))
    with ReplayBuffer.load_from(path) as reader:
        yield reader


@contextlib.contextmanager
def ahead(data: Any, n_workers: int = 2, batch_size: int = BATCH, **options: Any) -> Iterator[Any]:
    """A sampler with workers, and `StepSampler`'s options."""
    own = {name: options.pop(name) for name in ("n_buffers", "ctx", "daemon") if name in options}
    step = StepSampler(data, batch_size, **{"seed": 7, **options})
    with MultiprocessingSampler(step, n_workers, **own) as sampler:
        yield sampler


def rows_in(batches: Any) -> list[int]:
    return [row for batch in batches for row in batch.tolist()]


# The same batches


@pytest.mark.parametrize(
    ("n_workers", "method"),
    [(0, "spawn"), (1, "forkserver"), (2, "forkserver"), (5, "forkserver"), (2, "spawn")],
)
def test_batches_do_not_depend_on_who_reads_them(buffer: Any, n_workers: int, method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    alone = StepSampler(buffer, BATCH, seed=7)
    with ahead(buffer, n_workers, ctx=context) as sampler:
        for _ in range(3):
            assert same(list(sampler), list(alone))
        for _ in range(5):
            assert same(sampler.sample(), alone.sample())
        assert sampler.state_dict() == alone.state_dict()


@pytest.mark.parametrize("iterate", ITERATIONS)
def test_every_form_of_an_epoch(iterate: Any) -> None:
    data = ListBatch(NUMERIC, samples(NUMERIC, ROWS), metadata=True)
    alone = StepSampler(data, BATCH, seed=7)
    with ahead(data) as sampler:
        for _ in range(2):
            assert same(list(iterate(sampler)), list(iterate(alone)))


def test_every_form_of_a_draw() -> None:
    data = ListBatch(NUMERIC, samples(NUMERIC, ROWS), metadata=True)
    alone = StepSampler(data, BATCH, seed=7)
    with ahead(data) as sampler:
        for draw in [*DRAWS, *DRAWS, DRAWS[0], DRAWS[0], DRAWS[3], DRAWS[3]]:
            assert same(draw(sampler), draw(alone))
            assert sampler.state_dict() == alone.state_dict()
        assert same(sampler.sample_index(), alone.sample_index())
        assert same(sampler.sample(), alone.sample())


def test_it_is_what_it_samples_from(buffer: Any) -> None:
    step = StepSampler(buffer, BATCH, seed=7, drop_last=True, rank=1, world_size=2)
    with MultiprocessingSampler(step, 2) as sampler:
        for name in ("batch_size", "drop_last", "rank", "world_size", "shuffle", "uneven", "data", "seed"):
            assert getattr(sampler, name) == getattr(step, name)
        assert sampler.sampled_space == step.sampled_space
        assert sampler.sampled_metadata_space == step.sampled_metadata_space
        assert sampler.get_segments() == step.get_segments()
        assert len(sampler) == len(step)
        assert same(sampler[3], step[3])
        assert same(sampler.get_at_with_metadata([5, 1]), step.get_at_with_metadata([5, 1]))


def test_it_begins_where_its_sampler_stands_and_leaves_it_there() -> None:
    data = Numbers(ROWS)
    expected = list(StepSampler(data, BATCH, seed=7).epoch_iter())
    step = StepSampler(data, BATCH, seed=7)
    begun = iter(step)
    next(begun)
    other = StepSampler(data, BATCH)
    other.load_state_dict(step.state_dict())
    stood = other.state_dict()
    with MultiprocessingSampler(other, 2) as sampler:
        assert same(list(sampler), expected[1:])
        sampler.sample()
        sampler.sample_index()
    assert other.state_dict() == stood


@pytest.mark.parametrize("iterate", [ITERATIONS[0], ITERATIONS[3]])
def test_resuming_at_every_step_gives_exactly_the_rest(iterate: Any) -> None:
    data = ListBatch(NUMERIC, samples(NUMERIC, ROWS), metadata=True)
    expected = list(iterate(StepSampler(data, BATCH, seed=7)))
    with ahead(data) as sampler, ahead(data, seed=None) as resumed:
        for taken in range(len(expected) + 1):
            sampler.manual_seed(7)
            begun = iterate(sampler)
            for _ in range(taken):
                next(begun)
            state = json.loads(json.dumps(sampler.state_dict()))  # and not of what has been read ahead
            assert state["position"] == min(taken * BATCH, ROWS)
            resumed.load_state_dict(state)
            assert same(list(iterate(resumed)), expected[taken:])
            alone = StepSampler(data, BATCH)
            alone.load_state_dict(state)
            assert same(list(iterate(alone)), expected[taken:])


@pytest.mark.parametrize("uneven", ["pad", "drop"])
def test_ranks_agree_with_ranks_without_workers(uneven: str) -> None:
    data = Numbers(ROWS)
    options = {"world_size": 3, "uneven": uneven}
    for rank in range(3):
        alone = StepSampler(data, BATCH, seed=7, rank=rank, **options)
        with ahead(data, rank=rank, **options) as sampler:
            for (value, metadata), (expected, told) in zip(
                sampler.epoch_iter_with_metadata(), alone.epoch_iter_with_metadata(), strict=True
            ):
                assert same(value, expected)
                assert told is not None
                assert ("row_valid_mask" in metadata) == (uneven == "pad")
                assert {name: metadata[name].tolist() for name in metadata if name != "pid"} == {
                    name: told[name].tolist() for name in told if name != "pid"
                }
            assert same(sampler.sample(), alone.sample())


class Noisy(StepSampler[Any, Any, Any, Any, Any]):
    """Draws by a rule of its own, and adds noise to what it reads."""

    def sample_index(self) -> Any:
        self.data_rng, rows = BACKEND.random.random_discrete_uniform(
            (self.batch_size,), 0, len(self.data), rng=self.data_rng
        )
        return rows

    def _read(self, rows: Any) -> Any:
        value, metadata = super()._read(rows)
        self.rng, noise = BACKEND.random.random_uniform(value.shape, rng=self.rng)
        return value + noise, metadata


def test_what_a_sampler_adds_does_not_depend_on_who_reads() -> None:
    alone = Noisy(Numbers(ROWS), BATCH, seed=7)
    with MultiprocessingSampler(Noisy(Numbers(ROWS), BATCH, seed=7), 2) as sampler:
        assert same(list(sampler), list(alone))
        assert same([sampler.sample() for _ in range(9)], [alone.sample() for _ in range(9)])


def test_slow_worker_does_not_change_the_order() -> None:
    with ahead(Numbers(60, in_worker(0, nap)), 3) as sampler:
        batches = list(sampler.epoch_iter_with_metadata())
    assert rows_in(value for value, _ in batches) == rows_in(StepSampler(Numbers(60), BATCH, seed=7))
    readers = [metadata["pid"][0] for _, metadata in batches]
    assert len(set(readers)) == 3
    assert os.getpid() not in readers
    # The others have not waited for it.
    assert min(map(readers.count, set(readers))) < len(readers) // 3


def test_functions_without_a_module_travel() -> None:
    offset = 3
    data = Numbers(ROWS, meanwhile=lambda rows: None if offset == 3 else rows.clear())
    with ahead(data) as sampler:
        assert sorted(rows_in(sampler)) == list(range(ROWS))


def test_forking_is_possible_where_asked_for(buffer: Any) -> None:
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("nothing is forked here")
    with ahead(buffer, ctx=multiprocessing.get_context("fork")) as sampler:
        assert same(list(sampler), list(StepSampler(buffer, BATCH, seed=7)))


# Batches and their memory


@pytest.mark.parametrize("n_buffers", [1, 2, 3, 8])
def test_batches_are_the_consumers_to_keep_and_to_change(n_buffers: int) -> None:
    expected = list(StepSampler(Numbers(60), BATCH, seed=7))
    with ahead(Numbers(60), n_buffers=n_buffers) as sampler:
        kept = []
        for batch, right in zip(sampler, expected, strict=True):
            assert same(batch, right)
            kept.append(batch)
        assert same(kept, expected)
        for batch in kept:
            batch *= -1
        assert same(list(sampler), list(epoch_of(Numbers(60), 1)))
        assert same(kept, [-batch for batch in expected])
        part = next(iter(sampler))[1:2]
    assert same(kept, [-batch for batch in expected])
    assert part.tolist() == epoch_of(Numbers(60), 2)[0].tolist()[1:2]


def epoch_of(data: Any, number: int) -> list[Any]:
    sampler = StepSampler(data, BATCH, seed=7)
    for _ in range(number):
        list(sampler)
    return list(sampler)


def test_batches_are_not_copied_while_few_are_kept() -> None:
    with ahead(Numbers(400)) as sampler:
        batches = iter(sampler)
        kept = [next(batches) for _ in range(6)]
        slots = sampler._prefetcher._crew._slots
        assert slots.lent == 4
        del kept[:3]
        assert slots.lent == 1
        kept.clear()
        assert slots.lent == 0


@pytest.mark.parametrize("n_buffers", [1, 2, 8])
@pytest.mark.parametrize("n_workers", [1, 3])
def test_iterations_and_draws_may_be_mixed(n_buffers: int, n_workers: int) -> None:
    data = Numbers(60)
    epochs = [rows_in(epoch_of(data, number)) for number in range(3)]
    alone = StepSampler(data, BATCH, seed=7)
    expected = [alone.sample().tolist() for _ in range(40)]
    drawn, first, second = [], [], []
    with ahead(data, n_workers, n_buffers=n_buffers) as sampler:
        one, other = iter(sampler), iter(sampler)
        for turn, batch in enumerate(one):
            first += batch.tolist()
            second += next(other).tolist()
            if turn % 3 == 0:
                drawn.append(sampler.sample().tolist())
        next(iter(sampler))
        drawn += [sampler.sample().tolist() for _ in range(30)]  # while an iterator lies idle
    assert first == epochs[0]
    assert second == epochs[1]
    assert drawn == expected[: len(drawn)]


def test_batches_of_unexpected_size_arrive_and_get_room() -> None:
    long = DictSpace(BACKEND, {"text": TextSpace(BACKEND, 10**6), "number": NUMBER})
    rows = [{"text": "é" * (2000 * row), "number": np.array(row)} for row in range(ROWS)]
    data = ListBatch(long, rows)
    expected = list(StepSampler(data, BATCH, seed=7))
    with ahead(data, n_buffers=2) as sampler:
        assert same(list(sampler), expected)
        crew = sampler._prefetcher._crew
        assert crew._largest > 50_000
        assert same(list(sampler), epoch_of(data, 1))
        assert max(place.capacity for place in crew._slots._free) >= crew._largest


@requires_torch
def test_torch_batches_are_tensors_in_the_shared_memory(buffer: Any) -> None:
    import torch

    from unienv_interface.backends.pytorch import PyTorchComputeBackend

    torch_buffer = ReplayBuffer.load_from(buffer.cache_path, backend=PyTorchComputeBackend)
    with torch_buffer as data, ahead(data, 1) as sampler:
        batches = list(sampler)
        assert same(batches, list(StepSampler(data, BATCH, seed=7)))
        assert isinstance(batches[0]["image"], torch.Tensor)
        assert sampler.sampled_space.contains(batches[0])
        slots = sampler._prefetcher._crew._slots
        assert slots.lent == 4  # of the six that are kept
        batches[0]["image"] += 1
        del batches
        assert slots.lent == 0
        assert isinstance(sampler.sample()["done"], torch.Tensor)


# Data that changes


def test_epochs_begin_with_the_rows_that_there_are(tmp_path: Any) -> None:
    space = DictSpace(BACKEND, {"number": NUMBER})

    def grown(writer: Any, start: int, stop: int) -> None:
        for number in range(start, stop):
            writer.append({"number": np.array(number)})

    writer = ReplayBuffer.create(ZarrStorage, space, cache_path=tmp_path / "data.zarr")
    grown(writer, 0, 10)
    with writer, ahead(writer) as sampler:
        alone = StepSampler(writer, BATCH, seed=7)
        rows = []
        for batch in sampler:
            rows += batch["number"].tolist()
            grown(writer, len(writer), len(writer) + 5)
        assert rows == [row for batch in epoch_of(Numbers(10), 0) for row in batch.tolist()]
        list(alone)
        assert len(sampler) == 7
        alone.load_state_dict(sampler.state_dict())
        assert same(list(sampler), list(alone))
        assert same([sampler.sample() for _ in range(4)], [alone.sample() for _ in range(4)])
        # A reader of what another process writes moves when its user says so.
        with ReplayBuffer.load_from(tmp_path / "data.zarr") as reader, ahead(reader) as other:
            grown(writer, 25, 30)
            writer.commit()
            assert len(list(other)) == 7
            reader.refresh()
            assert len(list(other)) == 8


def test_draws_follow_the_data(tmp_path: Any) -> None:
    space = DictSpace(BACKEND, {"number": NUMBER})
    writer = ReplayBuffer.create(ZarrStorage, space, cache_path=tmp_path / "data.zarr")
    writer.extend({"number": np.zeros(10, dtype=np.int64)})
    with writer, ahead(writer) as sampler:
        assert sampler.sample()["number"].max() == 0
        writer.extend({"number": np.ones(1000, dtype=np.int64)})
        deadline = time.monotonic() + 30
        while not sampler.sample()["number"].any():
            assert time.monotonic() < deadline


def test_data_in_memory_alone_cannot_be_read_by_others() -> None:
    space = DictSpace(BACKEND, {"number": NUMBER})
    with ReplayBuffer.create(ZarrStorage, space) as buffer:
        buffer.extend({"number": np.arange(10)})
        with ahead(buffer) as sampler, pytest.raises(TypeError, match=r"in memory .* give it a cache_path"):
            next(iter(sampler))
        with ahead(buffer, 0) as sampler:
            assert len(list(sampler)) == 3
