"""Gymnasium's environments, single and vectorized, as ours. Importing this module imports gymnasium."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic

import numpy as np
from numpy.typing import NDArray

from unienv_interface._optional import import_optional
from unienv_interface.backends.base import AnyBackend, get_backend_from_tensor
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.env_base import ActType, Env, ObsType, RenderFrame
from unienv_interface.errors import EnvError, SpaceError, SpaceValueError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_utils import batch_space, concatenate, get_at
from unienv_interface.space.space_utils.gym_utils import from_gym_data, from_gym_space, to_gym_data
from unienv_interface.space.spaces.values import describe
from unienv_interface.wrapper.gym_batches import from_gym_batch, to_gym_batch
from unienv_interface.wrapper.gym_members import as_member
from unienv_interface.wrapper.gym_vectors import check_vector_env

if TYPE_CHECKING:
    import gymnasium as gym
    from gymnasium.vector import AsyncVectorEnv, AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_space as gym_batch_space
else:
    gym = import_optional("gymnasium", extra="gym")
    from gymnasium.vector import AsyncVectorEnv, AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_space as gym_batch_space

__all__ = ["FromGymnasiumEnv"]

#: Keeps the actions that are drawn apart from what the environment draws from the same seed.
_ACTIONS = 0xAC7


class FromGymnasiumEnv(
    Env[Any, None, ObsType, ActType, RenderFrame, Any, Any, Any], Generic[ObsType, ActType, RenderFrame]
):
    """A Gymnasium environment: `gymnasium.Env` without a batch axis, `VectorEnv` as a batch.

    There is no context. Observations are copies in the environment's own types; rewards are floats, and in a
    batch arrays of the backend's floating type. `info` is Gymnasium's.

    **Resetting slots.** No slot resets by itself here, whatever the vector environment's autoreset mode is:

    - DISABLED does so already: `reset(mask=...)` is Gymnasium's `options={"reset_mask": ...}`.
    - NEXT_STEP, of `SyncVectorEnv` and `AsyncVectorEnv`, resets a slot only where it is stepped after the
      end of its episode, and here it has been reset before that.
    - SAME_STEP, of the same two, replaces the last observation of an episode by the first of the next; here
      it comes from `info["final_obs"]`, and the episode that Gymnasium began is dropped at the next reset.
    - Others that reset by themselves cannot be told to reset chosen slots, and are refused.

    In every mode a slot whose episode has ended must be reset before the next step.

    Args:
        env: the environment.
        backend: what the arrays are to be made by.
        device: where they are to be made.

    Raises:
        EnvError: `env` is none of Gymnasium's; or see `check_vector_env`.
        SpaceError: there is no space like the environment's.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any],
        backend: AnyBackend = NumpyComputeBackend,
        device: Any = None,
    ) -> None:
        if not isinstance(env, gym.Env | VectorEnv):
            raise EnvError(
                f"env: expected a gymnasium.Env or a gymnasium.vector.VectorEnv, got {describe(env)}"
            )
        self.env: Any = env
        self.backend = backend
        self.device = backend.canonical_device(device)
        self.metadata = env.metadata
        self.render_mode = env.render_mode
        self.render_fps = env.metadata.get("render_fps")
        if isinstance(env, VectorEnv):
            check_vector_env(env)
            self.batch_size = int(env.num_envs)
            self.action_space = self._batched("action_space", env.action_space, env.single_action_space)
            self.observation_space = self._batched(
                "observation_space", env.observation_space, env.single_observation_space
            )
            self._single_observations = self._single(env.single_observation_space)
            self._ended: NDArray[np.bool_] = np.zeros(self.batch_size, np.bool_)
        else:
            self.batch_size = None
            self.action_space = self._single(env.action_space)
            self.observation_space = self._single(env.observation_space)
        self.rng = backend.random.random_number_generator(None, device=self.device)
        self._is_stepping = False

    def _single(self, theirs: gym.Space[Any]) -> AnySpace:
        return from_gym_space(theirs, self.backend, device=self.device)

    def _batched(self, name: str, theirs: gym.Space[Any], single: gym.Space[Any]) -> AnySpace:
        """Our space of batches: that of `B` equal slots, or, where slots differ, what theirs says."""
        count = int(self.env.num_envs)
        if theirs == gym_batch_space(single, count):
            return batch_space(self._single(single), count)
        space = self._single(theirs)
        like = batch_space(self._single(single), count)
        if type(space) is not type(like) or space.shape != like.shape:
            raise SpaceError(f"{name}: expected batches of {count} values of {single}, got {theirs}")
        return space

    # -- episodes ------------------------------------------------------------------------------

    def reset(
        self,
        *,
        mask: Any = None,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> tuple[None, ObsType, dict[str, Any]]:
        """Begin new episodes.

        A reset of everything with a seed also seeds `rng`, from which `sample_action` draws.

        Args:
            mask: (B,) booleans: the slots to reset; None resets all.
            seed: seed of the environment, slot `i` of a batch getting `seed + i`; or one for every slot.
            options: what the environment itself takes.
            kwargs: further options.

        Returns:
            (None, observation, info); the observation has as many entries as slots were reset.

        Raises:
            EnvError: a mask is given, and this is no batch.
            SpaceValueError: the mask is none, or an observation is not in the environment's space.
        """
        chosen = self._host_mask(mask)
        merged = {**(options or {}), **kwargs}
        if chosen is not None:
            if not chosen.any():
                return None, concatenate(self._single_observations, []), {}
            merged["reset_mask"] = chosen.copy()
        observation, info = self.env.reset(seed=seed, options=merged or None)
        return None, self._after_reset(observation, chosen, seed), info

    def step(self, action: ActType) -> tuple[ObsType, Any, Any, Any, dict[str, Any]]:
        """Act once.

        Raises:
            EnvError: a slot's episode has ended, and it has not been reset.
            SpaceValueError: the action, or what the environment gives, is not in its space.
        """
        theirs = self._before_step(action)
        self._is_stepping = True
        given = self.env.step(theirs)
        self._is_stepping = False
        return self._after_step(given)

    def step_async(self, action: ActType) -> None:
        if not isinstance(self.env, AsyncVectorEnv):
            super().step_async(action)
            return
        self._refuse_pending("step_async")
        self.env.step_async(self._before_step(action))
        self._pending_step, self._is_stepping = (action,), True

    def step_wait(self) -> tuple[ObsType, Any, Any, Any, dict[str, Any]]:
        if not isinstance(self.env, AsyncVectorEnv) or self._pending_step is None:
            return super().step_wait()
        self._pending_step = None
        given = self.env.step_wait()
        self._is_stepping = False
        return self._after_step(given)

    def _host_mask(self, mask: Any) -> NDArray[np.bool_] | None:
        if mask is None:
            return None
        if self.batch_size is None:
            raise EnvError("mask: a gymnasium.Env has no slots to choose from; wrap a VectorEnv for that")
        host = mask if isinstance(mask, np.ndarray) else get_backend_from_tensor(mask).to_numpy(mask)
        if host.shape != (self.batch_size,) or host.dtype != np.bool_:
            raise SpaceValueError("mask", f"booleans of shape ({self.batch_size},)", describe(mask))
        return host

    def _after_reset(self, observation: Any, chosen: NDArray[np.bool_] | None, seed: Any) -> Any:
        # Environments may go on writing into what they gave.
        observation = copy.deepcopy(observation)
        if chosen is None and seed is not None:
            first = seed if isinstance(seed, int) else next((one for one in seed if one is not None), 0)
            drawn = np.random.SeedSequence([abs(int(first)), _ACTIONS]).generate_state(1)
            self.rng = self.backend.random.random_number_generator(int(drawn[0]), device=self.device)
        if self.batch_size is None:
            return from_gym_data(self.observation_space, observation)
        whole = from_gym_batch(self.observation_space, observation)
        if chosen is None:
            self._ended[:] = False
            return whole
        self._ended[chosen] = False
        return get_at(self.observation_space, whole, chosen)

    def _before_step(self, action: Any) -> Any:
        if self.batch_size is None:
            return as_member(self.env.action_space, to_gym_data(self.action_space, action))
        if self._ended.any():
            slots = np.flatnonzero(self._ended).tolist()
            raise EnvError(f"step: the episodes of slots {slots} have ended; reset(mask=...) them first")
        return as_member(self.env.action_space, to_gym_batch(self.action_space, action))

    def _after_step(self, given: tuple[Any, ...]) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        observation, reward, terminated, truncated, info = given
        observation = copy.deepcopy(observation)
        if self.batch_size is None:
            ours = from_gym_data(self.observation_space, observation)
            return ours, float(reward), bool(terminated), bool(truncated), info
        self._ended = np.logical_or(terminated, truncated)
        ours = self._with_last(from_gym_batch(self.observation_space, observation), info)
        return (
            ours,
            self._array(np.asarray(reward, np.float64), self.backend.default_floating_dtype),
            self._array(np.array(terminated, np.bool_), self.backend.default_boolean_dtype),
            self._array(np.array(truncated, np.bool_), self.backend.default_boolean_dtype),
            info,
        )

    def _with_last(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """The observation with the last ones of the episodes that ended, where Gymnasium has begun others."""
        if self.env.metadata.get("autoreset_mode") is not AutoresetMode.SAME_STEP or not self._ended.any():
            return observation
        last = [info["final_obs"][slot] for slot in np.flatnonzero(self._ended)]
        single = self._single_observations
        values = concatenate(single, [from_gym_data(single, value) for value in copy.deepcopy(last)])
        return self.update_observation_post_reset(observation, values, self._ended)

    def _array(self, host: NDArray[Any], dtype: Any) -> Any:
        return self.backend.from_numpy(host, dtype=dtype, device=self.device)

    # -- the rest ------------------------------------------------------------------------------

    def render(self) -> Any:
        """What Gymnasium renders: a frame, or a tuple of one a slot."""
        return self.env.render()

    def close(self) -> None:
        """Close the environment; processes that are amidst a step, which an exception has left, are ended."""
        if self._is_stepping and isinstance(self.env.unwrapped, AsyncVectorEnv):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that a step is under way
                self.env.close(terminate=True)
        else:
            self.env.close()

    def has_wrapper_attr(self, name: str) -> bool:
        return hasattr(self, name) or _layer_has(self.env, name)

    def get_wrapper_attr(self, name: str) -> Any:
        if hasattr(self, name):
            return getattr(self, name)
        find = getattr(self.env, "get_wrapper_attr", None)
        return getattr(self.env, name) if find is None else find(name)

    def set_wrapper_attr(self, name: str, value: Any) -> None:
        if hasattr(self, name):
            setattr(self, name, value)
        elif not _layer_has(self.env, name):
            raise AttributeError(f"no layer of {self} has an attribute {name!r}")
        elif hasattr(self.env, "set_wrapper_attr"):
            self.env.set_wrapper_attr(name, value)
        else:
            setattr(self.env, name, value)

    def __str__(self) -> str:
        return f"<{type(self).__name__}{self.env}>"


def _layer_has(env: Any, name: str) -> bool:
    has = getattr(env, "has_wrapper_attr", None)
    return hasattr(env, name) if has is None else bool(has(name))
