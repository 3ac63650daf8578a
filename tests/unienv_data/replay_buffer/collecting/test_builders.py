"""What becomes a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_torch
from tests.unienv_data.replay_buffer.collecting.worlds import (
    INF,
    CountingWorld,
    new_buffer,
    row_space,
    rows_of,
)
from unienv_data import ReplayBuffer, ReplayBufferCollectionWrapper, ZarrStorage
from unienv_data.errors import InexactValueError, SpaceError, SpaceValueError
from unienv_interface.backends import NumpyComputeBackend, load_backend
from unienv_interface.env_base import Env
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace, TextSpace, TupleSpace
from unienv_interface.space.space_utils.batch_utils import batch_space
from unienv_interface.transformations import FilterDictTransformation

B = NumpyComputeBackend


def of(members: dict[str, Any], backend: Any = B) -> Any:
    return ReplayBuffer.create(ZarrStorage, DictSpace(backend, members))


# Functions


@pytest.mark.parametrize(("slots", "per_env"), [(None, False), (1, False), (3, False), (1, True), (3, True)])
def test_what_a_function_is_given(slots: int | None, per_env: bool) -> None:
    world = CountingWorld(slots)
    calls: list[dict[str, Any]] = []

    def build(**given: Any) -> Any:
        calls.append(given)
        return {"sum": given["action"] + given["reward"]}

    space = {"sum": BoxSpace(B, -INF, INF, B.float64, shape=())}
    buffers = [of(space) for _ in range((slots or 1) if per_env else 1)]
    env = ReplayBufferCollectionWrapper(
        world, buffers, "per_env" if per_env else "shared", transition_builder=build
    )
    env.reset()
    action = np.arange(slots) if slots is not None else np.array(0)
    env.step(action)
    by_slot = per_env and slots is not None
    assert len(calls) == (slots if by_slot else 1)
    for slot, given in enumerate(calls):
        one = slot if by_slot else ...
        assert list(given) == [
            "cached_obs",
            "cached_context",
            "action",
            "next_obs",
            "reward",
            "terminated",
            "truncated",
            "env_index",
            "rb_single_space",
        ]
        before = np.array([[number, 1, 0] for number in range(slots or 1)])
        whole = before if slots is not None else before[0]
        np.testing.assert_array_equal(given["cached_obs"], whole[one])
        np.testing.assert_array_equal(given["next_obs"], whole[one] + [0, 0, 1])
        np.testing.assert_array_equal(given["cached_context"], whole[..., 1:2][one])
        np.testing.assert_array_equal(given["action"], action[one])
        np.testing.assert_array_equal(given["reward"], (action + 1.0)[one])
        assert not np.any(given["terminated"] | given["truncated"])
        expected = slot if by_slot else None if slots is None else list(range(slots))
        index = given["env_index"]
        assert (index.tolist() if isinstance(index, np.ndarray) else index) == expected
        assert given["rb_single_space"] == buffers[0].single_space
    sums = [row["sum"] for buffer in buffers for row in rows_of(buffer)]
    assert sums == [2 * number + 1 for number in range(slots or 1)]


def test_a_function_that_makes_other_rows() -> None:
    world = CountingWorld(2)
    env = ReplayBufferCollectionWrapper(world, new_buffer(world), transition_builder=lambda **given: {"x": 1})
    env.reset()
    with pytest.raises(SpaceValueError, match="keys"):
        env.step(np.zeros(2, dtype=np.int64))
    assert len(env.replay_buffers[0]) == 0


# Transformations


@pytest.mark.parametrize(("slots", "per_env"), [(None, False), (3, False), (3, True)])
def test_transformations(slots: int | None, per_env: bool) -> None:
    world = CountingWorld(slots)
    space = row_space(world)
    kept = {key: space[key] for key in ("obs", "action", "env_index", "context", "done")}
    buffers = [of(kept) for _ in range((slots or 1) if per_env else 1)]
    env = ReplayBufferCollectionWrapper(
        world, buffers, transition_builder=FilterDictTransformation(list(kept))
    )
    env.reset()
    world.next_ends = {0: "truncated"}
    env.step(np.arange(slots) if slots is not None else np.array(0))
    assert [row for buffer in buffers for row in rows_of(buffer)] == [
        {"obs": [slot, 1, 0], "action": slot, "env_index": slot, "context": [1], "done": slot == 0}
        for slot in range(slots or 1)
    ]


def test_a_transformation_that_makes_other_rows() -> None:
    world = CountingWorld(3)
    with pytest.raises(SpaceError, match="transition_builder: expected transitions of the form"):
        ReplayBufferCollectionWrapper(
            world, new_buffer(world), transition_builder=FilterDictTransformation(["obs"])
        )
    with pytest.raises(SpaceError):
        ReplayBufferCollectionWrapper(
            world, new_buffer(world), transition_builder=FilterDictTransformation(["speed"])
        )


# The default


def test_rewards_take_the_buffers_type_and_numbers_its_shape() -> None:
    for slots in (None, 2):
        world = CountingWorld(slots)
        column = BoxSpace(B, -INF, INF, B.float32, shape=(1,))
        flag = BinarySpace(B, (1,))
        number = BoxSpace(B, 0, 9, B.uint8, shape=())
        buffer = of({"reward": column, "done": flag, "env_index": number, "terminated": number})
        env = ReplayBufferCollectionWrapper(world, buffer)
        env.reset()
        world.next_ends = {0: "terminated"}
        world.state[:, 2] = 10**8 + 2  # the reward is no float32
        env.step(np.zeros(slots or (), dtype=np.int64))
        rows = rows_of(buffer)
        assert [row["reward"] for row in rows] == [[float(np.float32(10**8 + 3))]] * (slots or 1)
        assert rows[0]["done"] == [True]
        assert rows[0]["terminated"] == 1
        assert [row["env_index"] for row in rows] == list(range(slots or 1))


def test_no_other_value_changes() -> None:
    world = CountingWorld(2)
    buffer = of(
        {"obs": BoxSpace(B, 0, 100, B.uint8, shape=(3,)), "reward": BoxSpace(B, 0, 9, B.int8, shape=())}
    )
    env = ReplayBufferCollectionWrapper(world, buffer)
    env.reset()
    with pytest.raises(SpaceValueError, match="reward"):
        env.step(np.zeros(2, dtype=np.int64))
    only_obs = of({"obs": BoxSpace(B, 0, 100, B.uint8, shape=(3,))})
    env = ReplayBufferCollectionWrapper(world, only_obs)
    env.reset()
    env.step(np.zeros(2, dtype=np.int64))
    assert rows_of(only_obs) == [{"obs": [slot, 2, 0]} for slot in range(2)]
    world.state[1, 1] = 1000
    env.reset()
    with pytest.raises(InexactValueError, match="obs"):
        env.step(np.zeros(2, dtype=np.int64))


@requires_torch
@pytest.mark.parametrize(("of_world", "of_buffer"), [("numpy", "pytorch"), ("pytorch", "numpy")])
@pytest.mark.parametrize("slots", [None, 2])
def test_a_buffer_of_another_backend(of_world: str, of_buffer: str, slots: int | None) -> None:
    world = CountingWorld(slots, load_backend(of_world))
    buffer = ReplayBuffer.create(ZarrStorage, row_space(world, load_backend(of_buffer)))
    env = ReplayBufferCollectionWrapper(world, buffer)
    env.reset()
    world.next_ends = {0: "truncated"}
    env.step(world.backend.asarray([3] * slots if slots is not None else 3))
    assert type(buffer[:]["obs"]) is not type(world._out(world.state))
    first = rows_of(buffer)[0]
    assert first == {
        "obs": [0, 1, 0],
        "next_obs": [0, 1, 1],
        "action": 3,
        "reward": 4.0,
        "terminated": False,
        "truncated": True,
        "done": True,
        "context": [1],
        "env_index": 0,
    }


# Structured observations


class Structured(Env[Any, Any, Any, Any, Any, Any, Any, Any]):
    """Observations of every kind; what they hold counts on."""

    def __init__(self, slots: int | None) -> None:
        self.backend, self.batch_size = B, slots
        self.single = DictSpace(
            B,
            {
                "image": BoxSpace(B, 0, 255, B.uint8, shape=(4, 4, 3)),
                "pair": TupleSpace(B, [BoxSpace(B, -INF, INF, B.float32, shape=(2,)), BinarySpace(B, (3,))]),
                "text": TextSpace(B, 12),
            },
        )
        self.observation_space = self.single if slots is None else batch_space(self.single, slots)
        action = TupleSpace(
            B, [BoxSpace(B, -1, 1, B.float32, shape=(2,)), BoxSpace(B, 0, 5, B.int64, shape=())]
        )
        self.action_space = action if slots is None else batch_space(action, slots)
        self.count = 0
        self.rng = np.random.default_rng(0)

    def observation(self, count: int) -> Any:
        rng = np.random.default_rng(count)
        rng, value = self.observation_space.sample(rng)
        return value

    def reset(self, *, mask: Any = None, seed: Any = None, **kwargs: Any) -> Any:
        return None, self.observation(self.count), {}

    def step(self, action: Any) -> Any:
        self.count += 1
        if self.batch_size is None:
            return self.observation(self.count), 1.0, False, False, {}
        no = np.zeros(self.batch_size, dtype=bool)
        return self.observation(self.count), np.ones(self.batch_size), no, no, {}


def rows_space(world: Structured, *, large: bool) -> DictSpace[Any, Any, Any]:
    size = 600 if large else 4  # of which too few fit into memory for gathering
    image = BoxSpace(B, 0, 255, B.uint8, shape=(size, size, 3))
    single = DictSpace(B, {**world.single.spaces, "image": image})
    world.single = single
    world.observation_space = single if world.batch_size is None else batch_space(single, world.batch_size)
    action = TupleSpace(B, [BoxSpace(B, -1, 1, B.float32, shape=(2,)), BoxSpace(B, 0, 5, B.int64, shape=())])
    return DictSpace(B, {"obs": single, "next_obs": single, "action": action})


@pytest.mark.parametrize(("slots", "per_env"), [(None, False), (2, False), (2, True)])
@pytest.mark.parametrize("large", [False, True])
def test_structured_observations(slots: int | None, per_env: bool, large: bool) -> None:
    world = Structured(slots)
    space = rows_space(world, large=large)
    buffers = [ReplayBuffer.create(ZarrStorage, space) for _ in range((slots or 1) if per_env else 1)]
    env = ReplayBufferCollectionWrapper(world, buffers)
    env.reset()
    actions = [env.sample_action() for _ in range(3)]
    for action in actions:
        env.step(action)
    for count, action in enumerate(actions):
        before, after = world.observation(count), world.observation(count + 1)
        for slot in range(slots or 1):
            row = buffers[slot][count] if per_env else buffers[0][count * (slots or 1) + slot]
            one = slot if slots is not None else ...
            for found, whole in ((row["obs"], before), (row["next_obs"], after)):
                np.testing.assert_array_equal(found["image"], whole["image"][one])
                np.testing.assert_array_equal(found["pair"][0], whole["pair"][0][one])
                np.testing.assert_array_equal(found["pair"][1], whole["pair"][1][one])
                assert found["text"] == (whole["text"] if slots is None else whole["text"][slot])
            np.testing.assert_array_equal(row["action"][0], action[0][one])
            assert row["action"][1] == action[1][one]
