"""Values in exactly the form that a Gymnasium space has them. Importing this module imports gymnasium."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from unienv_interface._optional import import_optional

__all__ = ["as_member"]

_gym: Any = import_optional("gymnasium", extra="gym").spaces


@singledispatch
def as_member(gym_space: Any, value: Any) -> Any:
    """`value`, which `to_gym_data` made, in the types that `gym_space` gives to its own samples.

    Several Gymnasium spaces become the same space here (`Discrete` a box of integers, a boolean `Box` a
    binary space); environments may count on the difference, as on actions that can be keys of a dict.
    """
    return value


@as_member.register(_gym.Discrete)
def _(gym_space: Any, value: Any) -> Any:
    return gym_space.dtype.type(value)


@as_member.register(_gym.Box)
@as_member.register(_gym.MultiBinary)
@as_member.register(_gym.MultiDiscrete)
def _(gym_space: Any, value: Any) -> Any:
    return np.asarray(value).astype(gym_space.dtype, copy=False)


@as_member.register(_gym.Dict)
def _(gym_space: Any, value: Any) -> Any:
    return {key: as_member(part, value[key]) for key, part in gym_space.spaces.items()}


@as_member.register(_gym.Tuple)
def _(gym_space: Any, value: Any) -> Any:
    return tuple(as_member(part, item) for part, item in zip(gym_space.spaces, value, strict=True))


@as_member.register(_gym.OneOf)
def _(gym_space: Any, value: Any) -> Any:
    index, member = value
    return np.int64(index), as_member(gym_space.spaces[index], member)
