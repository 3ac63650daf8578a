"""Which slots are in the middle of an episode."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.env_base.env import AnyEnv
from unienv_interface.errors import EnvError

__all__ = ["Slots", "ended_slots"]

_BOOL = np.dtype(np.bool_)


def ended_slots(env: AnyEnv, terminated: Any, truncated: Any) -> NDArray[np.bool_] | None:
    """(B,) whether the episode of a slot ends, on the host; (1,) without a batch axis; None where none does.

    Of few flags, the bytes tell four times as fast as NumPy does.
    """
    if (
        type(terminated) is np.ndarray
        and type(truncated) is np.ndarray
        and terminated.dtype is _BOOL
        and truncated.dtype is _BOOL
    ):
        if b"\x01" not in terminated.tobytes() and b"\x01" not in truncated.tobytes():
            return None
        return (terminated | truncated).reshape(-1)
    ended: NDArray[np.bool_] = _host(env, terminated) | _host(env, truncated)
    return ended if ended.any() else None


def _host(env: AnyEnv, flags: Any) -> NDArray[np.bool_]:
    is_array = env.backend.is_backendarray(flags) and not isinstance(flags, np.generic)
    host = np.asarray(env.backend.to_numpy(flags) if is_array else flags)
    return host.reshape(-1).astype(np.bool_, copy=False)


class Slots:
    """The episodes of the slots of an environment.

    Args:
        env: the environment.

    Attributes:
        live: (B,) whether a slot is in an episode that has not ended; (1,) without a batch axis.
        all_live: whether all are.
        begun: (B,) whether steps have been recorded of an episode that has not ended by itself.
    """

    def __init__(self, env: AnyEnv) -> None:
        self._env = env
        self.count = 1 if env.batch_size is None else env.batch_size
        self.live: NDArray[np.bool_] = np.zeros(self.count, dtype=np.bool_)
        self.all_live = False
        self.begun: NDArray[np.bool_] = np.zeros(self.count, dtype=np.bool_)
        self._all_begun = False

    def chosen(self, mask: Any) -> NDArray[np.bool_]:
        """(B,) the slots that a reset with this mask begins anew.

        Raises:
            EnvError: it is no mask of this environment's slots.
        """
        if mask is None:
            return np.ones(self.count, dtype=np.bool_)
        is_array = self._env.backend.is_backendarray(mask)
        host = self._env.backend.to_numpy(mask) if is_array else np.asarray(mask)
        if self._env.batch_size is None:
            raise EnvError("mask: the environment has no slots to choose from; reset it without a mask")
        if host.shape != (self.count,) or host.dtype != np.bool_:
            raise EnvError(
                f"mask: expected ({self.count},) booleans, one for each slot, got {host.dtype} of shape "
                f"{host.shape}"
            )
        chosen: NDArray[np.bool_] = host
        return chosen

    def begin(self, chosen: NDArray[np.bool_]) -> None:
        """Episodes begin in these slots."""
        self.live = self.live | chosen
        self.all_live = bool(self.live.all())
        self.begun = self.begun & ~chosen
        self._all_begun = False

    def stepped(self) -> None:
        """A step of every live slot has been recorded."""
        if not self._all_begun:
            self.begun = self.begun | self.live
            self._all_begun = True

    def end(self, ended: NDArray[np.bool_]) -> None:
        """The episodes of these slots have ended."""
        self.live = self.live & ~ended
        self.begun = self.begun & ~ended
        self.all_live = False

    def lose(self) -> None:
        """A step could not be recorded: no episode goes on, since a step would be missing in it."""
        self.live = np.zeros(self.count, dtype=np.bool_)
        self.all_live = False
