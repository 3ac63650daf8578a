"""Values of the corpus's spaces, and what it means that two values are the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unienv_data.testing.factories import FLOATS, INF, AnyBackend
from unienv_data.testing.spaces import SPACES
from unienv_interface.backends import get_backend_from_tensor
from unienv_interface.backends.dtypes import INTEGERS, dtype_limits
from unienv_interface.space import GraphInstance

__all__ = ["EDGE_VALUES", "same", "values"]


def _limits(dtype: str) -> Callable[[AnyBackend], list[Any]]:
    return lambda b: [b.from_numpy(np.full((2, 3), limit, dtype=dtype)) for limit in dtype_limits(dtype)]


def _floats(dtype: str) -> Callable[[AnyBackend], list[Any]]:
    info = np.finfo(dtype)
    edges = np.array([[np.nan, -0.0, INF], [-INF, info.smallest_subnormal, info.max]], dtype=dtype)
    return lambda b: [b.from_numpy(edges.copy())]


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
    **{f"full_{dtype}": _limits(dtype) for dtype in INTEGERS},
    **{f"full_{dtype}": _floats(dtype) for dtype in FLOATS},
    "unbounded": lambda b: [b.from_numpy(np.array([[np.nan, -0.0], [INF, -INF]]))],
    "text": lambda b: ["", "a\x00b\n", "😀" * 12, "\ud800", "x", "\x00\x00"],
    "dynamic": _dynamic,
    "dynamic_two_axes": _dynamic_two_axes,
    "union": _unions,
    "union_text": _text_unions,
    "graph": _graphs,
    "text_charset": lambda b: ["b", "😀é😀é ", "nnnnn"],
}
"""Values that samples seldom are, by name of the space."""


def values(name: str, backend: AnyBackend, count: int = 5, seed: int = 0) -> list[Any]:
    """Edge values and samples of the space of that name.

    Args:
        name: of a space of the corpus.
        backend: whose arrays the values are made of.
        count: how many samples follow the edge values.
        seed: of the samples.
    """
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
    return bool(backend.to_numpy(a).tobytes() == backend.to_numpy(b).tobytes())
