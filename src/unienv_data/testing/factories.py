"""How the spaces of the corpus are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from unienv_interface.backends import ComputeBackend
from unienv_interface.backends.dtypes import dtype_limits
from unienv_interface.space import (
    BinarySpace,
    BoxSpace,
    DictSpace,
    DynamicBoxSpace,
    GraphSpace,
    Space,
    TextSpace,
    TupleSpace,
    UnionSpace,
)

__all__ = [
    "FLOATS",
    "INF",
    "AnyBackend",
    "AnySpace",
    "SpaceFactory",
    "box",
    "dynamic_box",
    "everything",
    "full_box",
    "graph",
    "nested",
    "odd_names",
    "of_dtype",
    "robot",
    "union",
]

AnyBackend: TypeAlias = ComputeBackend[Any, Any, Any, Any]
AnySpace: TypeAlias = Space[Any, Any, Any, Any]
SpaceFactory: TypeAlias = Callable[[AnyBackend], AnySpace]

INF = float("inf")
FLOATS = ("float16", "float32", "float64")
"""The floating types that can be stored."""


def box(b: AnyBackend, low: Any, high: Any, dtype: str, shape: tuple[int, ...] | None = None) -> AnySpace:
    """A box with its data type by name."""
    return BoxSpace(b, low, high, dtype=b.dtype_from_name(dtype), shape=shape)


def full_box(b: AnyBackend, dtype: str, shape: tuple[int, ...]) -> AnySpace:
    """A box whose bounds are those of its data type; a floating one has none."""
    low, high = dtype_limits(dtype)
    return box(b, low, high, dtype, shape)


def of_dtype(dtype: str) -> SpaceFactory:
    """Makes a full box of a data type by name."""
    return lambda b: full_box(b, dtype, (2, 3))


def nested(b: AnyBackend) -> AnySpace:
    """Groups within groups, keys that are not in order."""
    return DictSpace(
        b,
        {
            "z_last": box(b, -1, 1, "float32", (3,)),
            "a_first": TupleSpace(b, [BinarySpace(b, (2,)), TextSpace(b, 4, charset="ab")]),
            "Middle": DictSpace(b, {"time": box(b, 0, 2**53, "int64", ())}),
        },
    )


def robot(b: AnyBackend) -> AnySpace:
    """What a robot records."""
    return DictSpace(
        b,
        {
            "observation": DictSpace(
                b,
                {
                    "images": DictSpace(b, {"top": full_box(b, "uint8", (4, 6, 3))}),
                    "state": full_box(b, "float32", (5,)),
                    "joints": TupleSpace(b, [full_box(b, "float64", (2,)), box(b, 0, 9, "int16", ())]),
                },
            ),
            "done": BinarySpace(b, ()),
            "task": TextSpace(b, 24),
        },
    )


def odd_names(b: AnyBackend) -> AnySpace:
    """Keys that are no file names, or differ in case or normal form only."""
    names = ["a.b", "a/b", "a", "A", "é😀", "", "..", "con", "zarr.json", "%2F", "__x", "e\u0301"]
    return DictSpace(b, {name: box(b, 0, i + 1, "uint8", (1,)) for i, name in enumerate(names)})


def dynamic_box(
    b: AnyBackend,
    low: Any,
    high: Any,
    dtype: str,
    least: tuple[int, ...],
    most: tuple[int, ...],
    fill_value: float = 0,
) -> AnySpace:
    """A box of varying shape with its data type by name."""
    return DynamicBoxSpace(b, low, high, least, most, b.dtype_from_name(dtype), fill_value=fill_value)


def graph(b: AnyBackend, **options: Any) -> AnySpace:
    """A graph with features of its nodes and edges, as far as `options` do not say otherwise."""
    arguments: dict[str, Any] = {
        "node_feature_space": box(b, [1, -1], [2, 3], "float32"),
        "edge_feature_space": box(b, 5, 9, "uint8", (2, 1)),
        "is_edge": True,
        "min_nodes": 0,
        "max_nodes": 4,
        "min_edges": 0,
        "max_edges": 5,
    }
    return GraphSpace(b, **(arguments | options))


def union(b: AnyBackend) -> AnySpace:
    """A union of a box, text, a scalar and nothing."""
    floats, text = box(b, 2, 3, "float32", (3,)), TextSpace(b, 2, charset="ab")
    return UnionSpace(b, [floats, text, box(b, 0, 9, "int16", ()), TupleSpace(b, [])])


def everything(b: AnyBackend) -> AnySpace:
    """A union, graphs and boxes of varying shape within groups."""
    graphs = TupleSpace(b, [graph(b), dynamic_box(b, 0, 1, "float32", (0, 2), (3, 2))])
    return DictSpace(b, {"u": union(b), "g": graphs, "n": nested(b)})
