"""Our batches of environments as Gymnasium's vector environments. Importing this module imports gymnasium."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface._optional import import_optional
from unienv_interface.env_base.env import AnyEnv
from unienv_interface.errors import EnvError, SpaceValueError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_utils import unbatch_spaces
from unienv_interface.space.space_utils.gym_utils import to_gym_space
from unienv_interface.space.spaces.values import describe
from unienv_interface.wrapper.gym_batches import from_gym_batch, to_gym_batch
from unienv_interface.wrapper.gym_contexts import combined_observation, combined_space

if TYPE_CHECKING:
    import gymnasium as gym
    from gymnasium.vector import AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_differing_spaces, batch_space
else:
    gym = import_optional("gymnasium", extra="gym")
    from gymnasium.vector import AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_differing_spaces, batch_space

__all__ = ["ToGymnasiumVectorEnv"]


class ToGymnasiumVectorEnv(VectorEnv[Any, Any, Any]):
    """A batch of `B` slots as a `gymnasium.vector.VectorEnv` whose autoreset mode is DISABLED.

    As in that mode, a slot whose episode has ended is reset by `reset(options={"reset_mask": mask})`, which
    gives the observations of all slots. Contexts are part of every observation, see `combined_space`.

    Args:
        env: a batch.

    Raises:
        EnvError: `env` is no batch.
        SpaceError: Gymnasium has no space like one of its spaces.
    """

    def __init__(self, env: AnyEnv) -> None:
        batch_size = getattr(env, "batch_size", None)
        if batch_size is None:
            raise EnvError(f"env: ToGymnasiumVectorEnv wraps an Env that has a batch_size, got {env}")
        self.env = env
        self.num_envs = int(batch_size)
        self.metadata = {**env.metadata, "autoreset_mode": AutoresetMode.DISABLED}
        if env.render_fps is not None:
            self.metadata["render_fps"] = env.render_fps
        self.render_mode = env.render_mode
        self._space = combined_space(env.context_space, env.observation_space)
        self.single_action_space, self.action_space = _spaces(env.action_space)
        self.single_observation_space, self.observation_space = _spaces(self._space)
        self._context: Any = None
        self._observation: Any = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes in all slots, or in those of `options["reset_mask"]`, (B,) booleans.

        The other options are handed to the environment's `reset` as arguments.

        Raises:
            EnvError: a mask is given before all slots were reset once.
            SpaceValueError: the mask is none.
        """
        super().reset(seed=seed)
        arguments = dict(options or {})
        mask = arguments.pop("reset_mask", None)
        if mask is None:
            self._context, self._observation, info = self.env.reset(seed=seed, **arguments)
            return self._combined(), info
        if not isinstance(mask, np.ndarray) or mask.shape != (self.num_envs,) or mask.dtype != np.bool_:
            raise SpaceValueError("reset_mask", f"booleans of shape ({self.num_envs},)", describe(mask))
        if self._observation is None:
            raise EnvError("reset_mask: reset all slots once before some of them")
        chosen = self.env.backend.from_numpy(mask.copy(), device=self.env.device)
        context, observation, info = self.env.reset(mask=chosen, seed=seed, **arguments)
        self._context = self.env.update_context_post_reset(self._context, context, chosen)
        self._observation = self.env.update_observation_post_reset(self._observation, observation, chosen)
        return self._combined(), info

    def step(
        self, actions: Any
    ) -> tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Act once in every slot."""
        given = self.env.step(from_gym_batch(self.env.action_space, actions))
        self._observation, reward, terminated, truncated, info = given
        return (
            self._combined(),
            self._host(reward).astype(np.float64),
            self._host(terminated).astype(np.bool_),
            self._host(truncated).astype(np.bool_),
            info,
        )

    def _combined(self) -> Any:
        # What is given away may be written into; what is kept for the next masked reset may not.
        both = combined_observation(self._context, self._observation, self._space)
        return copy.deepcopy(to_gym_batch(self._space, both))

    def _host(self, array: Any) -> NDArray[Any]:
        backend = self.env.backend
        return backend.to_numpy(array) if backend.is_backendarray(array) else np.asarray(array)

    def render(self) -> Any:
        """What the environment renders."""
        return self.env.render()

    def close_extras(self, **kwargs: Any) -> None:
        """Close the environment."""
        self.env.close()


def _spaces(space: AnySpace) -> tuple[gym.Space[Any], gym.Space[Any]]:
    """Gymnasium's spaces of one slot (the first, where they differ) and of the batch."""
    slots = list(unbatch_spaces(space))
    if all(slot == slots[0] for slot in slots):
        single = to_gym_space(slots[0])
        return single, batch_space(single, len(slots))
    singles = [to_gym_space(slot) for slot in slots]
    return singles[0], batch_differing_spaces(singles)
