"""What is kept where TorchRL writes, what it goes on from, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torchrl")

import torch
from tensordict import TensorDict
from torchrl.data import ReplayBuffer as TorchBuffer
from torchrl.data.replay_buffers import LazyStackStorage, SliceSampler, Storage

import unienv_data
from tests.unienv_data.integrations.torchrl.rollouts import SOURCES, rollout, space
from tests.unienv_data.integrations.torchrl.test_like_torchrl import equal
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import (
    DatasetExistsError,
    IndexOutOfRangeError,
    InvalidIndexError,
    ReadOnlyError,
    SpaceError,
    SpaceValueError,
)
from unienv_data.integrations.torchrl import to_torchrl
from unienv_data.storages import CompressedListStorage
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace, GraphSpace, TextSpace, TupleSpace

pytestmark = [
    pytest.mark.requires_torchrl,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def to_rows(batch: Any) -> dict[str, Any]:
    return {
        "obs": batch["obs"].numpy(),
        "next": {key: batch["next", key].numpy() for key in ("done", "reward")},
    }


def test_it_is_a_storage_of_torchrl() -> None:
    storage = to_torchrl(SOURCES["zarr buffer"](7))
    assert isinstance(storage, Storage)
    assert isinstance(storage, LazyStackStorage)
    assert (len(storage), storage.max_size, tuple(storage.shape)) == (0, 7, (7,))
    assert "0 of 7 slots" in repr(storage)


def test_what_torchrl_writes_is_a_dataset(tmp_path: Path) -> None:
    with ReplayBuffer.create(ZarrStorage, space(), cache_path=tmp_path / "a.zarr") as rows:
        buffer = TorchBuffer(storage=to_torchrl(rows), batch_size=4)
        for seed in range(3):
            buffer.extend(rollout(7, seed))
    with unienv_data.open(tmp_path / "a.zarr") as again:
        expected = torch.cat([rollout(7, seed) for seed in range(3)])
        assert np.array_equal(again[:]["obs"], expected["obs"].numpy())
        assert again.get_segments() == [(0, 5), (5, 12), (12, 19)]  # where done is True
        assert again.episodes.num_rows == 3
        reader = to_torchrl(again)
        assert equal(reader[:], expected)
        assert reader[3]["next", "done"].shape == (1,)
        for change in (
            lambda: reader.set(21, rollout(1)[0]),
            lambda: TorchBuffer(storage=reader, batch_size=1).extend(rollout(2)),
            lambda: reader.loads(tmp_path / "b.zarr"),
        ):
            with pytest.raises(ReadOnlyError):
                change()
        assert equal(pickle.loads(pickle.dumps(reader))[:], expected)


@pytest.mark.parametrize("capacity", [None, 10])
def test_it_goes_on_behind_the_rows_that_are_there(capacity: int | None) -> None:
    rows = SOURCES["zarr buffer"](capacity)
    first = rollout(13)
    rows.extend(to_rows(first[:10]))
    rows.extend(to_rows(first[10:]))  # a ring of 10 has turned
    buffer = TorchBuffer(storage=to_torchrl(rows), batch_size=4)
    assert buffer.extend(rollout(2, 1)).tolist() == ([13, 14] if capacity is None else [3, 4])
    kept = torch.cat([first, rollout(2, 1)])[5 if capacity else 0 :]
    assert np.array_equal(rows[:]["obs"], kept["obs"].numpy())  # by age
    if capacity:
        slots = torch.cat([kept[5:], kept[:5]])
        assert equal(buffer[:], slots)
        assert equal(buffer[7], slots[7])


def test_each_batch_is_an_episode_where_nothing_says_so() -> None:
    box = BoxSpace(B, -9, 9, B.float32, shape=(2,))
    rows: Any = ReplayBuffer.create(ZarrStorage, box)
    buffer = TorchBuffer(storage=to_torchrl(rows), batch_size=2)
    buffer.extend(torch.zeros(3, 2))
    buffer.extend(torch.ones(2, 2))
    buffer.add(torch.ones(2))
    assert rows.get_segments() == [(0, 3), (3, 5), (5, 6)]
    assert torch.equal(buffer[:][:, 0], torch.tensor([0.0, 0, 0, 1, 1, 1]))
    assert buffer.sample().shape == (2, 2)


def test_episodes_without_a_column(tmp_path: Path) -> None:
    rows: Any = ReplayBuffer.create(ZarrStorage, DictSpace(B, {"x": BoxSpace(B, 0, 99, B.int32, shape=())}))
    for start, stop in ((0, 6), (6, 9), (9, 17)):
        rows.extend({"x": np.arange(start, stop, dtype=np.int32)})
    storage = to_torchrl(rows, episode_key="episode")
    assert storage[:]["episode"].tolist() == [0] * 6 + [1] * 3 + [2] * 8
    assert storage[[16, 0]]["episode"].tolist() == [2, 0]
    assert storage[7]["episode"] == 1
    sampler = SliceSampler(slice_len=3, traj_key="episode")
    buffer = TorchBuffer(storage=storage, sampler=sampler, batch_size=30)
    found = buffer.sample().reshape(10, 3)
    assert (found["x"].diff() == 1).all()
    assert (found["episode"].diff() == 0).all()
    buffer[0] = buffer[1]  # the key that was added does not get in the way
    assert rows[0]["x"] == 1
    for key, source in (
        ("x", rows),
        ("episode", rows.storage),
        (
            "e",
            ReplayBuffer.create(
                ZarrStorage, space()["obs"] if False else BoxSpace(B, 0, 1, B.int32, shape=())
            ),
        ),
    ):
        with pytest.raises(SpaceError, match="episode_key"):
            to_torchrl(source, episode_key=key)


def test_texts_tuples_and_devices() -> None:
    parts = TupleSpace(B, [BinarySpace(B, ()), TextSpace(B, 9)])
    rows: Any = ReplayBuffer.create(CompressedListStorage, DictSpace(B, {"pair": parts}))
    storage = to_torchrl(rows)
    items = [TensorDict({"pair": {"0": torch.tensor(i % 2 == 0), "1": f"task {i}"}}) for i in range(3)]
    storage.set(range(3), items)
    storage.set(3, items[0])
    storage.set([4, 5], torch.stack(items[1:]))
    assert storage[2]["pair", "1"] == "task 2"
    found = storage[:]
    assert list(found["pair", "1"]) == [f"task {i}" for i in (0, 1, 2, 0, 1, 2)]
    assert found["pair", "0"].tolist() == [True, False, True, True, False, True]
    assert ([*found.keys()], [*found["pair"].keys()]) == (["pair"], ["0", "1"])
    assert rows[1]["pair"] == (False, "task 1")
    for bad in ({"pair": {"0": True}}, {"pair": 3}, {"pear": 3}, {"pair": {"0": 3, "1": "x"}}):
        with pytest.raises(SpaceValueError):
            storage.set(6, TensorDict(bad))
    moved = to_torchrl(SOURCES["list"](None), device="meta")
    moved.set(range(2), rollout(2))
    assert moved[0]["obs"].device.type == "meta"
    spaced = to_torchrl(SOURCES["zarr storage"](None), device="meta")
    spaced.set(range(2), rollout(2))
    assert spaced[[0]]["next", "done"].device.type == "meta"


def test_what_has_no_tensor_is_refused() -> None:
    graph = GraphSpace(B, None, None, is_edge=False, max_nodes=3)
    rows: Any = ReplayBuffer.create(ZarrStorage, DictSpace(B, {"a": TupleSpace(B, [graph])}))
    with pytest.raises(SpaceError, match="a/0: TorchRL has no tensor for values of a GraphSpace"):
        to_torchrl(rows)
    with pytest.raises(SpaceError, match="end_key: rows have no nothing"):
        to_torchrl(SOURCES["zarr buffer"](3), end_key="nothing")


@pytest.mark.parametrize("name", SOURCES)
def test_slots_that_are_not_there(name: str) -> None:
    storage = to_torchrl(SOURCES[name](5))
    storage.set(range(3), rollout(3))
    for use in (
        lambda: storage.get(3),
        lambda: storage.get([0, 4]),
        lambda: storage.set(4, rollout(1)[0]),
        lambda: storage.set(range(3, 6), rollout(3)),
    ):
        with pytest.raises(IndexOutOfRangeError):
            use()
    with pytest.raises(InvalidIndexError):
        storage.get((torch.tensor([0]), torch.tensor([0])))
    assert len(storage) == 3
    assert equal(storage[:], rollout(3))
    assert storage.contains(2)
    assert not storage.contains(3)
    assert storage.contains(torch.tensor([0, 3, -3, -4])).tolist() == [True, False, True, False]
    assert len(list(storage)) == 3
    assert len(storage.get(slice(1, 1))) == 0


@pytest.mark.parametrize("name", SOURCES)
def test_a_row_that_does_not_fit_changes_nothing(name: str) -> None:
    if name == "list":
        pytest.skip("it takes whatever there is")
    storage = to_torchrl(SOURCES[name](5))
    storage.set(range(3), rollout(3))
    bad = rollout(3, 1)
    bad["next", "reward"] = torch.zeros(3, 2)
    more = rollout(3, 1).set("more", torch.zeros(3))
    for value in (bad, more, more[0], rollout(3).select("obs"), torch.zeros(3), [rollout(1)[0]] * 2):
        with pytest.raises(SpaceValueError):
            storage.set([0, 3, 4], value)
    assert equal(storage[:], rollout(3))


@pytest.mark.parametrize("capacity", [None, 10])
@pytest.mark.parametrize("name", SOURCES)
def test_dumps_and_states(name: str, capacity: int | None, tmp_path: Path) -> None:
    buffer = TorchBuffer(storage=to_torchrl(SOURCES[name](capacity)), batch_size=4)
    for seed in range(3):
        buffer.extend(rollout(5, seed))
    if "buffer" in name:
        assert not buffer.storage._kept_in.has_open_segment
    buffer.dumps(tmp_path / "a")
    other = TorchBuffer(storage=to_torchrl(SOURCES[name](capacity)), batch_size=4)
    other.extend(rollout(3, 9))
    other.loads(tmp_path / "a")
    third = TorchBuffer(storage=to_torchrl(SOURCES[name](capacity)), batch_size=4)
    third.load_state_dict(buffer.state_dict())
    for each in (other, third):
        assert equal(each[:], buffer[:])
        assert each.storage._last_cursor_index == buffer.storage._last_cursor_index
    for each in (buffer, other, third):
        each.extend(rollout(5, 7))
    assert equal(other[:], buffer[:])
    assert equal(third[:], buffer[:])
    if "buffer" in name:
        with pytest.raises(DatasetExistsError):
            buffer.dumps(tmp_path / "a")


def test_the_state_of_what_is_on_disk_is_its_commit(tmp_path: Path) -> None:
    with ReplayBuffer.create(ZarrStorage, space(), cache_path=tmp_path / "a.zarr") as rows:
        buffer = TorchBuffer(storage=to_torchrl(rows), batch_size=4)
        buffer.extend(rollout(5))
        state = buffer.state_dict()
        assert {*state["_storage"]} == {"uuid", "commit"}
    with unienv_data.open(tmp_path / "a.zarr", mode="a") as rows:
        again = TorchBuffer(storage=to_torchrl(rows), batch_size=4)
        state["_storage"]["commit"] = rows.storage.commit_number
        again.load_state_dict(state)
        assert again.extend(rollout(5)).tolist() == [5, 6, 7, 8, 9]
        with pytest.raises(SpaceError, match="commit"):
            again.load_state_dict(state)


def test_a_storage_s_ring_is_dumped_with_what_has_been_filled(tmp_path: Path) -> None:
    ring = SOURCES["zarr storage"](20)
    storage = to_torchrl(ring)
    for number, count in enumerate((3, 5)):
        storage.set(range(count), rollout(count, number))
        storage.dumps(tmp_path / str(count))
        with unienv_data.open(tmp_path / str(count)) as rows:
            assert np.array_equal(rows[:]["obs"], rollout(count, number)["obs"].numpy())
    again = ZarrStorage.load_from(tmp_path / "5", space())
    assert len(to_torchrl(again)) == 5
    assert len(to_torchrl(again, length=2)) == 2


def test_a_dataset_s_storage_keeps_its_episodes(tmp_path: Path) -> None:
    with ReplayBuffer.create(ZarrStorage, space(), cache_path=tmp_path / "a", capacity=9) as rows:
        rows.extend(to_rows(rollout(6)), episode={"task": "push"})
    ring: Any = ZarrStorage.load_from(tmp_path / "a", space(), subfolder="storage", read_only=False)
    storage = to_torchrl(ring)
    assert equal(storage[:], rollout(6))
    storage[0] = rollout(1, 3)[0]
    storage.dumps(tmp_path / "b")
    ring.close()
    with unienv_data.open(tmp_path / "a") as rows:
        assert rows.episodes["task"].to_pylist() == ["push"]
        assert np.array_equal(rows[0]["obs"], rollout(1, 3)["obs"][0].numpy())
