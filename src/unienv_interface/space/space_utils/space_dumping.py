"""Spaces as JSON documents."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from unienv_interface.backends.dtypes import host_dtype
from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.document_numbers import dump_bound, dump_number
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

__all__ = ["space_to_json"]


def space_to_json(space: AnySpace) -> dict[str, Any]:
    """A space as a strict JSON document: its class, and the arguments that make it.

    Backend and device are not part of it: they are chosen where it is read. Infinities are the
    strings "Infinity" and "-Infinity"; bounds have axes of length 1 where they are the same along
    them, and are a single number where they are the same everywhere. Reading the document gives
    an equal space.

    Raises:
        SpaceError: spaces of this class have no such form.
    """
    return {"type": type(space).__name__, **_dump(space)}


@singledispatch
def _dump(space: AnySpace) -> dict[str, Any]:
    raise SpaceError(f"space_to_json: not possible for a {type(space).__name__}")


@_dump.register(BoxSpace)
def _(space: AnyBox) -> dict[str, Any]:
    return {
        "low": dump_bound(space.bounds.low),
        "high": dump_bound(space.bounds.high),
        "dtype": space.bounds.dtype,
        "shape": list(space.shape),
    }


@_dump.register(BinarySpace)
def _(space: AnyBinary) -> dict[str, Any]:
    return {"shape": list(space.shape), "dtype": "bool"}


@_dump.register(DictSpace)
def _(space: AnyDict) -> dict[str, Any]:
    return {"spaces": {key: space_to_json(part) for key, part in space.spaces.items()}}


@_dump.register(DynamicBoxSpace)
def _(space: AnyDynamicBox) -> dict[str, Any]:
    return {
        "low": dump_bound(space.bounds.low),
        "high": dump_bound(space.bounds.high),
        "shape_low": list(space.shape_low),
        "shape_high": list(space.shape_high),
        "dtype": space.bounds.dtype,
        "fill_value": dump_number(host_dtype(space.bounds.dtype).type(space.fill_value)),
    }


@_dump.register(GraphSpace)
def _(space: AnyGraph) -> dict[str, Any]:
    node, edge = space.node_feature_space, space.edge_feature_space
    return {
        "node_feature_space": None if node is None else space_to_json(node),
        "edge_feature_space": None if edge is None else space_to_json(edge),
        "is_edge": space.is_edge,
        "min_nodes": space.min_nodes,
        "max_nodes": space.max_nodes,
        "min_edges": space.min_edges,
        "max_edges": space.max_edges,
        "batch_shape": list(space.batch_shape),
    }


@_dump.register(TupleSpace)
@_dump.register(UnionSpace)
def _(space: AnyTuple | AnyUnion) -> dict[str, Any]:
    return {"spaces": [space_to_json(part) for part in space.spaces]}


@_dump.register(TextSpace)
def _(space: AnyText) -> dict[str, Any]:
    charset = None if space.charset_list is None else "".join(space.charset_list)
    return {"max_length": space.max_length, "min_length": space.min_length, "charset": charset}


@_dump.register(BatchedSpace)
def _(space: AnyBatched) -> dict[str, Any]:
    return {"single_space": space_to_json(space.single_space), "batch_shape": list(space.batch_shape)}
