"""One corpus of spaces and values that every test of spaces shares."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unienv_interface.backends import ComputeBackend, get_backend_from_tensor
from unienv_interface.backends.dtypes import INTEGERS, dtype_limits
from unienv_interface.space import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    Space,
    TextSpace,
    TupleSpace,
)

AnyBackend = ComputeBackend[Any, Any, Any, Any]
AnySpace = Space[Any, Any, Any, Any]
INF = float("inf")


def box(b: AnyBackend, low: Any, high: Any, dtype: str, shape: tuple[int, ...] | None = None) -> AnySpace:
    """A box with its data type by name."""
    return BoxSpace(b, low, high, dtype=b.dtype_from_name(dtype), shape=shape)


def full_box(b: AnyBackend, dtype: str, shape: tuple[int, ...]) -> AnySpace:
    """A box whose bounds are those of its data type."""
    low, high = dtype_limits(dtype)
    return box(b, low, high, dtype, shape)


def _mixed_bounds(b: AnyBackend) -> AnySpace:
    return box(b, [-1, 0.1, -INF, -INF], [1, INF, 0.3, INF], "float32")


def _nested(b: AnyBackend) -> AnySpace:
    return DictSpace(
        b,
        {
            "z_last": box(b, -1, 1, "float32", (3,)),
            "a_first": TupleSpace(b, [BinarySpace(b, (2,)), TextSpace(b, 4, charset="ab")]),
            "Middle": DictSpace(b, {"time": box(b, 0, 2**53, "int64", ())}),
        },
    )


SPACES: dict[str, Callable[[AnyBackend], AnySpace]] = {
    **{f"full_{dtype}": lambda b, dtype=dtype: full_box(b, dtype, (2, 3)) for dtype in INTEGERS},
    "scalar": lambda b: box(b, 0, 1, "float32", ()),
    "image": lambda b: full_box(b, "uint8", (4, 6, 3)),
    "half": lambda b: box(b, -0.1, 0.3, "float16", (3,)),
    "unbounded": lambda b: full_box(b, "float64", (2, 2)),
    "below": lambda b: box(b, 1e30, INF, "float32", (3,)),
    "above": lambda b: box(b, -INF, -2.5, "float64", (3,)),
    "mixed_bounds": _mixed_bounds,
    "huge_range": lambda b: box(b, -3e38, 3e38, "float32", (4,)),
    "one_value": lambda b: box(b, 0.1, 0.1, "float32", (2,)),
    "integer_rows": lambda b: box(b, [[0], [-5]], [[3], [2**62]], "int64", (2, 4)),
    "integer_columns": lambda b: box(b, np.arange(4, dtype=np.uint8), 200, "uint8", (3, 4)),
    "empty_axis": lambda b: box(b, 0, 1, "float32", (0, 3)),
    "binary": lambda b: BinarySpace(b, (2, 3)),
    "binary_scalar": lambda b: BinarySpace(b, ()),
    "text": lambda b: TextSpace(b, 12),
    "text_charset": lambda b: TextSpace(b, 5, min_length=1, charset="banana é😀"),
    "text_empty": lambda b: TextSpace(b, 0),
    "dict_empty": lambda b: DictSpace(b, {}),
    "dict": lambda b: DictSpace(b, {"b": box(b, 0, 1, "float32", (2,)), "a": TextSpace(b, 3, charset="xy")}),
    "tuple": lambda b: TupleSpace(b, [box(b, 0, 9, "int16", (1,)), BinarySpace(b, (1,))]),
    "nested": _nested,
    "batched_text": lambda b: BatchedSpace(TextSpace(b, 3, charset="xyz"), (2, 2)),
    "batched_box": lambda b: BatchedSpace(box(b, 0, 1, "float64", (2,)), (3,)),
    "batched_dict": lambda b: BatchedSpace(DictSpace(b, {"k": TextSpace(b, 2, charset="01")}), (2,)),
}
"""Factories of spaces by name; each takes the backend."""

EDGE_VALUES: dict[str, Callable[[AnyBackend], list[Any]]] = {
    **{
        f"full_{dtype}": lambda b, dtype=dtype: [
            b.from_numpy(np.full((2, 3), limit, dtype=dtype)) for limit in dtype_limits(dtype)
        ]
        for dtype in INTEGERS
    },
    "unbounded": lambda b: [b.from_numpy(np.array([[np.nan, -0.0], [INF, -INF]]))],
    "text": lambda b: ["", "a\x00b\n", "😀" * 12, "\ud800"],
    "text_charset": lambda b: ["b", "😀é😀é ", "nnnnn"],
}
"""Values that samples seldom are, by name of the space."""


def values(name: str, backend: AnyBackend, count: int = 5, seed: int = 0) -> list[Any]:
    """Edge values and samples of the space of that name."""
    space = SPACES[name](backend)
    found = list(EDGE_VALUES[name](backend)) if name in EDGE_VALUES else []
    rng = backend.random.random_number_generator(seed)
    for _ in range(count):
        rng, value = space.sample(rng)
        found.append(value)
    return found


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same: structure, classes, data types, shapes and bits."""
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray) and a.dtype == object:
        both = isinstance(b, np.ndarray) and b.dtype == object and a.shape == b.shape
        return both and all(map(same, a.flat, b.flat))
    if dataclasses.is_dataclass(a):
        names = [field.name for field in dataclasses.fields(a)]
        return type(a) is type(b) and all(same(getattr(a, name), getattr(b, name)) for name in names)
    if isinstance(a, str | int | None):
        return type(a) is type(b) and a == b
    if type(a) is not type(b) or a.dtype != b.dtype or tuple(a.shape) != tuple(b.shape):
        return False
    backend = get_backend_from_tensor(a)
    return backend.to_numpy(a).tobytes() == backend.to_numpy(b).tobytes()
