"""Batches of values, as vector environments have them. Importing this module imports gymnasium."""

from __future__ import annotations

from typing import Any

from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_utils import concatenate, iterate, unbatch_spaces
from unienv_interface.space.space_utils.gym_utils import from_gym_data, to_gym_data
from unienv_interface.space.spaces import DictSpace, GraphSpace, TupleSpace

__all__ = ["from_gym_batch", "to_gym_batch"]


def from_gym_batch(space: AnySpace, data: Any) -> Any:
    """A batch as a vector environment gives it, as a value of our space of batches.

    Args:
        space: space of the batch.
        data: arrays `(B, *D)` of what stacks, tuples of `B` values of what does not.

    Raises:
        SpaceValueError: `data` is no such batch.
    """
    if isinstance(space, DictSpace):
        return {key: from_gym_batch(part, data[key]) for key, part in space.spaces.items()}
    if isinstance(space, TupleSpace):
        return tuple(from_gym_batch(part, value) for part, value in zip(space.spaces, data, strict=True))
    if isinstance(space, GraphSpace):
        single = next(unbatch_spaces(space))
        return concatenate(single, [from_gym_data(single, value) for value in data])
    return from_gym_data(space, data)


def to_gym_batch(space: AnySpace, data: Any) -> Any:
    """A value of our space of batches, as a vector environment takes it; the way back of `from_gym_batch`."""
    if isinstance(space, DictSpace):
        return {key: to_gym_batch(part, data[key]) for key, part in space.spaces.items()}
    if isinstance(space, TupleSpace):
        return tuple(to_gym_batch(part, value) for part, value in zip(space.spaces, data, strict=True))
    if isinstance(space, GraphSpace):
        single = next(unbatch_spaces(space))
        return tuple(to_gym_data(single, value) for value in iterate(space, data))
    return to_gym_data(space, data)
