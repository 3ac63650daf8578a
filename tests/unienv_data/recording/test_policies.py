"""Policies by their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("gymnasium")
from tests.unienv_data.recording.worlds import HERE
from unienv_data.errors import RecordingError
from unienv_data.recording import load_policy, random_policy
from unienv_data.recording.policies import policy_name
from unienv_interface import BoxSpace, NumpyComputeBackend

RNG = np.random.default_rng(0)


def plain(obs: Any) -> Any:
    return ("plain", obs)


def optional(obs: Any, scale: float = 2.0) -> Any:
    return ("optional", obs, scale)


def by_position(obs: Any, generator: Any) -> Any:
    return ("by_position", obs, generator)


def by_name(obs: Any, scale: float = 1.0, *, rng: Any = None) -> Any:
    return ("by_name", obs, scale, rng)


def rng(rng: Any) -> Any:
    """Called rng, and it is not the generator."""
    return ("rng", rng)


class Agent:
    def act(self, obs: Any, rng: Any) -> Any:
        return ("agent", obs, rng)


def three(obs: Any, rng: Any, more: Any) -> Any:
    return None


agent = Agent()


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("plain", ("plain", 5)),
        ("optional", ("optional", 5, 2.0)),
        ("by_position", ("by_position", 5, RNG)),
        ("by_name", ("by_name", 5, 1.0, RNG)),
        ("rng", ("rng", 5)),
        ("agent.act", ("agent", 5, RNG)),
    ],
)
def test_what_policies_may_take(name: str, result: Any) -> None:
    assert load_policy(f"{__name__}:{name}")(5, RNG) == result


def test_functions_themselves() -> None:
    assert load_policy(by_position)(5, RNG) == ("by_position", 5, RNG)
    assert load_policy(agent.act)(5, RNG) == ("agent", 5, RNG)
    assert policy_name(by_position) == f"{__name__}:by_position"
    assert policy_name(agent.act) == f"{__name__}:Agent.act"
    assert policy_name(agent) == f"{__name__}:Agent"  # type: ignore[arg-type]
    assert (policy_name("a:b"), policy_name(None)) == ("a:b", "random")
    with pytest.raises(RecordingError, match="Agent cannot be called"):
        load_policy(agent)  # type: ignore[arg-type]


def test_built_in_functions() -> None:
    assert load_policy("operator:neg")(5, RNG) == -5
    assert load_policy("builtins:max")([5, 7], RNG) == 7


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("policy", "'policy' is not module:function"),
        (":f", "':f' is not module:function"),
        ("no_such_module:f", "no_such_module cannot be imported: ModuleNotFoundError: No module named"),
        (f"{HERE}:nothing", f"{HERE} has no 'nothing'"),
        (f"{HERE}:basic.nothing", f"{HERE} has no 'basic.nothing'"),
        (f"{HERE}:NOT_A_FUNCTION", "cannot be called, it is int"),
        (f"{HERE}:takes_nothing", r"takes \(\) -> 'int', not \(observation\) or \(observation, rng\)"),
        (f"{__name__}:three", "not .observation. or"),
    ],
)
def test_what_is_no_policy(name: str, message: str) -> None:
    with pytest.raises(RecordingError, match=f"policy: .*{message}"):
        load_policy(name)


def test_random_actions_are_a_function_of_the_generator() -> None:
    space = BoxSpace(NumpyComputeBackend, 0, 1, np.float32, shape=(4,))
    act = random_policy(space)
    first = act(None, np.random.default_rng(1))
    assert first in space
    assert np.array_equal(first, act(None, np.random.default_rng(1)))
    assert not np.array_equal(first, act(None, np.random.default_rng(2)))
