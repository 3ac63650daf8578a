"""Spaces of flat arrays."""

from __future__ import annotations

from functools import singledispatch

from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.flat_layout import flat_layout
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    TextSpace,
    TupleSpace,
)
from unienv_interface.space.spaces.aliases import AnyBatched, AnyBinary, AnyBox, AnyDict, AnyText, AnyTuple
from unienv_interface.space.spaces.bounds import Bounds, concatenate_bounds, make_bounds

__all__ = ["flat_dim", "flat_parts", "flatten_space", "is_flattenable"]


def flat_dim(space: AnySpace, start_dim: int = 0) -> int | None:
    """Length of the last axis of flattened values, None where they cannot be flattened.

    Args:
        space: any space.
        start_dim: first axis to be flattened; those before it are kept.
    """
    try:
        return flat_layout(space, start_dim).size
    except SpaceError:
        return None


def is_flattenable(space: AnySpace, start_dim: int = 0) -> bool:
    """Whether values of `space` can be flattened from axis `start_dim` on."""
    return flat_dim(space, start_dim) is not None


def flatten_space(space: AnySpace, start_dim: int = 0) -> AnyBox:
    """The box of the flattened values of `space`.

    Its shape is the axes before `start_dim`, which all parts must share, and one of `flat_dim`
    entries. Its data type is the one that the parts have in common by NumPy's promotion rules, on
    every backend: int64 and float32 meet in float64. Booleans alone become uint8, text becomes
    int32. Its bounds are those of the parts, narrowed to what the common type holds.

    Args:
        space: any space.
        start_dim: first axis to be flattened.

    Raises:
        SpaceError: values cannot be flattened so, with the reason.
    """
    layout = flat_layout(space, start_dim)
    dtype = layout.dtype
    parts = [part.within(dtype) for part in flat_parts(space, start_dim)]
    if parts:
        bounds = concatenate_bounds(parts)
    elif start_dim == 0:
        bounds = make_bounds(0, 0, dtype, (0,))
    else:
        raise SpaceError(f"start_dim: expected 0 for {space!r}, which has no arrays, got {start_dim}")
    return BoxSpace(
        space.backend,
        bounds.low,
        bounds.high,
        dtype=space.backend.dtype_from_name(dtype),
        device=space.device,
        shape=bounds.shape,
    )


@singledispatch
def flat_parts(space: AnySpace, start_dim: int) -> list[Bounds]:
    """Bounds of each part of the flattened values, `(*head, n)`, each in a type of its own."""
    raise SpaceError(f"flatten: not possible for a {type(space).__name__}")


@flat_parts.register(BoxSpace)
def _(space: AnyBox, start_dim: int) -> list[Bounds]:
    size = flat_layout(space, start_dim).size
    start = start_dim % (len(space.shape) or 1) if start_dim < 0 else start_dim
    return [space.bounds.reshaped(start, len(space.shape), (size,))]


@flat_parts.register(BinarySpace)
def _(space: AnyBinary, start_dim: int) -> list[Bounds]:
    layout = flat_layout(space, start_dim)
    return [make_bounds(False, True, "bool", (*space.shape[:start_dim], layout.size))]


@flat_parts.register(DictSpace)
def _(space: AnyDict, start_dim: int) -> list[Bounds]:
    return [bounds for part in space.spaces.values() for bounds in flat_parts(part, start_dim)]


@flat_parts.register(TupleSpace)
def _(space: AnyTuple, start_dim: int) -> list[Bounds]:
    return [bounds for part in space.spaces for bounds in flat_parts(part, start_dim)]


@flat_parts.register(TextSpace)
def _(space: AnyText, start_dim: int) -> list[Bounds]:
    return [make_bounds(0, len(space.charset_list or ()), "int32", (space.max_length,))]


@flat_parts.register(BatchedSpace)
def _(space: AnyBatched, start_dim: int) -> list[Bounds]:
    bounds = flatten_space(space.single_space).bounds
    for length in reversed(space.batch_shape):
        bounds = bounds.batched(length)
    axes = len(bounds.shape)
    return [bounds.reshaped(start_dim, axes, (flat_layout(space, start_dim).size,))]
