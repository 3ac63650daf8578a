"""What the size of a tensor is given as: numbers, shapes, and spaces of ours, of Gymnasium and of gym."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space import BinarySpace, BoxSpace, Space
from unienv_interface.space.space_utils.flatten_utils import flat_dim

__all__ = ["at_least_one", "item_shape"]

_GYM_PACKAGES = ("gym", "gymnasium")


def item_shape(size: Any, keep_dimensions: bool = False) -> tuple[int, ...]:
    """The shape of one sample of a tensor.

    Args:
        size: number of elements; their shape; or the space of a sample, of ours, of Gymnasium or of gym,
            whose parts are laid side by side.
        keep_dimensions: keep the axes, rather than having one of all elements.

    Returns:
        `(size,)`, or the axes that are kept.

    Raises:
        SpaceError: it is none of these, has no element, or has parts whose axes cannot be kept.

    Example:
        >>> item_shape(4), item_shape((2, 3)), item_shape((2, 3), keep_dimensions=True)
        ((4,), (6,), (2, 3))
    """
    axes, count = _axes_and_count(size)
    if count < 1:
        raise SpaceError(f"size: expected at least one element, got {size!r}")
    if not keep_dimensions:
        return (count,)
    if axes is None:
        raise SpaceError(f"keep_dimensions: {size!r} has no single shape to keep; leave it out")
    return axes


def _axes_and_count(size: Any) -> tuple[tuple[int, ...] | None, int]:
    """The axes of what `size` describes, None where it has parts; and how many elements it has."""
    axes: tuple[int, ...] | None
    if isinstance(size, Space):
        axes = tuple(size.shape or ()) if isinstance(size, BoxSpace | BinarySpace) else None
        if axes is not None:
            return axes, math.prod(axes)
        count = flat_dim(size)
        if count is None:
            raise SpaceError(f"size: values of {size!r} have no fixed number of elements")
        return None, count
    kind = _gym_kind(size)
    if kind in ("Dict", "Tuple"):
        parts = size.spaces.values() if kind == "Dict" else size.spaces
        return None, sum(_axes_and_count(part)[1] for part in parts)
    if kind == "Discrete":
        axes = (1,)
    elif kind in ("Box", "MultiBinary", "MultiDiscrete"):
        axes = tuple(size.shape)
    else:
        axes = _given_axes(size)
    return axes, math.prod(axes)


def _given_axes(size: Any) -> tuple[int, ...]:
    try:
        axes = tuple(operator.index(n) for n in (size if isinstance(size, Sequence) else (size,)))
    except TypeError:
        expected = "a number, a shape, or a space whose values have a fixed number of elements"
        raise SpaceError(f"size: expected {expected}, got {size!r}") from None
    if any(n < 1 for n in axes) or isinstance(size, str | bytes):
        raise SpaceError(f"size: expected lengths of at least 1, got {size!r}")
    return axes


def _gym_kind(size: Any) -> str | None:
    """The name of the kind of space, where it is one of Gymnasium or gym; these are not imported for it."""
    for base in type(size).__mro__:
        if base.__module__.partition(".")[0] in _GYM_PACKAGES and base.__name__ != "Space":
            return base.__name__
    return None


def at_least_one(name: str, value: Any) -> int:
    """The number, which must be an integer of at least 1.

    Raises:
        SpaceValueError: it is not; the message says so of `name`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise SpaceValueError(name, "an integer of at least 1", repr(value))
    return number
