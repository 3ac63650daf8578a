"""One corpus of spaces that every suite shares: a line a space."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unienv_data.testing.factories import (
    FLOATS,
    INF,
    SpaceFactory,
    box,
    dynamic_box,
    everything,
    full_box,
    graph,
    nested,
    odd_names,
    of_dtype,
    robot,
    union,
)
from unienv_interface.backends.dtypes import INTEGERS
from unienv_interface.space import (
    BatchedSpace,
    BinarySpace,
    DictSpace,
    TextSpace,
    TupleSpace,
    UnionSpace,
)

__all__ = ["NO_ARRAYS", "SPACES"]

SPACES: Mapping[str, SpaceFactory] = {
    **{f"full_{dtype}": of_dtype(dtype) for dtype in (*INTEGERS, *FLOATS)},
    "scalar": lambda b: box(b, 0, 1, "float32", ()),
    "image": lambda b: full_box(b, "uint8", (4, 6, 3)),
    "half": lambda b: box(b, -0.1, 0.3, "float16", (3,)),
    "unbounded": lambda b: full_box(b, "float64", (2, 2)),
    "below": lambda b: box(b, 1e30, INF, "float32", (3,)),
    "above": lambda b: box(b, -INF, -2.5, "float64", (3,)),
    "mixed_bounds": lambda b: box(b, [-1, 0.1, -INF, -INF], [1, INF, 0.3, INF], "float32"),
    "huge_range": lambda b: box(b, -3e38, 3e38, "float32", (4,)),
    "one_value": lambda b: box(b, 0.1, 0.1, "float32", (2,)),
    "integer_rows": lambda b: box(b, [[0], [-5]], [[3], [2**62]], "int64", (2, 4)),
    "integer_columns": lambda b: box(b, np.arange(4, dtype=np.uint8), 200, "uint8", (3, 4)),
    "empty_axis": lambda b: box(b, 0, 1, "float32", (0, 3)),
    "empty": lambda b: box(b, 0, 1, "uint8", (0,)),
    "binary": lambda b: BinarySpace(b, (2, 3)),
    "binary_scalar": lambda b: BinarySpace(b, ()),
    "binary_empty": lambda b: BinarySpace(b, (2, 0)),
    "text": lambda b: TextSpace(b, 12),
    "text_charset": lambda b: TextSpace(b, 5, min_length=1, charset="banana é😀"),
    "text_empty": lambda b: TextSpace(b, 0),
    "dict_empty": lambda b: DictSpace(b, {}),
    "dict": lambda b: DictSpace(b, {"b": box(b, 0, 1, "float32", (2,)), "a": TextSpace(b, 3, charset="xy")}),
    "dict_odd_names": odd_names,
    "tuple": lambda b: TupleSpace(b, [box(b, 0, 9, "int16", (1,)), BinarySpace(b, (1,))]),
    "nested": nested,
    "robot": robot,
    "batched_text": lambda b: BatchedSpace(TextSpace(b, 3, charset="xyz"), (2, 2)),
    "batched_box": lambda b: BatchedSpace(box(b, 0, 1, "float64", (2,)), (3,)),
    "batched_dict": lambda b: BatchedSpace(DictSpace(b, {"k": TextSpace(b, 2, charset="01")}), (2,)),
    "batched_scalar": lambda b: BatchedSpace(box(b, 0, 9, "int32", ()), (2, 1)),
    "dynamic": lambda b: dynamic_box(b, 0, 1, "float32", (0, 2), (3, 2)),
    "dynamic_two_axes": lambda b: dynamic_box(b, -(2**60), 2**60, "int64", (1, 2, 0), (3, 2, 2), 7),
    "dynamic_fill_outside": lambda b: dynamic_box(b, [[1], [2]], [[3], [4]], "float64", (2, 0), (2, 3)),
    "dynamic_fixed": lambda b: dynamic_box(b, 0, 255, "uint8", (2, 3), (2, 3), 255),
    "union": union,
    "union_text": lambda b: UnionSpace(b, [TextSpace(b, 3), dynamic_box(b, 0, 9, "int8", (0,), (4,))]),
    "graph": graph,
    "graph_batch": lambda b: graph(b, batch_shape=(2, 2)),
    "graph_no_edges": lambda b: graph(b, is_edge=False, edge_feature_space=None, min_nodes=1),
    "graph_bare": lambda b: graph(
        b, node_feature_space=None, edge_feature_space=None, min_nodes=2, min_edges=1
    ),
    "graph_open": lambda b: graph(b, max_nodes=None, max_edges=None, min_edges=1),
    "everything": everything,
}
"""Factories of spaces by name; each takes the backend."""

NO_ARRAYS = frozenset({"dict_empty"})
"""Names of spaces whose values hold no array, so that no batch of them has a size."""
