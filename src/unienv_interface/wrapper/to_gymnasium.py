"""Our environments as Gymnasium's. Importing this module imports gymnasium."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from unienv_interface._optional import import_optional
from unienv_interface.env_base import Env
from unienv_interface.env_base.env import AnyEnv
from unienv_interface.errors import EnvError
from unienv_interface.space.space_utils.gym_utils import from_gym_data, to_gym_data, to_gym_space
from unienv_interface.wrapper.gym_contexts import combined_observation, combined_space
from unienv_interface.wrapper.to_gymnasium_vector import ToGymnasiumVectorEnv

if TYPE_CHECKING:
    import gymnasium as gym
else:
    gym = import_optional("gymnasium", extra="gym")

__all__ = ["ToGymnasiumEnv"]


class ToGymnasiumEnv(gym.Env[Any, Any]):
    """An environment for code that wants Gymnasium's.

    One without a batch axis becomes a `gymnasium.Env`; a batch becomes a `gymnasium.vector.VectorEnv`, see
    `ToGymnasiumVectorEnv`. Gymnasium has no contexts: they are part of every observation, see
    `combined_space`.

    Args:
        env: the environment.

    Raises:
        EnvError: it is none.
        SpaceError: Gymnasium has no space like one of its spaces.
    """

    def __new__(cls, env: AnyEnv) -> Any:
        """A vector environment where `env` is a batch."""
        if getattr(env, "batch_size", None) is not None:
            return ToGymnasiumVectorEnv(env)
        return super().__new__(cls)

    def __init__(self, env: AnyEnv) -> None:
        if not isinstance(env, Env):
            raise EnvError(f"env: ToGymnasiumEnv wraps an Env, got {type(env).__name__}")
        self.env = env
        self._space = combined_space(env.context_space, env.observation_space)
        self._context: Any = None
        self.action_space = to_gym_space(env.action_space)
        self.observation_space = to_gym_space(self._space)
        self.metadata = dict(env.metadata)
        if env.render_fps is not None:
            self.metadata["render_fps"] = env.render_fps
        self.render_mode = env.render_mode

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; `options` are handed to the environment's `reset` as arguments."""
        super().reset(seed=seed)
        self._context, observation, info = self.env.reset(seed=seed, **(options or {}))
        return self._combined(observation), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Act once."""
        given = self.env.step(from_gym_data(self.env.action_space, action))
        observation, reward, terminated, truncated, info = given
        return self._combined(observation), float(reward), bool(terminated), bool(truncated), info

    def _combined(self, observation: Any) -> Any:
        # Each observation has a context of its own, which its owner may write into.
        return to_gym_data(
            self._space, combined_observation(copy.deepcopy(self._context), observation, self._space)
        )

    def render(self) -> Any:
        """What the environment renders."""
        return self.env.render()

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def __str__(self) -> str:
        return f"<{type(self).__name__}{self.env}>"
