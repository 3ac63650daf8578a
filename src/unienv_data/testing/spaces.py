"""One corpus of spaces that every suite shares: a line a space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from unienv_interface.backends import ComputeBackend
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

__all__ = [
    "FLOATS",
    "INF",
    "SPACES",
    "STORED_SPACES",
    "AnyBackend",
    "AnySpace",
    "SpaceFactory",
    "box",
    "full_box",
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


def _of_dtype(dtype: str) -> SpaceFactory:
    return lambda b: full_box(b, dtype, (2, 3))


def _nested(b: AnyBackend) -> AnySpace:
    return DictSpace(
        b,
        {
            "z_last": box(b, -1, 1, "float32", (3,)),
            "a_first": TupleSpace(b, [BinarySpace(b, (2,)), TextSpace(b, 4, charset="ab")]),
            "Middle": DictSpace(b, {"time": box(b, 0, 2**53, "int64", ())}),
        },
    )


def _robot(b: AnyBackend) -> AnySpace:
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


def _odd_names(b: AnyBackend) -> AnySpace:
    names = ["a.b", "a/b", "a", "A", "é😀", "", "..", "con", "zarr.json", "%2F", "__x", "e\u0301"]
    return DictSpace(b, {name: box(b, 0, i + 1, "uint8", (1,)) for i, name in enumerate(names)})


SPACES: Mapping[str, SpaceFactory] = {
    **{f"full_{dtype}": _of_dtype(dtype) for dtype in (*INTEGERS, *FLOATS)},
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
    "dict_odd_names": _odd_names,
    "tuple": lambda b: TupleSpace(b, [box(b, 0, 9, "int16", (1,)), BinarySpace(b, (1,))]),
    "nested": _nested,
    "robot": _robot,
    "batched_text": lambda b: BatchedSpace(TextSpace(b, 3, charset="xyz"), (2, 2)),
    "batched_box": lambda b: BatchedSpace(box(b, 0, 1, "float64", (2,)), (3,)),
    "batched_dict": lambda b: BatchedSpace(DictSpace(b, {"k": TextSpace(b, 2, charset="01")}), (2,)),
}
"""Factories of spaces by name; each takes the backend."""

_NO_COLUMNS_YET = ("batched_text", "batched_box", "batched_dict")

STORED_SPACES: tuple[str, ...] = tuple(name for name in SPACES if name not in _NO_COLUMNS_YET)
"""The names of those that can be stored as columns."""
