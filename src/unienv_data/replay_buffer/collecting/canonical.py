"""The parts of a transition, by the names under which everybody knows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from unienv_interface.backends.base import AnyBackend
from unienv_interface.env_base.env import AnyEnv
from unienv_interface.space import BinarySpace, BoxSpace
from unienv_interface.space.space import AnySpace

__all__ = ["KEYS", "CanonicalParts", "Field", "Step"]

KEYS = ("obs", "next_obs", "action", "reward", "terminated", "truncated", "done", "context", "env_index")
"""Every part that there is."""

_FLOATS = tuple(map(np.dtype, (np.float64, np.float32, np.float16)))


class Step(NamedTuple):
    """What is known when a step has been made, as the environment takes and gives it.

    With a batch axis of B slots, every array is (B, *D), and `env_index` is (B,) integers; without one it
    is None.
    """

    obs: Any
    context: Any
    action: Any
    next_obs: Any
    reward: Any
    terminated: Any
    truncated: Any
    env_index: Any


@dataclass(frozen=True)
class Field:
    """A part of a transition that stands in a step, so that nothing has to be made.

    Attributes:
        position: its position in a Step.
        cast: what makes the part of what stands there; None where it is the part.
        dtypes: types of arrays of which NumPy makes the same when it writes them to where the part belongs.
    """

    position: int
    cast: Callable[[Any], Any] | None = None
    dtypes: tuple[np.dtype[Any], ...] = ()


class CanonicalParts:
    """The parts of steps as values of one backend, whichever the environment's is.

    Args:
        env: the environment.
        backend: the backend wanted.
        device: the device wanted; None for wherever the backend makes arrays.

    Attributes:
        batch: (B,) for an environment of B slots, () for one without a batch axis.
        spaces: the space of each part, of a batch where there is one; "context" only where the environment
            has contexts.
    """

    def __init__(self, env: AnyEnv, backend: AnyBackend, device: Any) -> None:
        self._source, self._backend, self._device = env.backend, backend, device
        self._moves = env.backend is not backend or (device is not None and device != env.device)
        self.batch: tuple[int, ...] = () if env.batch_size is None else (env.batch_size,)
        self._of_env: dict[str, AnySpace] = {
            "obs": env.observation_space,
            "next_obs": env.observation_space,
            "action": env.action_space,
        }
        if env.context_space is not None:
            self._of_env["context"] = env.context_space
        last = max((env.batch_size or 1) - 1, 0)
        slots = np.arange(last + 1) if self.batch else np.array(0)
        self._slots = backend.from_numpy(slots, dtype=backend.default_integer_dtype, device=device)
        flag = BinarySpace(backend, self.batch, device=device)
        self.spaces: dict[str, AnySpace] = {
            **{key: space.to(backend, device) for key, space in self._of_env.items()},
            "reward": BoxSpace(
                backend, -np.inf, np.inf, backend.default_floating_dtype, device=device, shape=self.batch
            ),
            "terminated": flag,
            "truncated": flag,
            "done": flag,
            "env_index": BoxSpace(
                backend, 0, last, backend.default_integer_dtype, device=device, shape=self.batch
            ),
        }

    @property
    def given(self) -> frozenset[str]:
        """The parts that are what the step has, as it is."""
        return frozenset() if self._moves else frozenset(self._of_env)

    def getter(self, key: str, reward_dtype: Any = None) -> Callable[[Step], Any]:
        """The function that gives a part of a step.

        Args:
            key: one of those in `spaces`.
            reward_dtype: what floating rewards are cast to; None for the backend's floating type.
        """
        if key in self._of_env:
            return self._value(key)
        if key == "env_index":
            return lambda step: self._slots
        if key == "done":
            terminated, truncated = self._flag("terminated"), self._flag("truncated")
            return lambda step: self._backend.logical_or(terminated(step), truncated(step))
        if key != "reward":
            return self._flag(key)
        cast = self._rewards(reward_dtype)
        return lambda step: cast(step.reward)

    def field(self, key: str, reward_dtype: Any = None) -> Field | None:
        """Where a part of a step stands, if it does; the arguments are those of `getter`."""
        if self._moves or not self.batch or key not in Step._fields or key == "env_index":
            return None
        position = Step._fields.index(key)
        if key != "reward":
            return Field(position)
        cast = self._rewards(reward_dtype)
        return Field(position, cast, () if reward_dtype is None or not self._is_numpy else _FLOATS)

    def _value(self, key: str) -> Callable[[Step], Any]:
        if not self._moves:
            return attrgetter(key)
        space = self._of_env[key]
        return lambda step: space.data_to(getattr(step, key), self._backend, self._device)

    def _flag(self, key: str) -> Callable[[Step], Any]:
        if self.batch and not self._moves:  # an array already
            return attrgetter(key)
        return lambda step: self._array(getattr(step, key))

    def _rewards(self, dtype: Any) -> Callable[[Any], Any]:
        backend = self._backend
        wanted = backend.default_floating_dtype if dtype is None else dtype

        def cast(reward: Any) -> Any:
            given = self._array(reward)
            if type(given) is np.ndarray and given.dtype.kind == "f":
                return given.astype(wanted, copy=False)
            if given.dtype == wanted or not backend.dtype_is_real_floating(given.dtype):
                return given
            return backend.astype(given, wanted)

        return cast

    def _array(self, x: Any) -> Any:
        """Numbers or an array of the environment's as an array of the backend."""
        if isinstance(x, np.generic | int | float | list | tuple):
            x = np.asarray(x)
            return x if self._is_numpy else self._backend.from_numpy(x, device=self._device)
        if self._moves and self._source.is_backendarray(x):
            x = self._backend.from_other_backend(self._source, x)
            return x if self._device is None else self._backend.to_device(x, self._device)
        return x

    @property
    def _is_numpy(self) -> bool:
        return self._backend.simplified_name == "numpy"
