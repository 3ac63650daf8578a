"""Gymnasium environments to wrap: one for every kind of space, one whose randomness never stops."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

#: Every kind of space that Gymnasium has, but `Sequence`, which has no greatest length.
KINDS: dict[str, gym.Space[Any]] = {
    "box_float32": spaces.Box(-1, 1, (2, 3), np.float32),
    "box_float64": spaces.Box(-np.inf, np.inf, (2,), np.float64),
    "box_uint8": spaces.Box(0, 255, (4, 4, 3), np.uint8),
    "box_bounds": spaces.Box(np.array([0, -5], np.int16), np.array([3, 9], np.int16), dtype=np.int16),
    "box_bool": spaces.Box(0, 1, (3,), np.bool_),
    "box_scalar": spaces.Box(0, 1, (), np.float32),
    "discrete": spaces.Discrete(5),
    "discrete_start": spaces.Discrete(3, start=-1),
    "multi_discrete": spaces.MultiDiscrete([3, 4], start=[1, -2]),
    "multi_binary": spaces.MultiBinary((2, 2)),
    "text": spaces.Text(6, min_length=0, charset="abc"),
    "dict": spaces.Dict(
        {"b": spaces.Discrete(2), "a": spaces.Dict({"x": spaces.MultiBinary(3), "t": spaces.Text(4)})}
    ),
    "tuple": spaces.Tuple([spaces.Discrete(32), spaces.Box(0, 1, (2,), np.float32), spaces.Text(3)]),
    "one_of": spaces.OneOf([spaces.Discrete(3), spaces.Box(0, 1, (2,), np.float32)]),
    "graph": spaces.Graph(spaces.Box(-1, 1, (3,), np.float32), spaces.Discrete(4)),
}


class EchoEnv(gym.Env[Any, Any]):
    """Gives drawn values of a space, and remembers which it gave and which it was given."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 7}  # noqa: RUF012 - as in Gymnasium

    def __init__(self, space: gym.Space[Any], length: int = 4) -> None:
        self.observation_space, self.action_space = space, space
        self.length, self.steps = length, 0
        self.render_mode = "rgb_array"
        self.observed: list[Any] = []
        self.acted: list[Any] = []

    def _observe(self) -> Any:
        self.observed.append(self.observation_space.sample())
        return self.observed[-1]

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.steps = 0
        return self._observe(), {"options": options}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.acted.append(action)
        self.steps += 1
        return self._observe(), 0.5 * self.steps, False, self.steps == self.length, {"steps": self.steps}

    def render(self) -> Any:
        return np.full((2, 2, 3), self.steps, np.uint8)


class WalkEnv(gym.Env[Any, Any]):
    """A random walk in one array that it goes on writing into; it ends at random."""

    observation_space = spaces.Dict(
        {"at": spaces.Box(-1e6, 1e6, (2,), np.float64), "step": spaces.Discrete(1000)}
    )
    action_space = spaces.Discrete(3, start=-1)

    def __init__(self, offset: float = 0.0) -> None:
        self.at, self.steps, self.offset = np.zeros(2), 0, offset

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.at[:] = self.np_random.normal(size=2) + self.offset
        self.steps = 0
        return self._observe(), {}

    def _observe(self) -> Any:
        return {"at": self.at, "step": self.steps}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.at += self.np_random.normal(size=2) + action
        self.steps += 1
        ends = bool(self.np_random.random() < 0.2)
        return self._observe(), float(self.at.sum()), ends, self.steps == 12, {}


class CopyingWalkEnv(WalkEnv):
    """A walk that gives copies, as vector environments that reset in the same step need."""

    def _observe(self) -> Any:
        return {"at": self.at.copy(), "step": self.steps}
