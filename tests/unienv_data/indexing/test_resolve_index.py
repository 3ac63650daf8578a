"""Every kind of index, against a plain list and NumPy's own indexing."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import requires_torch
from unienv_data.errors import IndexOutOfRangeError, InvalidIndexError
from unienv_data.indexing import Rows, ascending, chunked, resolve_index, row_array

LENGTHS = st.integers(0, 40)
BOUNDS = st.none() | st.integers(-60, 60)
DTYPES = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, ">i8", "<u4"]


def rows_of(index: Any, length: int) -> list[int]:
    """The rows of a batch index, after checking what holds for every one."""
    found = resolve_index(index, length)
    assert isinstance(found, Rows)
    assert not found.is_scalar
    assert len(found) == len(found.rows)
    if isinstance(found.rows, np.ndarray):
        assert found.rows.dtype == np.int64
        assert found.rows.dtype.isnative
        assert found.rows.ndim == 1
    listed = row_array(found.rows).tolist()
    assert listed == list(found.rows)
    assert all(0 <= row < length for row in listed)
    return listed


@given(length=LENGTHS, index=st.integers(-60, 60))
def test_integer_addresses_one_row_like_a_list(length: int, index: int) -> None:
    plain = list(range(length))
    for form in (index, np.int64(index), np.int8(index), np.array(index)):
        try:
            expected = plain[index]
        except IndexError:
            with pytest.raises(
                IndexOutOfRangeError, match=f"index {index} is out of range for {length} rows"
            ):
                resolve_index(form, length)
        else:
            found = resolve_index(form, length)
            assert found.is_scalar
            assert found.rows == range(expected, expected + 1)


@given(length=LENGTHS, start=BOUNDS, stop=BOUNDS, step=BOUNDS.filter(lambda step: step != 0))
def test_slice_is_a_list_s_and_stays_a_range(length: int, start: Any, stop: Any, step: Any) -> None:
    index = slice(start, stop, step)
    assert rows_of(index, length) == list(range(length))[index]
    assert isinstance(resolve_index(index, length).rows, range)


@given(length=LENGTHS)
def test_ellipsis_is_everything(length: int) -> None:
    assert resolve_index(..., length).rows == range(length)


@given(length=LENGTHS, start=st.integers(-60, 60), stop=st.integers(-60, 60), step=st.integers(-5, 5))
def test_range_means_its_integers(length: int, start: int, stop: int, step: int) -> None:
    index = range(start, stop, step or 1)
    if all(-length <= item < length for item in index):
        assert rows_of(index, length) == [list(range(length))[item] for item in index]
    else:
        with pytest.raises(IndexOutOfRangeError):
            resolve_index(index, length)


def test_range_of_one_sign_stays_a_range() -> None:
    assert resolve_index(range(2, 9, 3), 10).rows == range(2, 9, 3)
    assert resolve_index(range(-4, 0), 10).rows == range(6, 10)
    assert resolve_index(range(-1, -11, -1), 10).rows == range(9, -1, -1)
    assert list(row_array(resolve_index(range(-2, 2), 10).rows)) == [8, 9, 0, 1]


def test_huge_range_is_refused_without_being_listed() -> None:
    with pytest.raises(IndexOutOfRangeError):
        resolve_index(range(10**30), 10)


@given(
    length=LENGTHS,
    index=st.lists(st.integers(-45, 45), max_size=20),
    dtype=st.sampled_from(DTYPES),
    as_tuple=st.booleans(),
)
def test_integers_in_lists_and_arrays_are_those_of_numpy(
    length: int, index: list[int], dtype: Any, as_tuple: bool
) -> None:
    if np.dtype(dtype).kind == "u":
        index = [abs(item) for item in index]
    forms = [
        tuple(index) if as_tuple else index,
        np.array(index, dtype=dtype),
        [np.int32(item) for item in index],
    ]
    strided = np.zeros(2 * len(index), dtype=dtype)
    strided[::2] = index
    forms.append(strided[::2])
    in_range = all(-length <= item < length for item in index)
    for form in forms:
        if in_range:
            assert rows_of(form, length) == [list(range(length))[item] for item in index]
        else:
            with pytest.raises(IndexOutOfRangeError):
                resolve_index(form, length)


@given(st.data(), LENGTHS)
def test_masks_are_those_of_numpy(data: st.DataObject, length: int) -> None:
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=length, max_size=length)), dtype=bool)
    expected = np.arange(length)[mask].tolist()
    assert rows_of(mask, length) == expected
    assert rows_of(mask.tolist(), length) == expected
    assert rows_of(tuple(mask), length) == expected


@pytest.mark.parametrize("length", [0, 1, 5])
@pytest.mark.parametrize("other", [1, 4, 6])
def test_mask_of_another_length_is_refused(length: int, other: int) -> None:
    if length == other:
        return
    for mask in (np.ones(other, dtype=bool), [True] * other):
        with pytest.raises(InvalidIndexError, match=f"mask of {other} booleans cannot index {length} rows"):
            resolve_index(mask, length)


@pytest.mark.parametrize("length", [0, 7])
@pytest.mark.parametrize(
    "empty",
    [[], (), range(0), range(5, 5), slice(3, 3), np.array([], dtype=np.int64), np.array([], dtype=np.uint8)],
)
def test_empty_index_is_a_batch_of_no_rows(empty: Any, length: int) -> None:
    assert rows_of(empty, length) == []


REFUSED = [
    True,
    False,
    np.True_,
    np.array(True),
    1.0,
    np.float64(1),
    np.array(1.0),
    np.array([]),
    np.array([0.0, 1.0]),
    "0",
    b"0",
    None,
    {0},
    {0: 1},
    1j,
    object(),
    [0.0],
    ["0"],
    [None],
    [[0, 1]],
    [[0], [1]],
    [range(2)],
    [slice(0, 1)],
    (slice(0, 1), slice(0, 1)),
    (0, ...),
    [0, True],
    [True, 0],
    [0, np.True_],
    [0, np.float32(1)],
    [0, np.array([1])],
    [0, np.array(True)],
    np.array([[0, 1]]),
    np.zeros((0, 3), dtype=np.int64),
    np.ones((2, 2), dtype=bool),
    np.array(["0"]),
    np.array([0], dtype=object),
    np.array([0], dtype="m8[s]"),
    slice(0.0, 1),
    slice(None, "1"),
    slice(None, None, 0),
]


@pytest.mark.parametrize("index", REFUSED, ids=repr)
def test_what_is_no_index_is_refused(index: Any) -> None:
    with pytest.raises(InvalidIndexError) as caught:
        resolve_index(index, 3)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, IndexError)


@pytest.mark.parametrize("huge", [2**63, 2**64 - 1, -(2**63) - 1, 10**40, -(10**40)])
def test_integers_beyond_int64_do_not_wrap_around(huge: int) -> None:
    forms: list[Any] = [huge, [huge], [0, huge], range(huge, huge + 1)]
    if 0 <= huge < 2**64:
        forms += [np.uint64(huge), np.array([huge], dtype=np.uint64), np.array(huge, dtype=np.uint64)]
    for form in forms:
        with pytest.raises(IndexOutOfRangeError, match=str(huge)):
            resolve_index(form, 3)


def test_out_of_range_is_an_index_error_under_optimization_too() -> None:
    # Validated by code that `python -O` keeps: UniEnv's assert let get_at(100) of 6 rows give row 4.
    with pytest.raises(IndexError):
        resolve_index(100, 6)


def test_index_is_never_changed() -> None:
    index = np.array([-1, 2, -3])
    kept = index.copy()
    resolve_index(index, 5)
    assert np.array_equal(index, kept)


def test_anything_with_an_index_method_is_an_integer() -> None:
    class Seven:
        def __index__(self) -> int:
            return 7

    assert resolve_index(Seven(), 10).rows == range(7, 8)
    assert rows_of([Seven(), 0], 10) == [7, 0]


def test_rows_copy_and_pickle() -> None:
    for index in (3, [1, 2], slice(None)):
        rows = resolve_index(index, 5)
        for twin in (copy.deepcopy(rows), pickle.loads(pickle.dumps(rows))):
            assert twin.is_scalar == rows.is_scalar
            assert list(twin.rows) == list(rows.rows)


@given(length=LENGTHS, size=st.integers(1, 7), as_array=st.booleans())
def test_chunks_join_to_the_whole(length: int, size: int, as_array: bool) -> None:
    rows = row_array(range(length)) if as_array else range(length)
    parts = list(chunked(rows, size))
    assert [row for part in parts for row in part] == list(range(length))
    assert all(len(part) == size for part in parts[:-1])
    assert all(0 < len(part) <= size for part in parts)


@given(rows=st.lists(st.integers(0, 30), max_size=10), start=st.integers(0, 9), step=st.integers(1, 4))
def test_ascending_sorts_and_drops_repetitions(rows: list[int], start: int, step: int) -> None:
    assert list(ascending(np.array(rows, dtype=np.int64))) == sorted(set(rows))
    assert ascending(range(start, 30, step)) == range(start, 30, step)
    assert list(ascending(range(30, start, -step))) == sorted(range(30, start, -step))


@pytest.mark.parametrize("size", [0, -1])
def test_chunk_without_rows_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        chunked(range(3), size)


@requires_torch
def test_torch_tensors() -> None:
    import torch

    assert rows_of(torch.tensor([0, -1, 2]), 5) == [0, 4, 2]
    assert rows_of(torch.tensor([1, 0], dtype=torch.uint8), 5) == [1, 0]
    assert rows_of(torch.tensor([True, False, True]), 3) == [0, 2]
    assert rows_of(torch.tensor([], dtype=torch.int64), 3) == []
    assert rows_of([torch.tensor(1), torch.tensor(-1)], 3) == [1, 2]
    scalar = resolve_index(torch.tensor(-1), 3)
    assert scalar.is_scalar
    assert scalar.rows == range(2, 3)
    for wrong in (
        torch.tensor(True),
        torch.tensor(1.0),
        torch.tensor([0.0]),
        torch.tensor([[0]]),
        torch.tensor([True, False]),
        [torch.tensor([1])],
        [torch.tensor(True), 0],
        [torch.tensor(1.0)],
    ):
        with pytest.raises(InvalidIndexError):
            resolve_index(wrong, 3)
    with pytest.raises(IndexOutOfRangeError):
        resolve_index(torch.tensor([0, 3]), 3)
