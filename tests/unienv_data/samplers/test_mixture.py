"""MixtureSampler: shares, sources of different columns, what a batch reads and says."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.base.models import ListBatch, counting, samples
from tests.unienv_data.samplers.light import Numbers
from tests.unienv_interface.corpus import same
from unienv_data import FrameStackedBatch, ReplayBuffer, ZarrStorage, align_batches
from unienv_data.errors import DocumentError, EmptyDataError, SpaceError
from unienv_data.samplers import MixtureSampler, StepSampler
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace, TextSpace
from unienv_interface.space.space_utils import batch_utils

N = NumpyComputeBackend
SHARES = {"robot": 0.62, "simulation": 0.335, "play": 0.045}
SIZES = {"robot": 700, "simulation": 4_000, "play": 31}


def stores(folder: Path) -> dict[str, ReplayBuffer]:
    """Buffers on disk, whose rows say which they are."""
    space = DictSpace(N, {"x": BoxSpace(N, 0, 10**6, N.int64, shape=(2,))})
    found = {}
    for number, (name, size) in enumerate(SIZES.items()):
        with ReplayBuffer.create(ZarrStorage, space, cache_path=str(folder / f"{name}.zarr")) as buffer:
            rows = np.arange(size)
            buffer.extend({"x": np.stack([np.full(size, number), rows], axis=1)})
        found[name] = ReplayBuffer.load_from(str(folder / f"{name}.zarr"))
    return found


def test_three_stores_keep_their_weights_and_resume_exactly(tmp_path: Path) -> None:
    """Within 1% over 100,000 samples, in fact within 18 rows after any batch; drawn, and epoch by epoch."""
    sources = stores(tmp_path)
    sampler = MixtureSampler(sources, SHARES, 250, seed=11, epoch_length=30_000)
    resumed = MixtureSampler(sources, SHARES, 250, seed=0, epoch_length=30_000)
    weights = np.array([*SHARES.values()])

    def epochs(of: Any) -> Any:
        while True:
            yield from of.epoch_iter()

    for take in (lambda of: iter(of.sample, None), epochs):
        batches = take(sampler)
        met, saved, following = np.zeros(3), None, []
        for number in range(1, 401):
            batch = next(batches)
            met += np.bincount(batch["x"][:, 0], minlength=3)
            assert np.abs(met - weights * 250 * number).max() < 18
            if number == 277:
                saved = json.dumps(sampler.state_dict())
            elif saved is not None:
                following.append(batch["x"])
        assert met.sum() == 100_000
        assert np.abs(met / 100_000 / weights - 1).max() < 0.01
        resumed.load_state_dict(json.loads(saved or ""))
        for batch, expected in zip(take(resumed), following, strict=False):
            assert np.array_equal(batch["x"], expected)


def test_every_source_goes_round_in_its_own_time() -> None:
    """No row again before all have come, from epoch to epoch; as counted row by row."""
    sampler = MixtureSampler([Numbers(50), Numbers(9), Numbers(200)], [2, 1, 1], 16, seed=5, epoch_length=70)
    seen: list[list[int]] = [[], [], []]
    for _ in range(12):
        for value, metadata in sampler.epoch_iter_with_metadata():
            for source, row in zip(metadata["batch_index"].tolist(), value.tolist(), strict=True):
                seen[source].append(row)
    for source, size in enumerate((50, 9, 200)):
        rows = seen[source]
        for start in range(0, len(rows), size):
            cycle = rows[start : start + size]
            assert len(set(cycle)) == len(cycle)
        assert rows[:size] != rows[size : 2 * size] or len(rows) <= size


def test_an_epoch_is_as_long_as_the_sources_or_as_asked() -> None:
    sources = {"a": Numbers(40), "b": Numbers(25), "c": Numbers(7)}
    whole = MixtureSampler(sources, {"a": 1, "b": 1, "c": 0}, 10, seed=1)
    assert len(whole) == 7
    assert [len(batch) for batch in whole] == [10] * 6 + [5]
    assert len(MixtureSampler(sources, [1, 1, 0], 10, drop_last=True)) == 6
    short = MixtureSampler(sources, [1, 1, 1], 10, epoch_length=32)
    assert [len(batch) for batch in short] == [10, 10, 10, 2]
    exact = MixtureSampler(sources, [40, 25, 7], 10, seed=1)
    for _ in range(3):
        rows = [
            pair
            for value, known in exact.epoch_iter_with_metadata()
            for pair in zip(known["batch_index"].tolist(), value.tolist(), strict=True)
        ]
        assert sorted(rows) == [(s, r) for s, size in enumerate((40, 25, 7)) for r in range(size)]
    in_order = MixtureSampler(sources, [1, 0, 0], 16, shuffle="none")
    assert np.concatenate(list(in_order)).tolist() == list(range(40))


def test_a_batch_takes_one_read_of_each_source() -> None:
    sources = [counting(30), counting(50), counting(20)]
    sampler = MixtureSampler(sources, [3, 1, 0], 32, seed=0)
    next(sampler.epoch_iter())
    assert [len(source.reads) for source in sources] == [1, 1, 0]
    assert sum(sources[0].reads + sources[1].reads) == 32
    sampler.sample()
    assert [len(source.reads) for source in sources] == [2, 2, 0]


def test_many_rows_take_no_memory() -> None:
    sizes = [300_000_000, 299_999_999, 301_000_000]
    sampler = MixtureSampler(
        [Numbers(size) for size in sizes], [0.5, 0.3, 0.2], 256, seed=0, shuffle="global"
    )
    assert len(sampler) == -(-sum(sizes) // 256)
    tracemalloc.start()
    value, metadata = next(sampler.epoch_iter_with_metadata())
    drawn = sampler.sample()
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert metadata is not None
    assert np.bincount(metadata["batch_index"]).tolist() == pytest.approx([128, 77, 51], abs=2)
    assert len(set(value.tolist())) == len(set(drawn.tolist())) == 256
    assert len(json.dumps(sampler.state_dict())) < 200


def test_names_and_weights_are_told() -> None:
    sampler = MixtureSampler({"a": Numbers(4), "b": Numbers(4)}, {"b": 3, "a": 1}, 4)
    assert sampler.names == ("a", "b")
    assert sampler.weights == (0.25, 0.75)
    assert MixtureSampler([Numbers(4)], np.array([2.0]), 4).names == ("batches[0]",)


ARM = DictSpace(N, {"state": BoxSpace(N, -1, 1, N.float32, shape=(2,)), "grip": BinarySpace(N, ())})
DOG = DictSpace(N, {"state": BoxSpace(N, -2, 2, N.float32, shape=(2,)), "gait": TextSpace(N, 5)})


@pytest.mark.parametrize("align", ["intersect", "union"])
def test_sources_of_different_columns(align: str) -> None:
    sources = {"arm": ListBatch(ARM, samples(ARM, 20)), "dog": ListBatch(DOG, samples(DOG, 30))}
    sampler = MixtureSampler(sources, {"arm": 1, "dog": 1}, 8, seed=2, align=align)
    views = align_batches(sources, align)
    assert sampler.single_space == views[0].single_space
    index = sampler.sample_index()
    sampler.manual_seed(2)
    value, metadata = sampler.sample_with_metadata()
    rows = [views[int(row >= 20)][int(row - 20 * (row >= 20))] for row in index]
    assert same(value, batch_utils.concatenate(sampler.single_space, rows))
    assert metadata is not None
    assert metadata["batch_index"].tolist() == [int(row >= 20) for row in index]
    if align == "union":
        mask = metadata["column_valid_mask"]
        assert mask["grip"].tolist() == (index < 20).tolist()
        assert mask["gait"].tolist() == (index >= 20).tolist()
        assert sampler.sampled_metadata_space is not None
        assert sampler.sampled_metadata_space.contains(metadata)
    assert sampler.sampled_space.contains(value)
    with pytest.raises(SpaceError, match="- gait: in dog, and not in arm\n- grip: in arm, and not in dog"):
        MixtureSampler(sources, [1, 1], 8)


def test_windows_are_mixed_as_rows_are() -> None:
    first, second = FrameStackedBatch(counting(20), 2), FrameStackedBatch(counting(9), 2)
    sampler = MixtureSampler([first, second], [1, 1], 6, seed=0)
    for value, metadata in sampler.epoch_iter_with_metadata():
        assert value.shape[1:] == (3,)
        real = metadata["slice_valid_mask"]
        assert (np.diff(value, axis=1)[real[:, :-1]] == 1).all()


def test_sources_that_grow_are_seen() -> None:
    """By draws at once, by the next epoch; one that has begun goes on with the rows it had."""
    old, new = counting(8), counting(12)
    sampler = MixtureSampler([new, old], [1, 1], 4, seed=3)
    expected = [batch.tolist() for batch in MixtureSampler([counting(12), counting(8)], [1, 1], 4, seed=3)]
    batches = sampler.epoch_iter_with_metadata()
    found = [next(batches), next(batches)]
    state = json.loads(json.dumps(sampler.state_dict()))
    assert state["parts"] == [12, 8]
    new.extend_from(counting(100))
    found += batches
    assert [value.tolist() for value, _ in found] == expected
    resumed = MixtureSampler([new, old], [1, 1], 4, seed=0)
    resumed.load_state_dict(state)
    assert [batch.tolist() for batch in resumed] == expected[2:]
    assert len(sampler) == 30
    assert max(row for _ in range(40) for row in sampler.sample().tolist()) > 20
    assert max(row for batch in sampler for row in batch.tolist()) > 20


def test_states_of_something_else_are_refused() -> None:
    sampler = MixtureSampler([Numbers(8), Numbers(12)], [1, 1], 4, seed=3)
    next(sampler.epoch_iter())
    state = sampler.state_dict()
    cases: list[tuple[Any, str]] = [
        (StepSampler(Numbers(20), 4), "parts: the epoch to continue mixes 2 batches, and this one is single"),
        (MixtureSampler([Numbers(20)], [1], 4), "is of 2 batches that are mixed, and here are 1: batches"),
        (
            MixtureSampler({"a": Numbers(8), "b": Numbers(11)}, [1, 1], 4),
            "began with 12 rows of b, which has 11",
        ),
    ]
    for other, message in cases:
        with pytest.raises(ValueError, match=message):
            other.load_state_dict(state)
    step = StepSampler(Numbers(20), 4)
    next(step.epoch_iter())
    with pytest.raises(ValueError, match="is of 0 batches that are mixed, and here are 2"):
        sampler.load_state_dict(step.state_dict())
    with pytest.raises(DocumentError, match="parts: expected integers that are at least 0"):
        sampler.load_state_dict({**state, "parts": [1, -1]})
    assert sampler.state_dict() == state


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        ([1], {}, "weights: expected 2, one for each batch, got 1"),
        ([1, -1], {}, r"weights\[1\]: expected a finite number, at least 0, got -1"),
        ([0, 0], {}, "weights: expected one above 0 at least"),
        ({"a": 1, "c": 1}, {}, "weights: expected one for each of a, b, got a, c"),
        ([1, 1], {"epoch_length": 0}, "epoch_length: expected at least 1, got 0"),
        ([1, 1], {"align": "outer"}, "align: expected one of strict, intersect, union"),
    ],
)
def test_wrong_arguments_are_refused(weights: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MixtureSampler({"a": Numbers(4), "b": Numbers(4)}, weights, 4, **options)


def test_a_source_without_rows_is_named() -> None:
    sampler = MixtureSampler({"a": Numbers(4), "b": Numbers(0)}, [1, 1], 4)
    for use in (sampler.sample, lambda: list(sampler)):
        with pytest.raises(EmptyDataError, match=r"sample: b has the weight .* and no rows"):
            use()
    silent = MixtureSampler({"a": Numbers(4), "b": Numbers(0)}, [1, 0], 4)
    assert sorted(next(iter(silent)).tolist()) == [0, 1, 2, 3]
    with pytest.raises(SpaceError, match="expected at least one"):
        MixtureSampler([], [], 4)


@pytest.mark.requires_torch
def test_backends_must_be_the_same_and_batches_go_to_devices() -> None:
    import torch

    from unienv_data import ToBackendOrDeviceBatch
    from unienv_interface.backends.pytorch import PyTorchComputeBackend

    moved = ToBackendOrDeviceBatch(Numbers(8), PyTorchComputeBackend)
    with pytest.raises(SpaceError, match=r"batches\[1\]: expected values of NumpyComputeBackend"):
        MixtureSampler([Numbers(4), moved], [1, 1], 4)
    sampler = MixtureSampler([moved, moved], torch.tensor([1.0, 2.0]), 6, 0, torch.device("meta"))
    value, metadata = sampler.sample_with_metadata()
    assert value.device.type == "meta"
    assert metadata is not None
    assert metadata["batch_index"].device.type == "meta"


def test_the_sources_stay_open() -> None:
    sources = [counting(4), counting(4)]
    with MixtureSampler(sources, [1, 1], 4, use_thread_pool=True) as sampler:
        sampler.sample()
    assert [source.closings for source in sources] == [0, 0]
