"""Environments to record, registered under `tests.unienv_data.recording.worlds:ID`; policies for them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

HERE = "tests.unienv_data.recording.worlds"


class RobotEnv(gym.Env[Any, Any]):
    """Dict observations with pixels, numbers and text; it goes on writing into one array."""

    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 20}  # noqa: RUF012 - as in Gymnasium

    def __init__(
        self,
        render_mode: str | None = None,
        offset: float = 0.0,
        pause: float = 0.0,
        marker: str | None = None,
    ) -> None:
        self.render_mode, self.offset, self.pause, self.marker = render_mode, offset, pause, marker
        self.observation_space = spaces.Dict(
            {
                "image": spaces.Box(0, 255, (6, 5, 3), np.uint8),
                "arm": spaces.Dict({"joints": spaces.Box(-np.inf, np.inf, (3,), np.float32)}),
                "gripper": spaces.Discrete(2),
                "task": spaces.Text(12, charset="abcdefghij "),
            }
        )
        self.action_space = spaces.Box(-1, 1, (3,), np.float32)
        self.joints = np.zeros(3, np.float32)

    def _observe(self) -> dict[str, Any]:
        return {
            "image": self.np_random.integers(0, 256, (6, 5, 3), np.uint8),
            "arm": {"joints": self.joints},
            "gripper": int(self.joints.sum() > 0),
            "task": self.task,
        }

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.joints[:] = self.np_random.normal(size=3) + self.offset
        self.task = "".join(self.np_random.choice(list("abc "), 5))
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self.marker is not None:
            Path(self.marker).touch()
        time.sleep(self.pause)
        self.joints += action
        return self._observe(), float(action.sum()), bool(self.np_random.random() < 0.15), False, {}

    def render(self) -> Any:
        return np.full((4, 4, 3), int(abs(float(self.joints[0])) * 50) % 256, np.uint8)


class BrokenEnv(RobotEnv):
    """Fails in the episodes of odd seeds, at their third step."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self.seed, self.steps = seed, 0
        return super().reset(seed=seed)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        if (self.seed or 0) % 2 and self.steps == 3:
            raise ZeroDivisionError("the arm broke")
        return super().step(action)


class OutsideEnv(RobotEnv):
    """Gives what is not in its space."""

    def _observe(self) -> dict[str, Any]:
        return {**super()._observe(), "gripper": 7}


class SequenceEnv(RobotEnv):
    """Has a space that has no counterpart."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.observation_space = spaces.Sequence(spaces.Discrete(2))


for made in (RobotEnv, BrokenEnv, OutsideEnv, SequenceEnv):
    name = f"{made.__name__.removesuffix('Env')}-v0"
    if name not in gym.registry:
        gym.register(name, entry_point=f"{HERE}:{made.__name__}", max_episode_steps=25)


def towards_zero(observation: dict[str, Any]) -> Any:
    """A policy that counts on what Gymnasium gives, gives other floats, and writes into its argument."""
    assert {0: True, 1: True}[observation["gripper"]]
    observation["image"][:] = 0
    return np.clip(-observation["arm"]["joints"].astype(np.float64) / 3, -1, 1)


def noisy(observation: dict[str, Any], rng: np.random.Generator) -> Any:
    return rng.uniform(-1, 1, 3)


def failing(observation: dict[str, Any], *, rng: np.random.Generator) -> Any:
    if rng.random() < 0.03:
        raise KeyError("no action")
    return rng.uniform(-1, 1, 3)


def too_large(observation: dict[str, Any]) -> Any:
    return [0, 2, 0]


def basic(observation: tuple[int, int, int]) -> int:
    """Of Blackjack: draw below 18."""
    return int(observation[0] < 18)


def takes_nothing() -> int:
    return 0


NOT_A_FUNCTION = 3
