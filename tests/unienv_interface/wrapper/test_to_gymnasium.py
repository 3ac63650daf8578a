"""Our environments as Gymnasium's."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest

from tests.unienv_interface.corpus import AnyBackend
from tests.unienv_interface.env_base.worlds import CountingEnv
from unienv_interface import NumpyComputeBackend as N
from unienv_interface.errors import EnvError, SpaceError, SpaceValueError

gym = pytest.importorskip("gymnasium")
from gymnasium.utils.env_checker import check_env, data_equivalence  # noqa: E402
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv  # noqa: E402

from tests.unienv_interface.wrapper.theirs import KINDS, EchoEnv, WalkEnv  # noqa: E402
from unienv_interface.wrapper import FromGymnasiumEnv, ToGymnasiumEnv  # noqa: E402
from unienv_interface.wrapper.gym_compat import ToGymnasiumVectorEnv  # noqa: E402


def check(env: Any) -> None:
    """Gymnasium's own checker, whose advice on good spaces is none on wrappers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(infinity|symmetric|without|spec|probably|Casting).*")
        check_env(env)


class UnsteppedEcho(EchoEnv):
    """Seeded by its own generator alone, as Gymnasium's checker wants environments to be."""

    def _observe(self) -> Any:
        self.observation_space.seed(int(self.np_random.integers(1 << 31)))
        return super()._observe()


@pytest.mark.parametrize("kind", KINDS)
def test_gymnasiums_checker_passes(kind: str, backend: AnyBackend) -> None:
    check(ToGymnasiumEnv(FromGymnasiumEnv(UnsteppedEcho(copy.deepcopy(KINDS[kind])), backend)))


def test_the_checker_passes_worlds_of_our_own() -> None:
    world = CountingEnv(N, length=5)
    world.render_fps = 1
    check(ToGymnasiumEnv(world))


@pytest.mark.parametrize("name", ["CartPole-v1", "Blackjack-v1", "FrozenLake-v1"])
def test_there_and_back_is_the_same_environment(name: str) -> None:
    theirs, back = gym.make(name), ToGymnasiumEnv(FromGymnasiumEnv(gym.make(name)))
    assert isinstance(back, gym.Env)
    theirs.action_space.seed(0)
    assert data_equivalence(_arrays(theirs.reset(seed=3)[0]), _arrays(back.reset(seed=3)[0]), exact=True)
    for _ in range(20):
        action = theirs.action_space.sample()
        given, ours = theirs.step(action), back.step(action)
        assert data_equivalence(_arrays(given[0]), _arrays(ours[0]), exact=True)
        assert given[1:] == ours[1:]
        assert [type(part) for part in ours[1:4]] == [float, bool, bool]
        if given[2] or given[3]:
            theirs.reset()
            back.reset()


def _arrays(observation: Any) -> Any:
    parts = observation if isinstance(observation, tuple) else (observation,)
    return tuple(np.asarray(part) for part in parts)


def test_contexts_are_part_of_observations() -> None:
    env = ToGymnasiumEnv(CountingEnv(N))
    assert sorted(env.observation_space.keys()) == ["context", "count", "said"]
    for episode in range(2):
        first, _ = env.reset()
        assert first["context"].tolist() == [0, episode]
        second = env.step(np.int64(4))[0]
        assert second in env.observation_space
        assert (second["context"].tolist(), second["count"].tolist()) == ([0, episode], [1, 4])
        assert second["context"] is not first["context"]


def test_ways_of_combining() -> None:
    world = CountingEnv(N)
    world.observation_space = world.single_observation["count"]
    env = ToGymnasiumEnv(world)
    assert sorted(env.observation_space.keys()) == ["context", "observation"]
    world = CountingEnv(N)
    world.context_space = world.single_observation
    with pytest.raises(SpaceError, match=r"both have the keys \['count', 'said'\]"):
        ToGymnasiumEnv(world)


def test_attributes() -> None:
    inner = CountingEnv(N)
    inner.render_fps = 3
    env = ToGymnasiumEnv(inner)
    assert env.metadata == {"render_modes": ["ansi"], "render_fps": 3}
    assert CountingEnv.metadata == {"render_modes": ["ansi"]}, "which is not written into"
    assert env.render_mode == "ansi"
    env.reset(options={"extra": 1})
    assert env.render() == "0"
    assert str(env) == "<ToGymnasiumEnv<CountingEnv>>"
    env.close()
    assert inner.closed == 1


def test_only_environments() -> None:
    with pytest.raises(EnvError, match="wraps an Env, got int"):
        ToGymnasiumEnv(3)
    with pytest.raises(EnvError, match="wraps an Env that has a batch_size"):
        ToGymnasiumVectorEnv(CountingEnv(N))


# -- batches ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*Casting input")  # a Graph of numbers takes scalars out of its arrays
@pytest.mark.parametrize("kind", KINDS)
def test_batches_there_and_back(kind: str, backend: AnyBackend) -> None:
    def make() -> Any:
        made = [lambda: EchoEnv(copy.deepcopy(KINDS[kind]), length=100)] * 2
        return SyncVectorEnv(made, autoreset_mode=AutoresetMode.DISABLED)

    theirs, back = make(), ToGymnasiumEnv(FromGymnasiumEnv(make(), backend))
    assert isinstance(back, VectorEnv)
    assert back.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    assert back.num_envs == 2
    back.action_space.seed(1)
    assert _same(theirs.reset(seed=3)[0], back.reset(seed=3)[0])
    for step in range(4):
        action = theirs.action_space.sample()
        given, ours = theirs.step(action), back.step(action)
        assert _same(given[0], ours[0])
        assert all(np.array_equal(one, other) for one, other in zip(given[1:4], ours[1:4], strict=True))
        assert ours[0] in back.observation_space
        options = {"reset_mask": np.array([step % 2 == 0, True])}
        assert _same(theirs.reset(options=dict(options))[0], back.reset(options=options)[0])


def _same(one: Any, other: Any) -> bool:
    """Equal numbers, whatever their types: a `Discrete` comes back as a box of integers."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, str) or one is None:
        return bool(one == other)
    return np.array_equal(np.asarray(one), np.asarray(other))


def test_masked_resets_give_all_slots() -> None:
    inner = CountingEnv(N, 3)
    env = ToGymnasiumEnv(inner)
    assert sorted(env.single_observation_space.keys()) == ["context", "count", "said"]
    first, _ = env.reset()
    kept = copy.deepcopy(first)
    observation = env.step(np.array([1, 2, 3]))[0]
    assert observation["count"].tolist() == [[1, 1], [1, 2], [1, 3]]
    options = {"reset_mask": np.array([False, True, False])}
    observation, info = env.reset(options=options)
    assert observation["count"].tolist() == [[1, 1], [0, 0], [1, 3]]
    assert observation["context"].tolist() == [[0, 0], [1, 1], [2, 0]]
    assert observation["said"] == ("step 1", "step 0", "step 1")
    assert observation in env.observation_space
    assert info == {"reset": 1}
    assert list(options) == ["reset_mask"], "which is the caller's"
    observation["count"][:] = 77
    observation, _ = env.reset(options=options)
    assert observation["count"].tolist() == [[1, 1], [0, 0], [1, 3]]
    assert first["count"].tolist() == kept["count"].tolist()
    assert env.render() == "1 0 3"
    env.close()
    assert inner.closed == 1


def test_masks_are_checked() -> None:
    env = ToGymnasiumEnv(CountingEnv(N, 2))
    with pytest.raises(EnvError, match="reset all slots once"):
        env.reset(options={"reset_mask": np.array([True, False])})
    env.reset()
    for mask in (np.array([1, 0]), [True, False], np.array([True])):
        with pytest.raises(SpaceValueError, match=r"reset_mask: expected booleans of shape \(2,\)"):
            env.reset(options={"reset_mask": mask})


def test_slots_that_differ() -> None:
    inner = CountingEnv(N, 2)
    low, high = np.zeros((2,), np.int64), np.array([4, 9])
    inner.action_space = type(inner.single_action)(N, low, high, np.int64)
    env = ToGymnasiumEnv(inner)
    assert env.action_space.high.tolist() == [4, 9]
    assert env.single_action_space.high == 4


def test_a_vector_environment_for_walks_ends_and_goes_on() -> None:
    env = ToGymnasiumEnv(
        FromGymnasiumEnv(SyncVectorEnv([WalkEnv] * 4, autoreset_mode=AutoresetMode.DISABLED))
    )
    env.reset(seed=0)
    ends = 0
    for _ in range(50):
        _, reward, terminated, truncated, _ = env.step(np.zeros(4, np.int64))
        assert (reward.dtype, terminated.dtype, truncated.dtype) == (np.float64, np.bool_, np.bool_)
        mask = terminated | truncated
        ends += mask.sum()
        if mask.any():
            env.reset(options={"reset_mask": mask})
    assert ends > 10
