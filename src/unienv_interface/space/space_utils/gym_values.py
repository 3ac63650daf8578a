"""Values of Gymnasium's spaces, and ours. Importing this module imports gymnasium."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from unienv_interface._optional import import_optional
from unienv_interface.backends.dtypes import FLOATING, round_floats
from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    GraphInstance,
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
    AnyGraph,
    AnyText,
    AnyTuple,
    AnyUnion,
)
from unienv_interface.space.spaces.batched import object_array
from unienv_interface.space.spaces.values import cast_exact

__all__ = ["from_gym_data", "to_gym_data"]

_gym: Any = import_optional("gymnasium", extra="gym").spaces


@singledispatch
def to_gym_data(space: AnySpace, data: Any) -> Any:
    """A value of `space` as one of `to_gym_space(space)`: NumPy arrays, int8 where ours are boolean.

    Raises:
        SpaceError: Gymnasium has no such space.
    """
    raise SpaceError(f"to_gym_data: Gymnasium has no space like {space!r}")


@singledispatch
def from_gym_data(space: AnySpace, data: Any) -> Any:
    """A value of a Gymnasium space as one of `space`, which `from_gym_space` made of that.

    Floating-point numbers are rounded where `space` was given a narrower type; nothing else changes.

    Raises:
        SpaceError: Gymnasium has no such space.
        SpaceValueError: `data` is no such value.
    """
    raise SpaceError(f"from_gym_data: Gymnasium has no space like {space!r}")


@to_gym_data.register(BoxSpace)
def _(space: AnyBox, data: Any) -> Any:
    return space.backend.to_numpy(space.coerce(data))


@from_gym_data.register(BoxSpace)
def _(space: AnyBox, data: Any) -> Any:
    host, dtype = np.asarray(data), space.bounds.dtype
    if host.dtype.kind == "f" and dtype in FLOATING:
        host = round_floats(host, dtype)
    array = space.backend.from_numpy(host, device=space.device)
    return space.coerce(cast_exact(space.backend, array, dtype, ""))


@to_gym_data.register(BinarySpace)
def _(space: AnyBinary, data: Any) -> Any:
    return space.backend.to_numpy(space.coerce(data)).astype(np.int8)


@from_gym_data.register(BinarySpace)
def _(space: AnyBinary, data: Any) -> Any:
    array = space.backend.from_numpy(np.asarray(data), device=space.device)
    return space.coerce(cast_exact(space.backend, array, "bool", ""))


@to_gym_data.register(TextSpace)
@from_gym_data.register(TextSpace)
def _(space: AnyText, data: Any) -> Any:
    return space.coerce(data)


@to_gym_data.register(DictSpace)
def _(space: AnyDict, data: Any) -> Any:
    return {key: to_gym_data(part, data[key]) for key, part in space.spaces.items()}


@from_gym_data.register(DictSpace)
def _(space: AnyDict, data: Any) -> Any:
    return {key: from_gym_data(part, data[key]) for key, part in space.spaces.items()}


@to_gym_data.register(TupleSpace)
def _(space: AnyTuple, data: Any) -> Any:
    return tuple(to_gym_data(part, value) for part, value in zip(space.spaces, data, strict=True))


@from_gym_data.register(TupleSpace)
def _(space: AnyTuple, data: Any) -> Any:
    return tuple(from_gym_data(part, value) for part, value in zip(space.spaces, data, strict=True))


@to_gym_data.register(UnionSpace)
def _(space: AnyUnion, data: Any) -> Any:
    index, value = data
    return np.int64(index), to_gym_data(space.spaces[index], value)


@from_gym_data.register(UnionSpace)
def _(space: AnyUnion, data: Any) -> Any:
    index, value = int(data[0]), data[1]
    return index, from_gym_data(space.spaces[index], value)


@to_gym_data.register(BatchedSpace)
def _(space: AnyBatched, data: Any) -> Any:
    if not space.batch_shape:
        return to_gym_data(space.single_space, data[()])
    inner = BatchedSpace(space.single_space, space.batch_shape[1:])
    rows = [data[index : index + 1].reshape(inner.batch_shape) for index in range(len(data))]
    return tuple(to_gym_data(inner, row) for row in rows)


@from_gym_data.register(BatchedSpace)
def _(space: AnyBatched, data: Any) -> Any:
    values = [data]
    for _ in space.batch_shape:
        values = [item for value in values for item in value]
    return space.coerce(
        object_array([from_gym_data(space.single_space, value) for value in values], space.batch_shape)
    )


@to_gym_data.register(GraphSpace)
def _(space: AnyGraph, data: Any) -> Any:
    graph, to_numpy = space.coerce(data), space.backend.to_numpy
    nodes = to_numpy(graph.nodes_features)
    if graph.n_edges is None or int(graph.n_edges) == 0:
        return _gym.GraphInstance(nodes=nodes, edges=None, edge_links=None)
    links = to_numpy(graph.edges).astype(np.int32)
    return _gym.GraphInstance(nodes=nodes, edges=to_numpy(graph.edges_features), edge_links=links)


@from_gym_data.register(GraphSpace)
def _(space: AnyGraph, data: Any) -> Any:
    backend = space.backend

    def moved(host: Any) -> Any:
        return None if host is None else backend.from_numpy(np.asarray(host), device=space.device)

    edges = None if data.edge_links is None else len(data.edge_links)
    return space.coerce(
        GraphInstance(len(data.nodes), edges, moved(data.nodes), moved(data.edges), moved(data.edge_links))
    )
