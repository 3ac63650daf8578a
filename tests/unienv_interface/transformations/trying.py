"""Transformations tried on the corpus of spaces."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.unienv_interface.corpus import AnyBackend, AnySpace, same
from tests.unienv_interface.transformations.cases import CASES, spaces_for, values
from unienv_interface.backends import get_backend_from_tensor
from unienv_interface.backends.arrays import map_leaves
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.transformations import DataTransformation

Application = tuple[str, DataTransformation, AnySpace, AnySpace]


@cache
def applications(case: str, backend: AnyBackend) -> list[Application]:
    """Name of the space, transformation, source and target, wherever the transformation applies."""
    transformation, found = CASES[case].make(), []
    for name, make in spaces_for(backend).items():
        space = make(backend)
        try:
            target = transformation.get_target_space_from_source(space)
        except SpaceError:
            continue
        found.append((name, transformation, space, target))
    return found


@cache
def _values(name: str, backend: AnyBackend) -> list[Any]:
    return values(name, backend, count=2)


def members(name: str, transformation: DataTransformation, space: AnySpace) -> list[Any]:
    """Values of the space of that name, without those that are refused for a NaN."""
    accepted = []
    for value in _values(name, space.backend):
        try:
            transformation.transform(space, value)
        except SpaceValueError:
            assert not same(without_nan(value), value)
            with pytest.raises(SpaceValueError, match="got NaN at"):
                transformation.transform(space, value)
        else:
            accepted.append(value)
    return accepted


def alike(a: Any, b: Any) -> bool:
    """Whether two results are the same, but for the bits of NaN, which mean nothing.

    XLA compiles arithmetic anew for each shape, in other orders, so its floats are only nearly the same.
    """
    if same(without_nan(a), without_nan(b)):
        return True
    (floats, rest), (other_floats, other_rest) = without_jax_floats(a), without_jax_floats(b)
    return same(rest, other_rest) and all(
        np.allclose(x, y, rtol=1e-5, atol=1e-6, equal_nan=True)
        for x, y in zip(floats, other_floats, strict=True)
    )


def without_jax_floats(data: Any) -> tuple[list[Any], Any]:
    """The floating arrays of JAX in some data, and the data with their types and shapes for them."""
    found: list[Any] = []

    def take_out(x: Any) -> Any:
        found.append(np.asarray(x, dtype=np.float64))
        return (str(x.dtype), tuple(x.shape))

    def is_jax_float(x: object) -> bool:
        return "jax" in type(x).__module__ and "float" in str(getattr(x, "dtype", ""))

    return found, map_leaves(data, is_jax_float, take_out)


def without_nan(data: Any) -> Any:
    """Data with 0 for NaN."""

    def replace(x: Any) -> Any:
        backend = get_backend_from_tensor(x)
        return backend.where(backend.isnan(x), backend.zeros_like(x), x)

    return map_leaves(data, lambda x: "float" in str(getattr(x, "dtype", "")), replace)
