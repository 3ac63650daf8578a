"""Flattening: nothing is rounded, and unflattening is the inverse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_interface.corpus import NO_ARRAYS, SPACES, AnyBackend, box, full_box, same, values
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.backends.dtypes import FLOATING, INTEGERS
from unienv_interface.errors import InexactValueError, SpaceError, SpaceValueError
from unienv_interface.space import BatchedSpace, BinarySpace, DictSpace, TextSpace, TupleSpace
from unienv_interface.space.space_utils.batch_utils import batch_space, concatenate
from unienv_interface.space.space_utils.flatten_utils import (
    flat_dim,
    flatten_data,
    flatten_space,
    is_flattenable,
    unflatten_data,
)

N = NumpyComputeBackend
FLATTENABLE = [name for name, make in SPACES.items() if is_flattenable(make(N))]


def test_what_is_flattenable() -> None:
    assert set(SPACES) - set(FLATTENABLE) == {"text", "text_empty", "robot", "union_text", "graph_open"}


@pytest.mark.parametrize("name", FLATTENABLE)
def test_flattening_and_back(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    flat_space = flatten_space(space)
    assert flat_space.shape == (flat_dim(space),)
    for value in values(name, backend):
        flat = flatten_data(space, value)
        assert same(flat_space.coerce(flat), flat)
        assert same(unflatten_data(space, flat), value)


@pytest.mark.parametrize("name", [name for name in FLATTENABLE if name not in NO_ARRAYS])
def test_flattening_batches(name: str, backend: AnyBackend) -> None:
    space, items = SPACES[name](backend), values(name, backend)
    batched, batch = batch_space(space, len(items)), concatenate(space, items)
    rows = flatten_data(batched, batch, 1)
    assert same(rows, backend.stack([flatten_data(space, item) for item in items]))
    assert rows in flatten_space(batched, 1)
    assert flatten_space(batched, 1) == batch_space(flatten_space(space), len(items))
    assert flat_dim(batched, 1) == flat_dim(space)
    assert same(unflatten_data(batched, rows, 1), batch)
    whole = flatten_data(batched, batch)
    assert tuple(whole.shape) == (flat_dim(batched),)
    assert same(unflatten_data(batched, whole), batch)
    # Kept axes may be of any length.
    assert same(flatten_data(batch_space(space, 99), batch, 1), rows)
    assert same(unflatten_data(batch_space(space, 99), rows, 1), batch)


def test_every_start_dim(backend: AnyBackend) -> None:
    space = box(backend, np.arange(24).reshape(2, 3, 4), 100, "int32")
    value = backend.asarray(space.low)
    low = backend.to_numpy(space.low)
    for start in range(-3, 4):
        expected = low.reshape(*low.shape[:start], -1) if start != 3 else low[..., None]
        assert (backend.to_numpy(flatten_data(space, value, start)) == expected).all()
        assert (backend.to_numpy(flatten_space(space, start).low) == expected).all()
        assert same(unflatten_data(space, flatten_data(space, value, start), start), value)
    for start in (-4, 4):
        assert flat_dim(space, start) is None
        assert not is_flattenable(space, start)
        with pytest.raises(SpaceError, match="start_dim: expected"):
            flatten_space(space, start)


# -- data types ------------------------------------------------------------------------------------


def test_nanoseconds_do_not_move(backend: AnyBackend) -> None:
    """int64 beside float32 is float64, as in NumPy, on every backend; what it cannot hold is refused."""
    space = DictSpace(
        backend, {"time": full_box(backend, "int64", ()), "x": full_box(backend, "float32", (2,))}
    )
    assert flatten_space(space).dtype == backend.float64
    second = 1_700_000_000 * 10**9  # a multiple of 2**9, so float64 holds it
    flat = flatten_data(space, {"time": second, "x": [0.5, 1]})
    assert int(flat[0]) == second
    assert int(unflatten_data(space, flat)["time"]) == second
    with pytest.raises(
        InexactValueError, match=r"^time: expected values that float64 holds, got 1700000000000000001"
    ):
        flatten_data(space, {"time": second + 1, "x": [0.5, 1]})


def test_bounds_are_narrowed_to_what_the_type_holds(backend: AnyBackend) -> None:
    space = TupleSpace(backend, [full_box(backend, "int64", ()), full_box(backend, "float32", ())])
    flat = flatten_space(space)
    assert backend.to_numpy(flat.high)[0] == 2**63 - 1024
    assert backend.to_numpy(flat.low)[0] == -(2**63)


@given(st.lists(st.sampled_from([*INTEGERS, "float16", "float32", "float64"]), min_size=1, max_size=4))
def test_types_promote_as_numpy_s_do(dtypes: list[str]) -> None:
    space = TupleSpace(N, [full_box(N, dtype, (1,)) for dtype in dtypes])
    assert flatten_space(space).dtype == np.result_type(*map(np.dtype, dtypes))


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (["bfloat16"], "bfloat16"),
        (["bfloat16", "int8"], "bfloat16"),
        (["bfloat16", "uint8"], "bfloat16"),
        (["bfloat16", "int16"], "float32"),
        (["bfloat16", "int32"], "float64"),
        (["bfloat16", "float16"], "float32"),
        (["bfloat16", "float64"], "float64"),
    ],
)
def test_bfloat16_promotes_likewise(dtypes: list[str], expected: str) -> None:
    pytest.importorskip("torch")
    from unienv_interface.backends.pytorch import PyTorchComputeBackend as T

    space = TupleSpace(T, [full_box(T, dtype, (2,)) for dtype in dtypes])
    assert T.dtype_name(flatten_space(space).dtype) == expected
    _, value = space.sample(T.random.random_number_generator(0))
    assert expected in FLOATING
    assert same(unflatten_data(space, flatten_data(space, value)), value)


def test_booleans_promote_nothing(backend: AnyBackend) -> None:
    binary = BinarySpace(backend, (2,))
    assert flatten_space(binary) == box(backend, 0, 1, "uint8", (2,))
    both = TupleSpace(backend, [binary, full_box(backend, "float32", (1,))])
    assert flatten_space(both).dtype == backend.float32


def test_unflattening_changes_no_value(backend: AnyBackend) -> None:
    space = TupleSpace(backend, [full_box(backend, "uint8", (1,)), full_box(backend, "float32", (1,))])
    for flat, path in (([1.5, 0], "0"), ([256, 0], "0"), ([float("nan"), 0], "0"), ([1, 0.1], "1")):
        with pytest.raises(InexactValueError, match=rf"^{path}: expected values that"):
            unflatten_data(space, backend.asarray(flat, dtype=backend.float64))
    assert backend.to_numpy(unflatten_data(space, backend.asarray([1, 2]))[0]).tolist() == [1]


# -- order, text, refusals -------------------------------------------------------------------------


def test_dict_is_in_the_order_of_its_keys(backend: AnyBackend) -> None:
    parts = {key: box(backend, i, i, "float32", (1,)) for i, key in enumerate(["b", "a", "B"])}
    space = DictSpace(backend, parts)
    flat = flatten_data(space, {"b": [0], "B": [2], "a": [1]})
    assert backend.to_numpy(flat).tolist() == [2, 1, 0]
    assert backend.to_numpy(flatten_space(space).low).tolist() == [2, 1, 0]


def test_text_is_padded_positions_in_its_charset(backend: AnyBackend) -> None:
    space = TextSpace(backend, 4, charset="banana")
    assert flatten_space(space) == box(backend, 0, 3, "int32", (4,))
    flat = flatten_data(space, "nab")
    assert flat.dtype == backend.int32
    assert backend.to_numpy(flat).tolist() == [2, 0, 1, 3]
    assert unflatten_data(space, flat) == "nab"
    for wrong in ([0, 3, 1, 3], [0, 4, 3, 3], [-1, 3, 3, 3], [0.5, 3, 3, 3]):
        with pytest.raises(SpaceValueError, match="expected positions in a charset of 3"):
            unflatten_data(space, backend.asarray(wrong))


def test_text_without_a_charset_says_so() -> None:
    for space in (TextSpace(N, 3), DictSpace(N, {"a": TextSpace(N, 3)}), BatchedSpace(TextSpace(N, 3), (2,))):
        assert flat_dim(space) is None
        with pytest.raises(
            SpaceError, match=r"text is flattened to positions in its charset, and .* has none"
        ):
            flatten_space(space)
        with pytest.raises(SpaceError, match="has none"):
            flatten_data(space, "abc")
    assert flat_dim(TextSpace(N, 3, charset="a"), 1) is None


def test_parts_must_keep_the_same_axes(backend: AnyBackend) -> None:
    space = TupleSpace(backend, [full_box(backend, "int8", (2, 3)), full_box(backend, "int8", (3, 3))])
    assert flat_dim(space) == 15
    with pytest.raises(SpaceError, match=r"the parts keep different axes, \[\(2,\), \(3,\)\]"):
        flatten_space(space, 1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, 2, 3]}, "^a: expected shape"),
        ({"b": [1, 2]}, r"expected mapping with keys \['a'\]"),
        ([[1, 2]], "expected mapping"),
        ({"a": "text"}, "^a: expected float32 array"),
    ],
)
def test_values_of_another_structure(backend: AnyBackend, value: Any, message: str) -> None:
    space = DictSpace(backend, {"a": box(backend, 0, 9, "float32", (2,))})
    with pytest.raises(SpaceValueError, match=message):
        flatten_data(space, value)


@pytest.mark.parametrize("flat", [None, [1, 2], np.zeros(3), np.zeros(()), np.array(["a", "b"])])
def test_arrays_of_another_length(flat: Any) -> None:
    with pytest.raises(SpaceValueError, match=r"expected array of shape \(\*head, 2\)"):
        unflatten_data(box(N, 0, 9, "float32", (2,)), flat)
