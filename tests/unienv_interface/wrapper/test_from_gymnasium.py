"""Gymnasium's environments as ours."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from tests.unienv_interface.corpus import AnyBackend, same
from unienv_interface import NumpyComputeBackend as N
from unienv_interface.errors import EnvError, SpaceError, SpaceValueError
from unienv_interface.space import BinarySpace, BoxSpace
from unienv_interface.space.space_utils.batch_utils import get_at, iterate

gym = pytest.importorskip("gymnasium")
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv  # noqa: E402

from tests.unienv_interface.wrapper.theirs import KINDS, CopyingWalkEnv, EchoEnv, WalkEnv  # noqa: E402
from unienv_interface.space.space_utils.gym_utils import from_gym_data, from_gym_space  # noqa: E402
from unienv_interface.wrapper import FromGymnasiumEnv  # noqa: E402


def walks(count: int, mode: Any = AutoresetMode.DISABLED, cls: Any = SyncVectorEnv, **options: Any) -> Any:
    made = CopyingWalkEnv if mode is AutoresetMode.SAME_STEP else WalkEnv
    if cls is AsyncVectorEnv:
        options["context"] = "forkserver"  # threads of other tests' libraries do not survive a fork
    return FromGymnasiumEnv(cls([made] * count, autoreset_mode=mode, **options))


# -- one environment -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_space(kind: str, backend: AnyBackend) -> None:
    theirs = EchoEnv(copy.deepcopy(KINDS[kind]))
    env = FromGymnasiumEnv(theirs, backend)
    assert env.batch_size is None
    assert env.backend is backend
    assert env.observation_space == env.action_space == from_gym_space(theirs.observation_space, backend)
    context, observation, info = env.reset(seed=3)
    assert context is None
    assert info == {"options": None}
    seen, acted = [observation], []
    for step in range(1, 5):
        acted.append(env.sample_action())
        observation, reward, terminated, truncated, info = env.step(acted[-1])
        seen.append(observation)
        assert (reward, terminated, truncated, info) == (0.5 * step, False, step == 4, {"steps": step})
    for ours, raw in zip(seen, theirs.observed, strict=True):
        assert ours in env.observation_space
        assert same(ours, from_gym_data(env.observation_space, raw))
    for ours, raw in zip(acted, theirs.acted, strict=True):
        assert theirs.action_space.contains(raw), raw
        assert same(from_gym_data(env.action_space, raw), env.action_space.coerce(ours))


def test_actions_that_are_keys() -> None:
    theirs = EchoEnv(gym.spaces.Discrete(5))
    env = FromGymnasiumEnv(theirs)
    env.reset()
    env.step(env.sample_action())
    assert {0: 1, 1: 1, 2: 1, 3: 1, 4: 1}[theirs.acted[0]] == 1, "as environments that look actions up need"


@pytest.mark.parametrize("name", ["CartPole-v1", "Blackjack-v1", "FrozenLake-v1", "Pendulum-v1"])
def test_gymnasiums_own(name: str) -> None:
    ours, theirs = FromGymnasiumEnv(gym.make(name)), gym.make(name)
    theirs.action_space.seed(1)
    assert same(ours.reset(seed=5)[1], from_gym_data(ours.observation_space, theirs.reset(seed=5)[0]))
    for _ in range(30):
        action = theirs.action_space.sample()
        raw, *rest = theirs.step(action)
        observation, *others = ours.step(from_gym_data(ours.action_space, action))
        assert same(observation, from_gym_data(ours.observation_space, raw))
        assert others == rest
        if rest[1] or rest[2]:
            theirs.reset(seed=7)
            ours.reset(seed=7)


def test_observations_stay_as_they_were() -> None:
    env = FromGymnasiumEnv(WalkEnv())
    _, first, _ = env.reset(seed=1)
    kept = copy.deepcopy(first)
    env.step(np.array(1))
    assert same(first, kept)


def test_options_and_attributes() -> None:
    theirs = EchoEnv(gym.spaces.Discrete(2))
    env = FromGymnasiumEnv(theirs)
    assert env.reset(options={"a": 1}, b=2)[2] == {"options": {"a": 1, "b": 2}}
    assert (env.render_mode, env.render_fps, env.metadata) == ("rgb_array", 7, EchoEnv.metadata)
    assert env.render().shape == (2, 2, 3)
    assert env.has_wrapper_attr("length")
    assert not env.has_wrapper_attr("nothing")
    env.set_wrapper_attr("length", 9)
    assert env.get_wrapper_attr("length") == theirs.length == 9
    env.set_wrapper_attr("render_fps", 8)
    assert env.render_fps == 8
    with pytest.raises(AttributeError, match="no layer"):
        env.set_wrapper_attr("nothing", 1)
    with pytest.raises(AttributeError):
        env.get_wrapper_attr("nothing")
    assert env.unwrapped is env
    assert str(env) == f"<FromGymnasiumEnv{theirs}>"


def test_a_seed_is_also_that_of_drawn_actions() -> None:
    def drawn(seed: int) -> list[int]:
        env.reset(seed=seed)
        return [int(env.sample_action()) for _ in range(20)]

    env = FromGymnasiumEnv(EchoEnv(gym.spaces.Discrete(100)))
    first = drawn(1)
    assert first != drawn(2)
    assert first == drawn(1)
    assert env.reset() is not None
    assert first != [int(env.sample_action()) for _ in range(20)]


def test_what_does_not_fit_is_refused() -> None:
    env = FromGymnasiumEnv(WalkEnv())
    env.reset()
    with pytest.raises(SpaceValueError):
        env.step(np.array(2))
    with pytest.raises(EnvError, match=r"a gymnasium.Env has no slots"):
        env.reset(mask=np.array([True]))
    with pytest.raises(EnvError, match=r"env: expected a gymnasium.Env or a gymnasium.vector.VectorEnv"):
        FromGymnasiumEnv(object())  # type: ignore[arg-type]
    with pytest.raises(SpaceError, match="no space is like Sequence"):
        FromGymnasiumEnv(EchoEnv(gym.spaces.Sequence(gym.spaces.Discrete(2))))
    theirs = EchoEnv(gym.spaces.Box(0, 1, (2,), np.float32))
    theirs._observe = lambda: np.array([0, 2], np.float32)  # type: ignore[method-assign]
    with pytest.raises(SpaceValueError, match="2"):
        FromGymnasiumEnv(theirs).reset()


# -- batches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_space_in_batches(kind: str, backend: AnyBackend) -> None:
    theirs = [EchoEnv(copy.deepcopy(KINDS[kind]), length=2) for _ in range(3)]
    vector = SyncVectorEnv([lambda one=one: one for one in theirs], autoreset_mode=AutoresetMode.DISABLED)
    env = FromGymnasiumEnv(vector, backend)
    single = from_gym_space(theirs[0].observation_space, backend)
    assert env.batch_size == 3

    def check(observation: Any, slots: list[int]) -> None:
        values = list(iterate(env.observation_space, observation))
        assert len(values) == len(slots)
        for value, slot in zip(values, slots, strict=True):
            assert same(single.coerce(value), from_gym_data(single, theirs[slot].observed[-1]))

    observation = env.reset(seed=3)[1]
    assert observation in env.observation_space
    check(observation, [0, 1, 2])
    for _ in range(2):
        action = env.sample_action()
        assert action in env.action_space
        observation, reward, terminated, truncated, _ = env.step(action)
        assert observation in env.observation_space
        check(observation, [0, 1, 2])
        for slot, one in enumerate(theirs):
            acted = one.acted[-1]
            if kind == "box_scalar":
                acted = np.asarray(acted)  # a vector environment takes scalars out of its arrays
            assert one.action_space.contains(acted), acted
            value = single.coerce(get_at(env.action_space, action, slot))
            assert same(from_gym_data(single, one.acted[-1]), value)
        for array in (reward, terminated, truncated):
            assert backend.is_backendarray(array)
            assert tuple(array.shape) == (3,)
    assert backend.to_numpy(reward).tolist() == [1.0, 1.0, 1.0]
    assert backend.to_numpy(truncated).tolist() == [True] * 3
    mask = backend.asarray([True, False, True])
    check(env.reset(mask=mask)[1], [0, 2])
    nobody = env.reset(mask=backend.asarray([False] * 3))
    assert len(list(iterate(env.observation_space, nobody[1]))) == 0


MODES = [(cls, mode) for cls in (SyncVectorEnv, AsyncVectorEnv) for mode in AutoresetMode]


@pytest.mark.parametrize(("cls", "mode"), MODES)
def test_a_batch_is_its_slots_one_by_one(cls: Any, mode: Any) -> None:
    """Masked resets, with and without seeds, of slots that have ended and of others."""
    count, rng = 3, np.random.default_rng(0)
    batch, singles = walks(count, mode, cls), [FromGymnasiumEnv(WalkEnv()) for _ in range(count)]

    def check(observation: Any, slots: list[int], expected: list[Any]) -> None:
        for position, slot in enumerate(slots):
            assert same(get_at(batch.observation_space, observation, position), expected[slot])

    try:
        check(batch.reset(seed=7)[1], [0, 1, 2], [one.reset(seed=7 + i)[1] for i, one in enumerate(singles)])
        ends = 0
        for step in range(60):
            actions = rng.integers(-1, 2, count)
            given = [one.step(np.array(action)) for one, action in zip(singles, actions, strict=True)]
            if step % 2:
                observation, reward, terminated, truncated, _ = batch.step(actions)
            else:
                batch.step_async(actions)
                observation, reward, terminated, truncated, _ = batch.step_wait()
            check(observation, [0, 1, 2], [one[0] for one in given])
            assert reward.tolist() == [one[1] for one in given]
            assert terminated.tolist() == [one[2] for one in given]
            assert truncated.tolist() == [one[3] for one in given]
            mask = terminated | truncated
            ends += mask.sum()
            if step % 7 == 0:
                mask |= rng.random(count) < 0.5
            # SAME_STEP has drawn for a new episode already: there only seeds lead to the same.
            seed = 100 * step if step % 3 or mode is AutoresetMode.SAME_STEP else None
            if mask.any():
                slots = np.flatnonzero(mask).tolist()
                fresh = {i: singles[i].reset(seed=None if seed is None else seed + i)[1] for i in slots}
                observation = batch.reset(mask=mask, seed=seed)[1]
                check(observation, slots, [fresh.get(i) for i in range(count)])
        assert ends > 10
    finally:
        batch.close()


def test_a_seed_for_every_slot() -> None:
    env = walks(3)
    expected = [FromGymnasiumEnv(WalkEnv()).reset(seed=seed)[1] for seed in (5, 50, 500)]
    observation = env.reset(seed=[5, 50, 500])[1]
    assert all(same(get_at(env.observation_space, observation, i), expected[i]) for i in range(3))


def test_slots_that_ended_are_reset_before_the_next_step() -> None:
    env = walks(2)
    env.reset(seed=0)
    while True:
        terminated, truncated = env.step(np.array([0, 0]))[2:4]
        if (terminated | truncated).any():
            break
    slots = np.flatnonzero(terminated | truncated).tolist()
    with pytest.raises(EnvError, match=rf"the episodes of slots \[{slots[0]}.*\] have ended; reset\(mask"):
        env.step(np.array([0, 0]))
    env.reset(mask=terminated | truncated)
    env.step(np.array([0, 0]))
    env.reset()
    env.step(np.array([0, 0]))


@pytest.mark.parametrize("mask", [np.array([True]), np.array([1, 0]), np.ones((2, 1), bool)])
def test_masks_are_checked(mask: Any) -> None:
    env = walks(2)
    env.reset()
    with pytest.raises(SpaceValueError, match=r"mask: expected booleans of shape \(2,\)"):
        env.reset(mask=mask)


def test_slots_that_differ() -> None:
    def make(high: int) -> Any:
        return lambda: EchoEnv(gym.spaces.Box(0, high, (2,), np.float32))

    theirs = SyncVectorEnv(
        [make(1), make(1)], observation_mode="different", autoreset_mode=AutoresetMode.DISABLED
    )
    assert isinstance(FromGymnasiumEnv(theirs).observation_space, BoxSpace)
    theirs.observation_space = gym.spaces.Box(
        np.zeros((2, 2), np.float32), np.array([[1, 1], [9, 9]], np.float32)
    )
    env = FromGymnasiumEnv(theirs)
    high = env.observation_space.high  # type: ignore[attr-defined]
    assert high.tolist() == [[1, 1], [9, 9]]
    theirs.observation_space = gym.spaces.Box(0, 1, (3, 2), np.float32)
    with pytest.raises(SpaceError, match="observation_space: expected batches of 2"):
        FromGymnasiumEnv(theirs)


def test_binary_batches_stay_binary() -> None:
    theirs = SyncVectorEnv(
        [lambda: EchoEnv(gym.spaces.MultiBinary(4))] * 2, autoreset_mode=AutoresetMode.DISABLED
    )
    assert FromGymnasiumEnv(theirs).observation_space == BinarySpace(N, (2, 4))


def test_vector_environments_that_reset_by_themselves_are_refused() -> None:
    with pytest.raises(
        EnvError, match=r"not those that are chosen; make it with autoreset_mode=AutoresetMode"
    ):
        FromGymnasiumEnv(gym.make_vec("CartPole-v1", num_envs=2, vectorization_mode="vector_entry_point"))

    class Trusted(VectorEnv):  # type: ignore[misc]
        metadata = {"autoreset_mode": AutoresetMode.DISABLED}  # noqa: RUF012 - as in Gymnasium
        num_envs = 2
        single_observation_space = single_action_space = gym.spaces.Discrete(2)
        observation_space = action_space = gym.spaces.MultiDiscrete([2, 2])

    assert FromGymnasiumEnv(Trusted()).batch_size == 2
    Trusted.metadata = {}
    with pytest.raises(EnvError, match="it resets its slots by itself"):
        FromGymnasiumEnv(Trusted())
    theirs = AsyncVectorEnv([WalkEnv] * 2, shared_memory=False, context="forkserver")
    try:
        with pytest.raises(EnvError, match="without shared memory"):
            FromGymnasiumEnv(theirs)
    finally:
        theirs.close()


def test_texts_in_shared_memory_are_refused() -> None:
    """Gymnasium reads them once, at the beginning, and never again."""
    made = [lambda: EchoEnv(KINDS["dict"])] * 2
    options: dict[str, Any] = {"autoreset_mode": AutoresetMode.DISABLED, "context": "forkserver"}
    theirs = AsyncVectorEnv(made, **options)
    try:
        with pytest.raises(EnvError, match="make it with shared_memory=False"):
            FromGymnasiumEnv(theirs)
    finally:
        theirs.close()
    with FromGymnasiumEnv(AsyncVectorEnv(made, shared_memory=False, **options)) as env:
        single = FromGymnasiumEnv(EchoEnv(KINDS["dict"]))
        for seed in (1, 2):
            observation, expected = env.reset(seed=[seed, seed])[1], single.reset(seed=seed)[1]
            assert all(same(get_at(env.observation_space, observation, slot), expected) for slot in (0, 1))


def test_what_the_refusal_says_works() -> None:
    options = {"autoreset_mode": AutoresetMode.DISABLED}
    theirs = gym.make_vec("CartPole-v1", num_envs=2, vectorization_mode="sync", vector_kwargs=options)
    env = FromGymnasiumEnv(theirs)
    assert env.reset(seed=1)[1] in env.observation_space
    with env:
        assert not theirs.closed
    assert theirs.closed
