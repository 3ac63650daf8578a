"""The least space that holds the values of several."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace, join_path
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    DynamicBoxSpace,
    GraphSpace,
    TextSpace,
    TupleSpace,
    UnionSpace,
)
from unienv_interface.space.spaces.aliases import (
    AnyBatched,
    AnyBinary,
    AnyBox,
    AnyDict,
    AnyDynamicBox,
    AnyGraph,
    AnyText,
    AnyTuple,
    AnyUnion,
)

__all__ = ["least_space"]


def least_space(spaces: Sequence[AnySpace], path: str = "") -> AnySpace:
    """The least space that holds the values of all.

    Bounds, lengths and characters are those of any; arrays of different shapes, but as many axes, are
    arrays of varying shape.

    Args:
        spaces: at least one.
        path: where the values stand in larger ones, for the message.

    Raises:
        SpaceError: there are none, or no space holds the values of all.
    """
    if not spaces:
        raise SpaceError("spaces: expected at least one")
    joined = spaces[0]
    for space in spaces[1:]:
        joined = _join(joined, space, path)
    return joined


def _join(first: AnySpace, second: AnySpace, path: str) -> AnySpace:
    if first == second:
        return first
    joined = _join_kinds(first, second, path) if first.backend is second.backend else None
    if joined is None:
        raise SpaceError(f"{path or 'data'}: no space holds the values of both {first!r} and {second!r}")
    return joined


@singledispatch
def _join_kinds(first: AnySpace, second: AnySpace, path: str) -> AnySpace | None:
    """The least space that holds the values of both; None where there is none."""
    return None


@_join_kinds.register(BinarySpace)
def _(first: AnyBinary, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, BinarySpace) or first.shape != second.shape:
        return None
    return BinarySpace(first.backend, first.shape, device=first.abbr_device([first, second]))


@_join_kinds.register(BoxSpace)
@_join_kinds.register(DynamicBoxSpace)
def _(first: AnyBox | AnyDynamicBox, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, BoxSpace | DynamicBoxSpace) or first.dtype != second.dtype:
        return None
    spans = [_span(space) for space in (first, second)]
    if len(spans[0][0]) != len(spans[1][0]):
        return None
    least = tuple(map(min, spans[0][0], spans[1][0]))
    most = tuple(map(max, spans[0][1], spans[1][1]))
    device = first.abbr_device([first, second])
    variable = tuple(axis for axis in range(len(most)) if least[axis] != most[axis])
    lows = [_reduce(np.minimum, space.bounds.low, variable) for space in (first, second)]
    highs = [_reduce(np.maximum, space.bounds.high, variable) for space in (first, second)]
    low, high = np.minimum(*lows), np.maximum(*highs)
    if not variable:
        return BoxSpace(first.backend, low, high, first.dtype, device=device, shape=most)
    fill = next((s.fill_value for s in (first, second) if isinstance(s, DynamicBoxSpace)), 0)
    return DynamicBoxSpace(first.backend, low, high, least, most, first.dtype, device, fill)


def _span(space: AnyBox | AnyDynamicBox) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if isinstance(space, BoxSpace):
        return space.shape, space.shape
    return space.shape_low, space.shape_high


def _reduce(extreme: np.ufunc, bound: Any, axes: tuple[int, ...]) -> Any:
    """A bound made the same along axes of variable length."""
    for axis in axes:
        bound = extreme.reduce(bound, axis=axis, keepdims=True)
    return bound


@_join_kinds.register(TextSpace)
def _(first: AnyText, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, TextSpace):
        return None
    both = (first.charset, second.charset)
    return TextSpace(
        first.backend,
        max(first.max_length, second.max_length),
        min_length=min(first.min_length, second.min_length),
        charset=None if None in both else frozenset().union(*(chars or () for chars in both)),
        device=first.abbr_device([first, second]),
    )


@_join_kinds.register(DictSpace)
def _(first: AnyDict, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, DictSpace) or first.keys() != second.keys():
        return None
    parts = {key: _join(first[key], second[key], join_path(path, key)) for key in first}
    return DictSpace(first.backend, parts)


@_join_kinds.register(TupleSpace)
def _(first: AnyTuple, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, TupleSpace) or len(first) != len(second):
        return None
    pairs = enumerate(zip(first.spaces, second.spaces, strict=True))
    return TupleSpace(first.backend, [_join(a, b, join_path(path, i)) for i, (a, b) in pairs])


@_join_kinds.register(BatchedSpace)
def _(first: AnyBatched, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, BatchedSpace) or first.batch_shape != second.batch_shape:
        return None
    return BatchedSpace(_join(first.single_space, second.single_space, path), first.batch_shape)


@_join_kinds.register(UnionSpace)
def _(first: AnyUnion, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, UnionSpace) or len(first) != len(second):
        return None
    pairs = enumerate(zip(first.spaces, second.spaces, strict=True))
    return UnionSpace(first.backend, [_join(a, b, join_path(path, i)) for i, (a, b) in pairs])


@_join_kinds.register(GraphSpace)
def _(first: AnyGraph, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, GraphSpace) or (first.is_edge, first.batch_shape) != (
        second.is_edge,
        second.batch_shape,
    ):
        return None
    features = {}
    for name in ("node_feature_space", "edge_feature_space"):
        mine, theirs = getattr(first, name), getattr(second, name)
        if mine is None or theirs is None:
            if mine is not theirs:
                return None
            continue
        features[name] = _join(mine, theirs, join_path(path, name))
        if not isinstance(features[name], BoxSpace):
            return None  # the features of all nodes of a graph are of one shape
    return first._replace(
        **features,
        min_nodes=min(first.min_nodes, second.min_nodes),
        max_nodes=_greatest(first.max_nodes, second.max_nodes),
        min_edges=min(first.min_edges, second.min_edges),
        max_edges=_greatest(first.max_edges, second.max_edges),
        device=first.abbr_device([first, second]),
    )


def _greatest(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else max(first, second)
