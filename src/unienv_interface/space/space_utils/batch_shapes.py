"""Spaces of batches in other shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch

from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace, validate_shape
from unienv_interface.space.space_utils.batch_spaces import unsupported
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    GraphSpace,
    TupleSpace,
)
from unienv_interface.space.spaces.aliases import AnyBatched, AnyBinary, AnyBox, AnyDict, AnyGraph, AnyTuple

__all__ = ["check_axes", "check_reshape", "reshape_batch_size", "swap_batch_dims", "swapped"]


# -- reshape_batch_size ----------------------------------------------------------------------------


@singledispatch
def reshape_batch_size(
    space: AnySpace, old_batch_shape: Sequence[int], new_batch_shape: Sequence[int]
) -> AnySpace:
    """The space of the same batches with their first axes, `old_batch_shape`, made `new_batch_shape`.

    Raises:
        SpaceError: the values do not begin with those axes, or the sizes differ.
    """
    raise unsupported("reshape_batch_size", space)


@reshape_batch_size.register(BoxSpace)
def _(space: AnyBox, old_batch_shape: Sequence[int], new_batch_shape: Sequence[int]) -> AnySpace:
    old, new = check_reshape(space.shape, old_batch_shape, new_batch_shape)
    return space.with_bounds(space.bounds.reshaped(0, len(old), new))


@reshape_batch_size.register(BinarySpace)
def _(space: AnyBinary, old_batch_shape: Sequence[int], new_batch_shape: Sequence[int]) -> AnySpace:
    old, new = check_reshape(space.shape, old_batch_shape, new_batch_shape)
    return BinarySpace(space.backend, new + space.shape[len(old) :], device=space.device)


@reshape_batch_size.register(BatchedSpace)
def _(space: AnyBatched, old_batch_shape: Sequence[int], new_batch_shape: Sequence[int]) -> AnySpace:
    old, new = check_reshape(space.batch_shape, old_batch_shape, new_batch_shape)
    return BatchedSpace(space.single_space, new + space.batch_shape[len(old) :])


@reshape_batch_size.register(GraphSpace)
def _(space: AnyGraph, old_batch_shape: Sequence[int], new_batch_shape: Sequence[int]) -> AnySpace:
    old, new = check_reshape(space.batch_shape, old_batch_shape, new_batch_shape)
    return space.with_batch_shape(new + space.batch_shape[len(old) :])


@reshape_batch_size.register(DictSpace)
def _(space: AnyDict, old_batch_shape: Sequence[int], new_batch_shape: Sequence[int]) -> AnySpace:
    parts = {
        key: reshape_batch_size(part, old_batch_shape, new_batch_shape) for key, part in space.spaces.items()
    }
    return DictSpace(space.backend, parts)


@reshape_batch_size.register(TupleSpace)
def _(space: AnyTuple, old_batch_shape: Sequence[int], new_batch_shape: Sequence[int]) -> AnySpace:
    parts = [reshape_batch_size(part, old_batch_shape, new_batch_shape) for part in space.spaces]
    return TupleSpace(space.backend, parts)


def check_reshape(
    shape: tuple[int, ...], old_batch_shape: Sequence[int], new_batch_shape: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Both batch shapes as tuples.

    Raises:
        SpaceError: `shape` does not begin with the old one, or the sizes differ.
    """
    old = validate_shape(old_batch_shape, "old_batch_shape")
    new = validate_shape(new_batch_shape, "new_batch_shape")
    if shape[: len(old)] != old:
        raise SpaceError(f"old_batch_shape: expected the first axes of {shape}, got {old}")
    if math.prod(old) != math.prod(new):
        raise SpaceError(f"new_batch_shape: expected the size of {old}, got {new}")
    return old, new


# -- swap_batch_dims -------------------------------------------------------------------------------


@singledispatch
def swap_batch_dims(space: AnySpace, dim1: int, dim2: int) -> AnySpace:
    """The space of the same values with two of their axes exchanged.

    Raises:
        SpaceError: some values have no such axes.
    """
    raise unsupported("swap_batch_dims", space)


@swap_batch_dims.register(BoxSpace)
def _(space: AnyBox, dim1: int, dim2: int) -> AnySpace:
    check_axes(space.shape, dim1, dim2)
    return space.with_bounds(space.bounds.swapped(dim1, dim2))


@swap_batch_dims.register(BinarySpace)
def _(space: AnyBinary, dim1: int, dim2: int) -> AnySpace:
    return BinarySpace(space.backend, swapped(space.shape, dim1, dim2), device=space.device)


@swap_batch_dims.register(BatchedSpace)
def _(space: AnyBatched, dim1: int, dim2: int) -> AnySpace:
    return BatchedSpace(space.single_space, swapped(space.batch_shape, dim1, dim2))


@swap_batch_dims.register(GraphSpace)
def _(space: AnyGraph, dim1: int, dim2: int) -> AnySpace:
    return space.with_batch_shape(swapped(space.batch_shape, dim1, dim2))


@swap_batch_dims.register(DictSpace)
def _(space: AnyDict, dim1: int, dim2: int) -> AnySpace:
    parts = {key: swap_batch_dims(part, dim1, dim2) for key, part in space.spaces.items()}
    return DictSpace(space.backend, parts)


@swap_batch_dims.register(TupleSpace)
def _(space: AnyTuple, dim1: int, dim2: int) -> AnySpace:
    return TupleSpace(space.backend, [swap_batch_dims(part, dim1, dim2) for part in space.spaces])


def swapped(shape: tuple[int, ...], dim1: int, dim2: int) -> tuple[int, ...]:
    """A shape with two of its axes exchanged."""
    check_axes(shape, dim1, dim2)
    axes = list(shape)
    axes[dim1], axes[dim2] = axes[dim2], axes[dim1]
    return tuple(axes)


def check_axes(shape: tuple[int, ...], *dims: int) -> None:
    """Check that a shape has these axes.

    Raises:
        SpaceError: it lacks one.
    """
    for dim in dims:
        if not -len(shape) <= dim < len(shape):
            raise SpaceError(f"dim: expected an axis of shape {shape}, got {dim}")
