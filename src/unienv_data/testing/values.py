"""Values of the corpus's spaces, and what it means that two values are the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unienv_data.testing.spaces import FLOATS, INF, SPACES, AnyBackend
from unienv_interface.backends import get_backend_from_tensor
from unienv_interface.backends.dtypes import INTEGERS, dtype_limits

__all__ = ["EDGE_VALUES", "same", "values"]


def _limits(dtype: str) -> Callable[[AnyBackend], list[Any]]:
    return lambda b: [b.from_numpy(np.full((2, 3), limit, dtype=dtype)) for limit in dtype_limits(dtype)]


def _floats(dtype: str) -> Callable[[AnyBackend], list[Any]]:
    info = np.finfo(dtype)
    edges = np.array([[np.nan, -0.0, INF], [-INF, info.smallest_subnormal, info.max]], dtype=dtype)
    return lambda b: [b.from_numpy(edges.copy())]


EDGE_VALUES: Mapping[str, Callable[[AnyBackend], list[Any]]] = {
    **{f"full_{dtype}": _limits(dtype) for dtype in INTEGERS},
    **{f"full_{dtype}": _floats(dtype) for dtype in FLOATS},
    "unbounded": lambda b: [b.from_numpy(np.array([[np.nan, -0.0], [INF, -INF]]))],
    "text": lambda b: ["", "a\x00b\n", "😀" * 12, "\ud800", "x", "\x00\x00"],
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
