"""What a recording should hold: episodes played with Gymnasium alone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

import unienv_data


def roll_out(env: Any, seed: int, act: Callable[[Any, int], Any]) -> list[dict[str, Any]]:
    """The steps of one episode, of any Gymnasium environment."""
    obs, steps = copy.deepcopy(env.reset(seed=seed)[0]), []
    while True:
        frame = np.array(env.render()) if env.render_mode == "rgb_array" else None
        action = act(obs, len(steps))
        after, reward, terminated, truncated, _ = env.step(action)
        after = copy.deepcopy(after)
        steps.append(
            {
                "obs": obs,
                "action": action,
                "reward": reward,
                "terminated": terminated,
                "truncated": truncated,
                "next_obs": after,
                "render": frame,
            }
        )
        if terminated or truncated:
            return steps
        obs = after


def equal(stored: Any, given: Any) -> bool:
    """Whether a stored value is what Gymnasium gave."""
    if isinstance(given, dict):
        return set(stored) == set(given) and all(equal(stored[key], given[key]) for key in given)
    if isinstance(given, tuple):
        return len(stored) == len(given) and all(map(equal, stored, given))
    if isinstance(given, str):
        return bool(stored == given)
    return np.array_equal(np.asarray(stored), np.asarray(given)) and np.shape(stored) == np.shape(given)


def check_recording(
    path: Any, env_id: str, *, policy: Any = None, **kwargs: Any
) -> dict[int, list[dict[str, Any]]]:
    """Check every row of a recording against Gymnasium; gives its episodes, by seed, in their order.

    Args:
        path: the dataset.
        env_id: of the environment that was recorded.
        policy: from an observation to an action; None repeats the recorded actions.
        kwargs: handed to `gymnasium.make`.
    """
    env = gym.make(env_id, disable_env_checker=True, **kwargs)
    found = {}
    with unienv_data.open(str(path)) as buffer:
        segments, table = buffer.get_segments(), buffer.episodes.to_pylist()
        assert segments is not None
        assert [start for start, _ in segments] == [0, *(end for _, end in segments)][: len(segments)]
        assert segments[-1][1] == len(buffer), "every row belongs to an episode"
        for (start, end), said in zip(segments, table, strict=True):
            rows = [buffer[row] for row in range(start, end)]

            def act(obs: Any, step: int, rows: Any = rows) -> Any:
                action = rows[step]["action"]
                if policy is None:
                    return env.action_space.dtype.type(action) if np.ndim(action) == 0 else action
                return np.asarray(policy(copy.deepcopy(obs)), env.action_space.dtype)[()]

            steps = roll_out(env, said["seed"], act)
            assert len(steps) == len(rows) == said["length"]
            for row, step in zip(rows, steps, strict=True):
                for key, value in row.items():
                    assert equal(value, step[key]), (said["seed"], key, value, step[key])
            assert said["return"] == sum(step["reward"] for step in steps)
            assert (said["terminated"], said["truncated"]) == (
                steps[-1]["terminated"],
                steps[-1]["truncated"],
            )
            found[said["seed"]] = rows
    env.close()
    return found
