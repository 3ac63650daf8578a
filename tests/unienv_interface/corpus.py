"""The corpus of spaces and values that ships with the package, and the kinds of space whose size varies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unienv_data.testing.spaces import INF, AnyBackend, AnySpace, box, full_box
from unienv_data.testing.spaces import SPACES as SHIPPED_SPACES
from unienv_data.testing.values import same
from unienv_data.testing.values import values as shipped_values
from unienv_interface.space import (
    BatchedSpace,
    DictSpace,
    DynamicBoxSpace,
    GraphInstance,
    GraphSpace,
    TextSpace,
    TupleSpace,
    UnionSpace,
)

__all__ = [
    "INF",
    "NO_ARRAYS",
    "SPACES",
    "AnyBackend",
    "AnySpace",
    "box",
    "dynamic_box",
    "full_box",
    "same",
    "values",
]

Shape = tuple[int, ...]


def dynamic_box(
    b: AnyBackend, low: Any, high: Any, dtype: str, least: Shape, most: Shape, fill_value: float = 0
) -> AnySpace:
    """A box of varying shape with its data type by name."""
    return DynamicBoxSpace(b, low, high, least, most, b.dtype_from_name(dtype), fill_value=fill_value)


def _graph(b: AnyBackend, **options: Any) -> AnySpace:
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


def _bare_graph(b: AnyBackend) -> AnySpace:
    return _graph(b, node_feature_space=None, edge_feature_space=None, min_nodes=2, min_edges=1)


def _union(b: AnyBackend) -> AnySpace:
    floats, text = box(b, 2, 3, "float32", (3,)), TextSpace(b, 2, charset="ab")
    return UnionSpace(b, [floats, text, box(b, 0, 9, "int16", ()), TupleSpace(b, [])])


def _everything(b: AnyBackend) -> AnySpace:
    graphs = TupleSpace(b, [_graph(b), dynamic_box(b, 0, 1, "float32", (0, 2), (3, 2))])
    return DictSpace(b, {"u": _union(b), "g": graphs, "n": SHIPPED_SPACES["nested"](b)})


SPACES: Mapping[str, Callable[[AnyBackend], AnySpace]] = {
    **SHIPPED_SPACES,
    "batched_scalar": lambda b: BatchedSpace(box(b, 0, 9, "int32", ()), (2, 1)),
    "dynamic": lambda b: dynamic_box(b, 0, 1, "float32", (0, 2), (3, 2)),
    "dynamic_two_axes": lambda b: dynamic_box(b, -(2**60), 2**60, "int64", (1, 2, 0), (3, 2, 2), 7),
    "dynamic_fill_outside": lambda b: dynamic_box(b, [[1], [2]], [[3], [4]], "float64", (2, 0), (2, 3)),
    "dynamic_fixed": lambda b: dynamic_box(b, 0, 255, "uint8", (2, 3), (2, 3), 255),
    "union": _union,
    "union_text": lambda b: UnionSpace(b, [TextSpace(b, 3), dynamic_box(b, 0, 9, "int8", (0,), (4,))]),
    "graph": _graph,
    "graph_batch": lambda b: _graph(b, batch_shape=(2, 2)),
    "graph_no_edges": lambda b: _graph(b, is_edge=False, edge_feature_space=None, min_nodes=1),
    "graph_bare": _bare_graph,
    "graph_open": lambda b: _graph(b, max_nodes=None, max_edges=None, min_edges=1),
    "everything": _everything,
}
"""Factories of spaces by name; each takes the backend."""

NO_ARRAYS = frozenset({"dict_empty"})
"""Names of spaces whose values hold no array, so that no batch of them has a size."""


def _dynamic(b: AnyBackend) -> list[Any]:
    rows: list[list[list[float]]] = [[], [[0.5, 0], [0, 0], [0, 0]], [[0, 0]], [[1, 0]]]
    return [b.from_numpy(np.array(value, dtype=np.float32).reshape(-1, 2)) for value in rows]


def _dynamic_two_axes(b: AnyBackend) -> list[Any]:
    shapes_and_fills = [((3, 2, 2), 7), ((1, 2, 0), 7), ((2, 2, 1), 2**60)]
    return [b.full(shape, fill, dtype=b.int64) for shape, fill in shapes_and_fills]


def _unions(b: AnyBackend) -> list[Any]:
    return [(0, b.asarray([2.0, 3, 2.5], dtype=b.float32)), (1, ""), (1, "ab"), (3, ())]


def _text_unions(b: AnyBackend) -> list[Any]:
    return [(0, "\x00😀"), (1, b.zeros((0,), dtype=b.int8)), (1, b.zeros((2,), dtype=b.int8))]


def _graphs(b: AnyBackend) -> list[Any]:
    """A graph without nodes; a loop and a repeated edge, features at their bounds."""
    integer = b.default_integer_dtype
    zero, one, two = (b.asarray(count, dtype=integer) for count in (0, 1, 2))
    no_features = (b.zeros((0, 2), dtype=b.float32), b.zeros((0, 2, 1), dtype=b.uint8))
    empty = GraphInstance(zero, zero, *no_features, b.zeros((0, 2), dtype=integer))
    nodes = b.asarray([[1, 3]], dtype=b.float32)
    edges = b.asarray([[[5], [9]]] * 2, dtype=b.uint8)
    return [empty, GraphInstance(one, two, nodes, edges, b.zeros((2, 2), dtype=integer))]


EDGE_VALUES: Mapping[str, Callable[[AnyBackend], list[Any]]] = {
    "dynamic": _dynamic,
    "dynamic_two_axes": _dynamic_two_axes,
    "union": _unions,
    "union_text": _text_unions,
    "graph": _graphs,
}
"""Values that samples seldom are, by name of the space."""


def values(name: str, backend: AnyBackend, count: int = 5, seed: int = 0) -> list[Any]:
    """Edge values and samples of the space of that name."""
    if name in SHIPPED_SPACES:
        return shipped_values(name, backend, count, seed)
    space = SPACES[name](backend)
    found = list(EDGE_VALUES[name](backend)) if name in EDGE_VALUES else []
    rng = backend.random.random_number_generator(seed)
    for _ in range(count):
        rng, value = space.sample(rng)
        found.append(value)
    return found
