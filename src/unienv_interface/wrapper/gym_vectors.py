"""Which vector environments can be told which slots to reset. Importing this module imports gymnasium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unienv_interface._optional import import_optional
from unienv_interface.errors import EnvError

if TYPE_CHECKING:
    import gymnasium as gym
    from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
else:
    gym = import_optional("gymnasium", extra="gym")
    from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

__all__ = ["check_vector_env"]

_DISABLED = "make it with autoreset_mode=AutoresetMode.DISABLED, as gymnasium.make_vec(id, num_envs=B, "
_DISABLED += "vectorization_mode='sync', vector_kwargs={'autoreset_mode': AutoresetMode.DISABLED}) does"


def check_vector_env(env: VectorEnv[Any, Any, Any]) -> None:
    """Check that a vector environment can be wrapped without a change of what it gives.

    Raises:
        EnvError: its slots cannot be reset by choice; or its observations have texts, and it hands them on in
            shared memory, which Gymnasium reads but once.
    """
    _require_chosen_resets(env)
    base: Any = env.unwrapped
    if isinstance(base, AsyncVectorEnv) and base.shared_memory and _has_texts(base.single_observation_space):
        raise EnvError(f"{env}: its shared memory does not hand texts on; make it with shared_memory=False")


def _require_chosen_resets(env: VectorEnv[Any, Any, Any]) -> None:
    mode = env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
    if mode is AutoresetMode.DISABLED:
        return
    base: Any = env.unwrapped
    if not isinstance(base, SyncVectorEnv | AsyncVectorEnv):
        raise EnvError(
            f"{env}: it resets its slots by itself ({mode}), and not those that are chosen; {_DISABLED}"
        )
    if mode is AutoresetMode.NEXT_STEP and isinstance(base, AsyncVectorEnv) and not base.shared_memory:
        # Its processes do not take note of such a reset, and would do another at the next step.
        raise EnvError(
            f"{env}: without shared memory it resets slots that have been reset ({mode}); {_DISABLED}"
        )


def _has_texts(space: Any) -> bool:
    if isinstance(space, gym.spaces.Dict):
        return any(map(_has_texts, space.spaces.values()))
    if isinstance(space, gym.spaces.Tuple | gym.spaces.OneOf):
        return any(map(_has_texts, space.spaces))
    return isinstance(space, gym.spaces.Text)
