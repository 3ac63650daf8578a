"""Spaces from data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unienv_interface.corpus import INF, SPACES, AnyBackend, box, dynamic_box, full_box, values
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.errors import SpaceError
from unienv_interface.space import BatchedSpace, BinarySpace, DictSpace, TextSpace, TupleSpace
from unienv_interface.space.space_utils.construct_utils import (
    construct_space_from_data,
    construct_space_from_data_stream,
)

N = NumpyComputeBackend
UNSUPPORTED = ("graph", "union", "everything")


def on_cpu(space: Any) -> Any:
    return space.to(device="cpu")


@pytest.mark.parametrize("add_bounds", [False, True])
@pytest.mark.parametrize("name", [name for name in SPACES if not name.startswith(UNSUPPORTED)])
def test_it_holds_all_that_it_was_made_from(name: str, backend: AnyBackend, add_bounds: bool) -> None:
    data = values(name, backend)
    space = construct_space_from_data_stream(iter(data), backend, add_bounds)
    for value in data:
        assert value in space


def test_bounds_are_those_of_the_data(backend: AnyBackend) -> None:
    data = [
        {"x": backend.asarray(x, dtype=backend.float32), "n": n, "t": t}
        for x, n, t in (([0, 5], 3, "ab"), ([2, 1], 7, "c"))
    ]
    bounded = construct_space_from_data_stream(data, backend)
    expected = {
        "x": on_cpu(box(backend, [0, 1], [2, 5], "float32")),
        "n": on_cpu(box(backend, 3, 7, backend.dtype_name(backend.default_integer_dtype), ())),
        "t": TextSpace(backend, 2),
    }
    assert bounded == DictSpace(backend, expected)
    free = construct_space_from_data_stream(data, backend, add_bounds=False)
    assert free["x"] == on_cpu(full_box(backend, "float32", (2,)))
    assert free["t"] == TextSpace(backend, 4096)


def test_shapes_that_differ_make_it_dynamic(backend: AnyBackend) -> None:
    data = [backend.asarray(x, dtype=backend.int64) for x in ([[1, 9]], [[2, 3], [4, 5], [6, 7]])]
    space = construct_space_from_data_stream(data, backend)
    assert space == on_cpu(dynamic_box(backend, [[1, 3]], [[6, 9]], "int64", (1, 2), (3, 2)))
    more = construct_space_from_data(backend.zeros((2, 2), dtype=backend.int64), backend, space, True)
    assert more == on_cpu(dynamic_box(backend, [[0, 0]], [[6, 9]], "int64", (1, 2), (3, 2)))


def test_what_is_not_finite_has_no_bounds(backend: AnyBackend) -> None:
    value = backend.asarray([float("nan"), INF, -INF, 1.0])
    space = construct_space_from_data(value, backend, add_bounds=True)
    assert value in space
    assert backend.to_numpy(space.low).tolist() == [-INF, -INF, -INF, 1]


def test_plain_values(backend: AnyBackend) -> None:
    space = construct_space_from_data({"a": True, "b": (1.5, [2]), "c": np.float32(1)}, backend)
    floating = backend.dtype_name(backend.default_floating_dtype)
    integer = backend.dtype_name(backend.default_integer_dtype)
    assert space["a"] == on_cpu(BinarySpace(backend, ()))
    inner = TupleSpace(backend, [on_cpu(full_box(backend, integer, ()))])
    assert space["b"] == TupleSpace(backend, [on_cpu(full_box(backend, floating, ())), inner])
    assert space["c"] == on_cpu(full_box(backend, "float32", ()))


def test_object_arrays_are_batches() -> None:
    space = construct_space_from_data(np.array([["a", "bcd"]], dtype=object), N, add_bounds=True)
    assert space == BatchedSpace(TextSpace(N, 3), (1, 2))
    with pytest.raises(SpaceError, match="an empty object array"):
        construct_space_from_data(np.array([], dtype=object), N)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.zeros(2), np.zeros(2, dtype=np.float32)),
        (np.zeros(2), np.zeros((2, 1))),
        (np.zeros(2, dtype=bool), np.zeros(3, dtype=bool)),
        (np.zeros(2), "text"),
        ({"a": 1}, {"b": 1}),
        ((1, 2), (1,)),
    ],
)
def test_values_that_nothing_holds_both_of(first: Any, second: Any) -> None:
    with pytest.raises(SpaceError, match=r"^x/1: no space holds the values of both"):
        construct_space_from_data_stream([{"x": [0, first]}, {"x": [0, second]}], N)


def test_data_that_nothing_holds() -> None:
    with pytest.raises(SpaceError, match=r"^a: expected arrays of NumpyComputeBackend, numbers, .* got None"):
        construct_space_from_data({"a": None}, N)
    with pytest.raises(SpaceError, match="data: expected at least one value"):
        construct_space_from_data_stream([], N)


def test_backends_do_not_mix(backend: AnyBackend, other: AnyBackend) -> None:
    space = construct_space_from_data(1.5, other)
    with pytest.raises(SpaceError, match="no space holds the values of both"):
        construct_space_from_data(1.5, backend, space)
    with pytest.raises(SpaceError, match="data: expected arrays of"):
        construct_space_from_data(other.zeros((2,)), backend)
