"""Batching, against a plain list of values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_interface.corpus import INF, NO_ARRAYS, SPACES, AnyBackend, box, same, values
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.errors import InexactValueError, SpaceError, SpaceValueError
from unienv_interface.space import BatchedSpace, BinarySpace, DictSpace, TextSpace, TupleSpace
from unienv_interface.space.space_utils.batch_utils import (
    batch_differing_spaces,
    batch_size,
    batch_size_data,
    batch_space,
    concatenate,
    get_at,
    iterate,
    reshape_batch_size,
    reshape_batch_size_in_data,
    set_at,
    swap_batch_dims,
    swap_batch_dims_in_data,
    unbatch_spaces,
)

N = NumpyComputeBackend
BATCHABLE = [name for name in SPACES if name not in NO_ARRAYS]
every_space = pytest.mark.parametrize("name", BATCHABLE)
BATCH_INDEXES = [
    slice(None),
    slice(1, 3),
    slice(None, None, -2),
    [3, 0, 0],
    [-1],
    [],
    range(1, 4),
    np.array([2, 1], dtype=np.uint8),
    np.array([True, False, True, False]),
    ...,
]


@every_space
def test_batch_holds_its_items(name: str, backend: AnyBackend) -> None:
    space, items = SPACES[name](backend), values(name, backend)
    batch = concatenate(space, items)
    batched = batch_space(space, len(items))
    assert batch in batched
    assert same(batched.coerce(batch), batch)
    assert batch_size(batched) == batch_size_data(batch) == len(items)
    assert len(list(iterate(batched, batch))) == len(items)
    assert all(map(same, iterate(batched, batch), items))


@every_space
def test_empty_batch(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    batch = concatenate(space, [])
    assert batch in batch_space(space, 0)
    assert batch_size_data(batch) == batch_size(batch_space(space, 0)) == 0
    assert list(iterate(batch_space(space, 0), batch)) == []


@every_space
@pytest.mark.parametrize("index", BATCH_INDEXES, ids=str)
def test_get_and_set_are_those_of_a_list(name: str, backend: AnyBackend, index: Any) -> None:
    space, items = SPACES[name](backend), values(name, backend, 6)[-6:]
    plain = np.arange(4)[index].tolist()
    batched, batch = batch_space(space, 4), concatenate(space, items[:4])
    part = get_at(batched, batch, index)
    assert same(part, concatenate(space, [items[i] for i in plain]))
    assert part in batch_space(space, len(plain))

    replacement = concatenate(space, [items[4 + i % 2] for i in range(len(plain))])
    result = set_at(batched, batch, index, replacement)
    expected = list(items[:4])
    for position, row in enumerate(plain):
        expected[row] = items[4 + position % 2]
    assert same(result, concatenate(space, expected))


@every_space
@pytest.mark.parametrize("index", [0, -1, np.int64(2), np.array(1)], ids=repr)
def test_one_entry(name: str, backend: AnyBackend, index: Any) -> None:
    space, items = SPACES[name](backend), values(name, backend, 5)[-5:]
    batched, batch = batch_space(space, 4), concatenate(space, items[:4])
    assert same(get_at(batched, batch, index), items[:4][int(index)])
    # The space of one entry serves as well.
    assert same(get_at(space, batch, index), items[:4][int(index)])
    result = set_at(batched, batch, index, items[4])
    expected = items[:4]
    expected[int(index)] = items[4]
    assert same(result, concatenate(space, expected))


@every_space
def test_index_of_any_backend(name: str, backend: AnyBackend, other: AnyBackend) -> None:
    space, items = SPACES[name](backend), values(name, backend, 4)[-4:]
    batch = concatenate(space, items)
    expected = concatenate(space, [items[2], items[0]])
    for index in (backend.asarray([2, 0]), other.asarray([2, 0])):
        assert same(get_at(space, batch, index), expected)


@every_space
def test_batches_of_batches(name: str, backend: AnyBackend) -> None:
    space, items = SPACES[name](backend), values(name, backend, 6)[-6:]
    rows = [concatenate(space, items[:3]), concatenate(space, items[3:])]
    nested = batch_space(batch_space(space, 3), 2)
    data = concatenate(batch_space(space, 3), rows)
    assert data in nested
    assert all(same(get_at(nested, data, i), rows[i]) for i in range(2))

    flat_space, flat = batch_space(space, 6), concatenate(space, items)
    assert reshape_batch_size(nested, (2, 3), (6,)) == flat_space
    assert reshape_batch_size(flat_space, (6,), (2, 3)) == nested
    assert same(reshape_batch_size_in_data(backend, data, (2, 3), (6,)), flat)
    assert same(reshape_batch_size_in_data(backend, flat, (6,), (2, 3)), data)

    swapped = swap_batch_dims_in_data(backend, data, 0, 1)
    assert swapped in swap_batch_dims(nested, 0, 1)
    assert batch_size(swap_batch_dims(nested, 0, 1)) == batch_size_data(swapped) == 3
    assert swap_batch_dims(swap_batch_dims(nested, 0, 1), 1, 0) == nested
    assert same(swap_batch_dims_in_data(backend, swapped, 0, 1), data)
    entry = get_at(swap_batch_dims(nested, 0, 1), swapped, (2, 1))
    assert same(entry, items[5])


@every_space
def test_unbatching_is_the_inverse(name: str, backend: AnyBackend) -> None:
    space = SPACES[name](backend)
    assert list(unbatch_spaces(batch_space(space, 3))) == [space] * 3
    assert list(unbatch_spaces(batch_space(batch_space(space, 2), 3))) == [batch_space(space, 2)] * 3
    assert batch_differing_spaces([space] * 3) == batch_space(space, 3)


def test_unbatching_needs_a_batch() -> None:
    for space in (TextSpace(N, 3), box(N, 0, 1, "float32", ()), DictSpace(N, {"a": TextSpace(N, 3)})):
        assert batch_size(space) is None
        with pytest.raises(SpaceError, match="expected a space of batches"):
            unbatch_spaces(space)


# -- spaces that differ ----------------------------------------------------------------------------


def test_differing_spaces_keep_their_bounds(backend: AnyBackend) -> None:
    spaces = [
        DictSpace(
            backend,
            {
                "x": box(backend, low, low + 1, "float32", (2,)),
                "t": TextSpace(backend, 3 + low, min_length=low, charset="ab" if low else "bc"),
                "u": TupleSpace(backend, [box(backend, [low, 0], INF, "float64")]),
                "b": BinarySpace(backend, (1,)),
            },
        )
        for low in (0, 1, 2)
    ]
    batched = batch_differing_spaces(spaces)
    parts = list(unbatch_spaces(batched))
    for part, space in zip(parts, spaces, strict=True):
        assert {key: part[key] for key in "xub"} == {key: space[key] for key in "xub"}
        assert part["t"] == TextSpace(backend, 5, min_length=0, charset="abc")
    items, rng = [], backend.random.random_number_generator(0)
    for space in spaces:
        rng, item = space.sample(rng)
        items.append(item)
    assert concatenate(parts[0], items) in batched
    assert concatenate(parts[0], items[::-1]) not in batched


def test_text_without_charset_takes_all() -> None:
    batched = batch_differing_spaces([TextSpace(N, 3, charset="a"), TextSpace(N, 2)])
    assert batched == BatchedSpace(TextSpace(N, 3), (2,))


@pytest.mark.parametrize(
    "spaces",
    [
        [],
        [TextSpace(N, 3), BinarySpace(N, ())],
        [box(N, 0, 1, "float32", (2,)), box(N, 0, 1, "float32", (3,))],
        [box(N, 0, 1, "float32", (2,)), box(N, 0, 1, "float64", (2,))],
        [BinarySpace(N, (2,)), BinarySpace(N, (3,))],
        [DictSpace(N, {"a": BinarySpace(N, ())}), DictSpace(N, {"b": BinarySpace(N, ())})],
        [TupleSpace(N, []), TupleSpace(N, [BinarySpace(N, ())])],
    ],
    ids=range(7),
)
def test_spaces_that_are_not_alike(spaces: Any) -> None:
    with pytest.raises(SpaceError):
        batch_differing_spaces(spaces)


# -- sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", ["text", "", None, 3, {}, (), {"a": "text", "b": ("x", ["y"])}, np.float32(1)]
)
def test_what_is_no_batch_has_no_size(data: Any) -> None:
    assert batch_size_data(data) is None
    with pytest.raises(SpaceValueError, match="expected a batch"):
        iterate(TextSpace(N, 3), data)


def test_parts_of_a_batch_share_its_size() -> None:
    assert batch_size_data({"a": np.zeros((3, 1)), "b": (np.zeros(3), np.empty(3, dtype=object))}) == 3
    with pytest.raises(SpaceValueError, match=r"expected arrays of one batch size, got sizes \[2, 3\]"):
        batch_size_data({"a": np.zeros(3), "b": np.zeros(2)})
    mixed = DictSpace(N, {"a": box(N, 0, 1, "float32", (2,)), "b": box(N, 0, 1, "float32", (3,))})
    assert batch_size(mixed) is None


@pytest.mark.parametrize("n", [-1, 1.5, True, "2"])
def test_batch_of_no_number(n: Any) -> None:
    for name in ("image", "binary", "text", "nested", "batched_text"):
        with pytest.raises(SpaceError, match=r"^n: expected an integer that is at least 0"):
            batch_space(SPACES[name](N), n)


def test_shapes_that_do_not_fit() -> None:
    space = box(N, 0, 1, "float32", (2, 3))
    with pytest.raises(SpaceError, match=r"old_batch_shape: expected the first axes of \(2, 3\), got \(3,\)"):
        reshape_batch_size(space, (3,), (1, 3))
    with pytest.raises(SpaceError, match=r"new_batch_shape: expected the size of \(2,\), got \(3,\)"):
        reshape_batch_size_in_data(N, np.zeros((2, 3)), (2,), (3,))
    with pytest.raises(SpaceError, match=r"dim: expected an axis of shape \(2, 3\), got 2"):
        swap_batch_dims(space, 0, 2)


@given(st.data())
def test_bounds_follow_reshaping(data: st.DataObject) -> None:
    """Bounds that differ along some axes only, against the full arrays."""
    shape = data.draw(st.sampled_from([(6, 2), (2, 3, 2), (3, 2, 1), (1, 6, 2)]))
    axes = data.draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    low = np.arange(np.prod(shape)).reshape(shape)
    for axis, keep in enumerate(axes):
        low = low if keep else low.take([0], axis=axis)
    space, low_size = box(N, low, 100, "int32", shape), int(np.prod(shape))
    old, new = data.draw(
        st.sampled_from([(shape, (low_size,)), (shape, (2, low_size // 2)), (shape[:1], (1, shape[0]))])
    )
    reshaped = reshape_batch_size(space, old, new)
    assert (reshaped.low == space.low.reshape(new + shape[len(old) :])).all()
    swapped = swap_batch_dims(space, 0, -1)
    assert (swapped.low == np.swapaxes(space.low, 0, -1)).all()
    assert [part.low.tolist() for part in unbatch_spaces(space)] == [part.tolist() for part in space.low]


# -- writing ---------------------------------------------------------------------------------------


def test_set_changes_no_value(backend: AnyBackend) -> None:
    space = box(backend, 0, 255, "uint8", (2,))
    batch = concatenate(space, [[0, 1], [2, 3]])
    with pytest.raises(InexactValueError, match="expected values that uint8 holds, got 300"):
        set_at(space, batch, 0, [300, 1])
    with pytest.raises(SpaceValueError, match="expected values of type uint8"):
        set_at(space, batch, 0, [0.5, 1])
    with pytest.raises(SpaceValueError, match="got 'text'"):
        set_at(space, batch, 0, "text")
    updated = set_at(space, batch, slice(None), 7)
    assert backend.to_numpy(updated).tolist() == [[7, 7], [7, 7]]


def test_one_number_goes_into_every_array(backend: AnyBackend) -> None:
    space = DictSpace(
        backend, {"a": box(backend, 0, 9, "float32", ()), "b": box(backend, 0, 9, "int8", (2,))}
    )
    batch = concatenate(space, [{"a": 1, "b": [1, 1]}] * 2)
    updated = set_at(space, batch, 1, 5)
    assert backend.to_numpy(updated["a"]).tolist() == [1, 5]
    assert backend.to_numpy(updated["b"]).tolist() == [[1, 1], [5, 5]]


def test_one_text_goes_into_every_place() -> None:
    space = TextSpace(N, 3)
    batch = concatenate(space, ["a", "b", "c"])
    assert set_at(space, batch, [0, 2], "z").tolist() == ["z", "b", "z"]


def test_items_are_checked_and_converted(backend: AnyBackend) -> None:
    space = box(backend, 0, 1, "float32", (2,))
    batch = concatenate(space, [[0, 1], (1, 0)])
    assert batch.dtype == backend.float32
    with pytest.raises(SpaceValueError):
        concatenate(space, [[0, 1], [0, 2]])


def test_axis_of_the_batch(backend: AnyBackend) -> None:
    space = box(backend, 0, 1, "float32", (2,))
    batch = concatenate(space, [[0, 1], [1, 0], [1, 1]], axis=1)
    assert backend.to_numpy(batch).tolist() == [[0, 1, 1], [1, 0, 1]]
