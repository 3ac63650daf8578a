"""TorchRL's replay buffers over these storages give what they give over TorchRL's own, on the same seeds."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

pytest.importorskip("torchrl")

import numpy as np
import torch
from torchrl.data import LazyTensorStorage, ListStorage, TensorDictReplayBuffer
from torchrl.data import ReplayBuffer as TorchBuffer
from torchrl.data.replay_buffers import (
    PrioritizedSampler,
    RandomSampler,
    SamplerWithoutReplacement,
    SliceSampler,
    TensorDictMaxValueWriter,
)

from tests.unienv_data.integrations.torchrl.rollouts import SOURCES, rollout
from unienv_data.integrations.torchrl import to_torchrl

pytestmark = [
    pytest.mark.requires_torchrl,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

SAMPLERS = {
    "random": RandomSampler,
    "all": SamplerWithoutReplacement,
    "prioritized": lambda: PrioritizedSampler(100, 0.7, 0.9),
    "slices": lambda: SliceSampler(slice_len=5, end_key=("next", "done"), strict_length=False),
}


def equal(a: Any, b: Any) -> bool:
    """Whether two TensorDicts hold the same, apart from the numbers that TorchRL writes into its own."""
    added = ("index", "index_generation")
    return bool((a.exclude(*added) == b.exclude(*added)).all()) and a.batch_size == b.batch_size


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("capacity", [None, 20])
@pytest.mark.parametrize("name", SOURCES)
def test_extending_and_sampling(name: str, capacity: int | None, sampler: str) -> None:
    make: Any = SAMPLERS[sampler]
    own = TorchBuffer(storage=LazyTensorStorage(capacity or 100), sampler=make(), batch_size=10)
    ours = TorchBuffer(storage=to_torchrl(SOURCES[name](capacity)), sampler=make(), batch_size=10)
    for seed in range(5):
        assert torch.equal(own.extend(rollout(7, seed)), ours.extend(rollout(7, seed)))
        assert own.add(rollout(1, 50 + seed)[0]) == ours.add(rollout(1, 50 + seed)[0])
        for draw in range(3):
            found = []
            for buffer in (own, ours):
                torch.manual_seed(draw)
                np.random.seed(draw)  # the prioritized sampler's
                found.append(buffer.sample(return_info=True))
            assert equal(found[0][0], found[1][0])
            assert found[0][1].keys() == found[1][1].keys()
        if sampler == "prioritized":
            index = torch.arange(len(own))
            for buffer in (own, ours):
                buffer.update_priority(index, torch.linspace(0.1, 3, len(own)))
    assert len(own) == len(ours)
    assert equal(own[:], ours[:])
    for index in (0, -1, slice(2, 9, 3), torch.tensor([3, 1, 1]), range(2, 4), [5, 0]):
        assert equal(own[index], ours[index])
    own[1:3] = rollout(2, 99)
    ours[1:3] = rollout(2, 99)
    assert equal(own[:], ours[:])
    own.empty()
    ours.empty()
    assert len(ours) == 0
    assert torch.equal(own.extend(rollout(4)), ours.extend(rollout(4)))
    assert equal(own[:], ours[:])


@pytest.mark.parametrize("name", SOURCES)
def test_tensordict_buffers(name: str) -> None:
    own = TensorDictReplayBuffer(storage=ListStorage(20), batch_size=6, priority_key="td_error")
    ours = TensorDictReplayBuffer(
        storage=to_torchrl(SOURCES[name](20)), batch_size=6, priority_key="td_error"
    )
    for seed in range(4):
        for buffer in (own, ours):
            buffer.extend(rollout(7, seed))
            buffer.add(rollout(1, 60 + seed)[0])
        samples = []
        for buffer in (own, ours):
            torch.manual_seed(seed)
            samples.append(buffer.sample())
        assert torch.equal(samples[0]["index"], samples[1]["index"])
        assert equal(*samples)


@pytest.mark.parametrize("name", SOURCES)
def test_prefetching(name: str) -> None:
    ours = TorchBuffer(storage=to_torchrl(SOURCES[name](50)), batch_size=8, prefetch=3)
    batch = rollout(40)
    ours.extend(batch)
    for _ in range(12):
        found, info = ours.sample(return_info=True)
        assert equal(found, batch[info["index"]])


@pytest.mark.parametrize("name", SOURCES)
def test_changing_in_place(name: str) -> None:
    own = TensorDictReplayBuffer(storage=LazyTensorStorage(20), batch_size=4)
    ours = TensorDictReplayBuffer(storage=to_torchrl(SOURCES[name](20)), batch_size=4)
    for buffer in (own, ours):
        for seed in range(4):
            buffer.extend(rollout(7, seed))
        buffer.set_at_(("next", "reward"), torch.full((2, 1), 5.0), torch.tensor([3, 19]))
        buffer.set_("obs", torch.arange(20, dtype=torch.uint8).reshape(20, 1, 1, 1).expand(20, 4, 4, 3))
        buffer.update_({"next": {"done": torch.ones(20, 1, dtype=torch.bool)}})
    assert equal(own[:], ours[:])
    assert ours[19]["next", "reward"] == 5
    copied = pickle.loads(pickle.dumps(ours[:]))
    assert equal(copied, ours[:])
    copied.set_("obs", torch.zeros_like(copied["obs"]))
    ours[2:5].set_("obs", torch.zeros(3, 4, 4, 3, dtype=torch.uint8))
    assert equal(own[:], ours[:])  # what is taken out of it, or sent, is a copy


@pytest.mark.parametrize("name", ["zarr buffer", "compressed storage", "list"])
def test_writers_that_choose_slots(name: str) -> None:
    found = []
    for storage in (LazyTensorStorage(5), to_torchrl(SOURCES[name](5))):
        writer = TensorDictMaxValueWriter(rank_key=("next", "reward"))
        buffer = TensorDictReplayBuffer(storage=storage, writer=writer, batch_size=5)
        for seed in range(4):
            buffer.extend(rollout(6, seed))
        found.append(sorted(buffer[:]["next", "reward"].flatten().tolist()))
    assert found[0] == found[1]
    assert len(found[0]) == 5


def test_images_are_not_decoded_for_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    source = SOURCES["compressed buffer"](None)
    sampler = SliceSampler(num_slices=2, end_key=("next", "done"))
    ours = TorchBuffer(storage=to_torchrl(source), sampler=sampler, batch_size=10)
    ours.extend(rollout(1000))
    sizes: list[int] = []
    get, get_parts = source.storage.get, source.storage.get_parts
    monkeypatch.setattr(source.storage, "get", lambda index: (sizes.append(len(index)), get(index))[1])
    parts: list[Any] = []
    monkeypatch.setattr(
        source.storage, "get_parts", lambda index, paths: (parts.extend(paths), get_parts(index, paths))[1]
    )
    assert len(ours.sample()) == 10
    assert {*sizes} == {10}  # TorchRL reads them once more for their ends
    assert {*parts} == {("next", "done")}
