"""A value that says nothing, of every space."""

from __future__ import annotations

import dataclasses
import math
from functools import singledispatch
from typing import Any

import numpy as np

from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_spaces import unsupported
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
from unienv_interface.space.spaces.batched import object_array

__all__ = ["default_value"]


@singledispatch
def default_value(space: AnySpace) -> Any:
    """The value of a space that stands where there is none: always the same, and a member.

    Numbers are 0, or the bound next to it; truth values false. Text, arrays of varying shape and graphs are
    as small as they can be, the first character of its charset, or a blank, filling the text. A union is the
    first of its alternatives.

    Args:
        space: any space; that of a batch gives a batch.

    Example:
        >>> from unienv_interface.backends import NumpyComputeBackend as numpy
        >>> default_value(DictSpace(numpy, {"task": TextSpace(numpy, 9), "done": BinarySpace(numpy, (2,))}))
        {'done': array([False, False]), 'task': ''}
    """
    raise unsupported("default_value", space)


@default_value.register(BoxSpace)
def _(space: AnyBox) -> Any:
    return _nearest_zero(space, space.shape)


@default_value.register(BinarySpace)
def _(space: AnyBinary) -> Any:
    return space.backend.zeros(space.shape, dtype=space.dtype, device=space.device)


@default_value.register(TextSpace)
def _(space: AnyText) -> Any:
    characters = space.charset_list
    return (" " if not characters else characters[0]) * space.min_length


@default_value.register(DynamicBoxSpace)
def _(space: AnyDynamicBox) -> Any:
    return default_value(space.box(space.shape_low))


@default_value.register(UnionSpace)
def _(space: AnyUnion) -> Any:
    return 0, default_value(space.spaces[0])


@default_value.register(BatchedSpace)
def _(space: AnyBatched) -> Any:
    count = math.prod(space.batch_shape)
    return object_array((default_value(space.single_space) for _ in range(count)), space.batch_shape)


@default_value.register(GraphSpace)
def _(space: AnyGraph) -> Any:
    graphs = space.create_empty()  # of the least size, and only features are left to be set

    def features(box: AnyBox | None, there: Any) -> Any:
        return None if box is None else _nearest_zero(box, tuple(there.shape))

    return dataclasses.replace(
        graphs,
        nodes_features=features(space.node_feature_space, graphs.nodes_features),
        edges_features=features(space.edge_feature_space, graphs.edges_features),
    )


@default_value.register(DictSpace)
def _(space: AnyDict) -> Any:
    return {key: default_value(part) for key, part in space.spaces.items()}


@default_value.register(TupleSpace)
def _(space: AnyTuple) -> Any:
    return tuple(default_value(part) for part in space.spaces)


def _nearest_zero(space: AnyBox, shape: tuple[int, ...]) -> Any:
    """Zeros clipped to the bounds, (*batch, *S)."""
    zeros = space.backend.zeros(shape, dtype=space.dtype, device=space.device)
    if not bool(space.bounds.outside(np.zeros((), dtype=space.bounds.low.dtype)).any()):
        return zeros
    return space.clip(zeros)
