"""What the slots of an environment saw last: the beginnings of their next transitions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.env_base import Env
from unienv_interface.env_base.env import AnyEnv

__all__ = ["LastSeen"]


class LastSeen:
    """The observation and the context of every slot, copies that do not change.

    Args:
        env: the environment.

    Attributes:
        observation: of all slots, (B, *D) arrays; None before the first reset.
        context: of all slots; None where there are none.
    """

    def __init__(self, env: AnyEnv) -> None:
        self._env, self._backend = env, env.backend
        self.observation: Any = None
        self.context: Any = None

    def begin(self, chosen: NDArray[np.bool_], mask: Any, context: Any, observation: Any) -> None:
        """Slots have been reset.

        Args:
            chosen: (B,) which.
            mask: the same as the environment takes it.
            context: of the M chosen slots.
            observation: of the M chosen slots.
        """
        if not chosen.all():
            old, old_context = self.observation, self.context
            if old is None:  # of slots that have never begun nothing is known, and nothing is recorded
                old = self._env.observation_space.create_empty()
                space = self._env.context_space
                old_context = None if space is None else space.create_empty()
            context = self._env.update_context_post_reset(old_context, context, mask)
            observation = self._merged(old, observation, chosen, mask)
        self.observation, self.context = self.kept(observation), self.kept(context)

    def _merged(self, old: Any, new: Any, chosen: NDArray[np.bool_], mask: Any) -> Any:
        if (
            type(old) is type(new) is np.ndarray
            and old.dtype == new.dtype
            and type(self._env).update_observation_post_reset is Env.update_observation_post_reset
        ):
            # What that does, a good deal faster for one array: where episodes are short, resets are frequent.
            merged = old.copy()
            merged[chosen] = new
            return merged
        return self._env.update_observation_post_reset(old, new, mask)

    def kept(self, value: Any) -> Any:
        """A copy, since environments may write their next values where the last ones were."""
        if type(value) is np.ndarray:
            return value.copy()
        if value is None:
            return None
        return self._backend.map_fn_over_arrays(value, self._copied)

    def _copied(self, array: Any) -> Any:
        return self._backend.asarray(array, copy=True)
