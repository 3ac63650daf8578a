"""StepSampler with weights, against counting."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain, zip_longest
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.base.models import counting
from tests.unienv_data.samplers.light import Numbers
from unienv_data import CombinedBatch, FrameStackedBatch, ReplayBuffer, ZarrStorage
from unienv_data.errors import EmptyDataError, IndexOutOfRangeError, SegmentError
from unienv_data.samplers import MultiprocessingSampler, StepSampler
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import BoxSpace

WEIGHTS = [0, 3.5, 1, 1, 0, 0.25, 2, 2, 2, 0]
NUMBER = BoxSpace(NumpyComputeBackend, 0, 1000, np.int64, shape=())


class Episodes(Numbers):
    """Numbers in segments."""

    def __init__(self, length: int, segments: list[tuple[int, int]] | None) -> None:
        super().__init__(length)
        self.segments = segments

    def get_segments(self) -> list[tuple[int, int]] | None:
        return self.segments


def rows_of(batches: Any) -> list[int]:
    return [row for batch in batches for row in batch.tolist()]


@pytest.mark.parametrize("shuffle", ["global", "block", "none"])
def test_an_epoch_has_every_row_in_its_share(shuffle: str) -> None:
    sampler = StepSampler(Numbers(10), 4, seed=3, shuffle=shuffle, weights=WEIGHTS)
    assert len(sampler) == 3
    for _ in range(20):
        epoch = rows_of(sampler)
        assert len(epoch) == 10
        for row, weight in enumerate(WEIGHTS):
            share = 10 * weight / sum(WEIGHTS)
            assert epoch.count(row) in (int(share), int(share) + (share > int(share)))
        if shuffle == "none":
            assert epoch == sorted(epoch)


def test_draws_are_by_weight() -> None:
    sampler = StepSampler(Numbers(10), 100, seed=3, weights=WEIGHTS)
    found = Counter(row for _ in range(400) for row in sampler.sample().tolist())
    for row, weight in enumerate(WEIGHTS):
        expected = 40_000 * weight / sum(WEIGHTS)
        assert abs(found[row] - expected) <= 5 * np.sqrt(expected)


@pytest.mark.parametrize("kind", ["list", "tuple", "float32", "range"])
def test_weights_may_be_anything(kind: str) -> None:
    given: Any = {"list": [0, 1, 2, 3], "tuple": (0, 1, 2, 3), "range": range(4)}.get(kind)
    if given is None:
        given = np.arange(4, dtype=kind)
    expected = StepSampler(Numbers(4), 9, seed=1, weights=np.arange(4)).sample()
    assert StepSampler(Numbers(4), 9, seed=1, weights=given).sample().tolist() == expected.tolist()


@pytest.mark.requires_torch
def test_weights_of_torch() -> None:
    import torch

    expected = StepSampler(Numbers(4), 9, seed=1, weights=np.arange(4.0)).sample()
    for dtype in (torch.float32, torch.bfloat16, torch.int16):
        sampler = StepSampler(Numbers(4), 9, seed=1, weights=torch.arange(4, dtype=dtype))
        assert sampler.sample().tolist() == expected.tolist()


def test_weights_of_episodes_are_those_of_their_rows() -> None:
    data = Episodes(14, [(1, 4), (4, 5), (5, 5), (7, 13)])
    each = [0] + [2] * 3 + [0.5] + [0] * 2 + [1] * 6 + [0]
    by_row = StepSampler(data, 5, seed=2, weights=each)
    by_episode = StepSampler(data, 5, seed=2, episode_weights=[2, 0.5, 9, 1])
    for _ in range(3):
        assert rows_of(by_episode) == rows_of(by_row)
        assert by_episode.sample().tolist() == by_row.sample().tolist()


def test_many_rows_take_no_memory() -> None:
    data = Episodes(300_000_000, [(0, 100_000_000), (100_000_000, 200_000_000), (200_000_000, 300_000_000)])
    sampler = StepSampler(data, 256, seed=2, episode_weights=[1, 0, 3])
    batch = next(iter(sampler))
    assert set(np.unique(batch // 100_000_000).tolist()) == {0, 2}
    assert len(sampler) == -(-300_000_000 // 256)
    assert len(json.dumps(sampler.state_dict())) < 200


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weights": [1] * 9}, ValueError, "weights: expected 10, one for each row of Episodes, got 9"),
        (
            {"weights": [[1] * 10]},
            ValueError,
            r"weights: expected numbers \(N,\), got int64 of shape \(1, 10",
        ),
        ({"weights": ["a"] * 10}, ValueError, r"weights: expected numbers \(N,\), got <U1 of shape"),
        ({"weights": [0] * 10}, ValueError, "weights: expected one above 0 at least, got 10 that are all 0"),
        (
            {"weights": [1] * 9 + [-2]},
            ValueError,
            r"weights\[9\]: expected a finite number, at least 0, got -2",
        ),
        ({"weights": [1, np.nan] * 5}, ValueError, r"weights\[1\]: expected a finite number.*, got nan"),
        ({"weights": [np.inf] * 10}, ValueError, r"weights\[0\]: expected a finite number.*, got inf"),
        (
            {"episode_weights": [1] * 10},
            ValueError,
            "episode_weights: expected 2, one for each segment of Ep",
        ),
        ({"episode_weights": [0, 1]}, ValueError, "expected one above 0 of a segment with rows"),
        ({"weights": [1] * 10, "episode_weights": [1, 1]}, ValueError, "expected one of them, got both"),
    ],
)
def test_what_are_no_weights_is_refused(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        StepSampler(Episodes(10, [(0, 4), (4, 4)]), 4, **options)


def test_there_must_be_episodes_and_rows() -> None:
    with pytest.raises(SegmentError, match="episode_weights: Episodes keeps no segments"):
        StepSampler(Episodes(10, None), 4, episode_weights=[1])
    with pytest.raises(EmptyDataError, match="there is nothing to sample: Numbers has no rows"):
        StepSampler(Numbers(0), 4, weights=[])


@pytest.mark.parametrize("shuffle", ["global", "block"])
def test_resuming_at_every_step(shuffle: str) -> None:
    options: Any = {"shuffle": shuffle, "weights": np.arange(30)}
    sampler, resumed = StepSampler(Numbers(30), 4, 7, **options), StepSampler(Numbers(30), 4, 1, **options)
    whole = [batch.tolist() for batch in sampler]
    for taken in range(len(whole) + 1):
        sampler.manual_seed(7)
        batches = sampler.epoch_iter()
        for _ in range(taken):
            next(batches)
        sampler.sample()
        resumed.load_state_dict(json.loads(json.dumps(sampler.state_dict())))
        drawn = [sampler.sample().tolist() for _ in range(2)]
        assert [resumed.sample().tolist() for _ in range(2)] == drawn
        assert [batch.tolist() for batch in resumed] == whole[taken:]


def test_every_rank_has_its_part() -> None:
    alone = rows_of(StepSampler(Numbers(30), 4, 7, weights=np.arange(30)))
    ranks = [StepSampler(Numbers(30), 4, 7, weights=np.arange(30), rank=r, world_size=3) for r in range(3)]
    each = [list(sampler.epoch_iter_with_metadata()) for sampler in ranks]
    together = [pair for pair in chain(*zip_longest(*each)) if pair]
    rows = np.concatenate([value[known["row_valid_mask"]] for value, known in together])
    assert rows.tolist() == alone
    draws = [sampler.sample().tolist() for sampler in ranks]
    single = StepSampler(Numbers(30), 4, 7, weights=np.arange(30))
    assert draws == [single.sample().tolist() for _ in range(3)]


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_workers_give_the_same(workers: int) -> None:
    alone = StepSampler(Numbers(100), 8, 5, weights=np.arange(100) ** 2)
    with MultiprocessingSampler(
        StepSampler(Numbers(100), 8, 5, weights=np.arange(100) ** 2), workers
    ) as ahead:
        assert len(ahead) == len(alone)
        for _ in range(2):
            assert rows_of(ahead) == rows_of(alone)
            assert ahead.sample().tolist() == alone.sample().tolist()
        assert ahead.state_dict() == alone.state_dict()


def test_rows_that_come_later_have_no_weight() -> None:
    data = counting(6)
    sampler = StepSampler(data, 4, seed=0, weights=[1, 0, 2, 0, 0, 3])
    data.extend_from(counting(4))
    assert set(rows_of(sampler)) <= {0, 2, 5}
    assert len(sampler) == 2
    assert {row for _ in range(30) for row in sampler.sample().tolist()} == {0, 2, 5}


def test_rows_that_are_gone_are_told() -> None:
    with ReplayBuffer.create(ZarrStorage, NUMBER, capacity=6) as buffer:
        buffer.extend(np.arange(6))
        sampler = StepSampler(buffer, 6, seed=0, weights=[0, 0, 1, 1, 1, 0])
        buffer.extend(np.arange(6, 8))  # evicts the first two
        assert set(sampler.sample().tolist()) <= {2, 3, 4}
        buffer.extend(np.arange(8, 9))
        with pytest.raises(IndexOutOfRangeError, match="row 2 of the view is gone"):
            rows_of(sampler.sample() for _ in range(9))


def test_weights_of_windows_and_of_several_buffers() -> None:
    buffers = []
    for start in (0, 100):
        buffer = ReplayBuffer.create(ZarrStorage, NUMBER)
        buffer.extend(np.arange(start, start + 5))
        buffers.append(buffer)
    windows = FrameStackedBatch(CombinedBatch(buffers), 1)
    sampler = StepSampler(windows, 10, seed=0, weights=[0] * 5 + [1] * 5)
    (value, metadata), *_ = sampler.epoch_iter_with_metadata()
    assert sorted({tuple(window) for window in value.tolist()}) == [
        (100, 100),
        (100, 101),
        (101, 102),
        (102, 103),
        (103, 104),
    ]
    assert set(metadata["batch_index"].tolist()) == {1}
    by_episode = StepSampler(windows, 10, seed=0, episode_weights=[0, 1])
    assert by_episode.sample().min() >= 100
