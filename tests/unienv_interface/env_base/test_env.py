"""The contract's own code: halves of calls, merging after masked resets, sampling, layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unienv_interface.corpus import AnyBackend, same
from tests.unienv_interface.env_base.worlds import CountingEnv
from unienv_interface import NumpyComputeBackend
from unienv_interface.env_base import Env
from unienv_interface.errors import EnvError
from unienv_interface.space.space_utils.batch_utils import concatenate


def test_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Env()  # type: ignore[abstract]


def test_defaults() -> None:
    class Bare(Env[Any, Any, Any, Any, Any, Any, Any, Any]):
        def step(self, action: Any) -> Any:
            return action, 0.0, False, False, {}

        def reset(self, *, mask: Any = None, seed: int | None = None, **kwargs: Any) -> Any:
            return None, 0, {}

    bare = Bare()
    assert (bare.batch_size, bare.context_space, bare.render_mode, bare.render_fps, bare.device) == (
        None,
    ) * 5
    assert bare.metadata == {"render_modes": []}
    assert bare.render() is None
    assert bare.sample_context() is None
    assert bare.unwrapped is bare
    assert bare.prev_wrapper_layer is None
    assert str(bare) == "<Bare>"
    bare.close()


def test_halves_do_what_the_whole_does(backend: AnyBackend) -> None:
    whole, halves = CountingEnv(backend, 2), CountingEnv(backend, 2)
    mask = backend.asarray([False, True])
    for arguments in ({}, {"mask": mask, "extra": 1}):
        expected = whole.reset(**arguments)
        halves.reset_async(**arguments)
        assert halves.counters[1].episode < whole.counters[1].episode, "nothing is done before the wait"
        assert same(halves.reset_wait(), expected)
    action = whole.sample_action()
    expected = whole.step(action)
    halves.step_async(action)
    assert halves.counters[0].steps == 0
    assert same(halves.step_wait(), expected)


def test_halves_out_of_turn() -> None:
    env = CountingEnv(NumpyComputeBackend)
    with pytest.raises(EnvError, match=r"CountingEnv.step_wait: no step was begun; call step_async"):
        env.step_wait()
    with pytest.raises(EnvError, match=r"no reset was begun; call reset_async"):
        env.reset_wait()
    env.reset_async(seed=3)
    for call in (env.reset_async, lambda: env.step_async(env.sample_action())):
        with pytest.raises(EnvError, match=r"a reset is under way; call reset_wait\(\) first"):
            call()
    assert env.reset_wait()[2] == {"reset": 1}
    env.step_async(env.sample_action())
    with pytest.raises(EnvError, match=r"a step is under way"):
        env.reset_async()
    env.step_wait()
    with pytest.raises(RuntimeError, match=r"no step was begun"):
        env.step_wait()


def test_sampling_moves_the_generator_on(backend: AnyBackend) -> None:
    env = CountingEnv(backend, 2)
    drawn = [env.sample_action() for _ in range(8)]
    assert all(action in env.action_space for action in drawn)
    assert len({backend.to_numpy(action).tobytes() for action in drawn}) > 1
    assert env.sample_observation() in env.observation_space
    assert env.sample_context() in env.context_space


@settings(max_examples=25)
@given(mask=st.lists(st.booleans(), min_size=1, max_size=6), seed=st.integers(0, 1000))
def test_merging_is_replacing_in_a_list(mask: list[bool], seed: int) -> None:
    env = CountingEnv(NumpyComputeBackend, len(mask))
    rng = np.random.default_rng(seed)

    def draw(count: int, space: Any) -> list[Any]:
        return [space.sample(rng)[1] for _ in range(count)]

    for space, update in (
        (env.single_observation, env.update_observation_post_reset),
        (env.single_context, env.update_context_post_reset),
    ):
        old, new = draw(len(mask), space), draw(sum(mask), space)
        fresh = iter(new)
        expected = [next(fresh) if chosen else value for value, chosen in zip(old, mask, strict=True)]
        before = concatenate(space, old)
        after = update(before, concatenate(space, new), np.array(mask))
        assert same(after, concatenate(space, expected))
        assert same(before, concatenate(space, old)), "what was there stays as it is"


def test_merging_on_every_backend(backend: AnyBackend) -> None:
    env = CountingEnv(backend, 3)
    context, observation, _ = env.reset()
    mask = backend.asarray([True, False, True])
    fresh_context, fresh, _ = env.reset(mask=mask)
    merged = env.update_context_post_reset(context, fresh_context, mask)
    assert backend.to_numpy(merged).tolist() == [[0, 1], [1, 0], [2, 1]]
    assert backend.to_numpy(context).tolist() == [[0, 0], [1, 0], [2, 0]]
    assert env.update_observation_post_reset(observation, fresh, mask) in env.observation_space


def test_merging_needs_a_batch_and_contexts() -> None:
    env = CountingEnv(NumpyComputeBackend)
    context, observation, _ = env.reset()
    with pytest.raises(EnvError, match="its batch_size is None"):
        env.update_observation_post_reset(observation, observation, np.array([True]))
    env.context_space = None
    assert env.update_context_post_reset(context, context, np.array([True])) is context


def test_leaving_the_context_closes() -> None:
    with CountingEnv(NumpyComputeBackend) as env:
        assert env.closed == 0
    assert env.closed == 1
