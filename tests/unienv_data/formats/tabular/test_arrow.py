"""Arrow columns as arrays, against what Arrow itself makes of them as Python values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unienv_data.errors import ConversionError
from unienv_data.formats.tabular.arrow import ArrowColumn, array_space
from unienv_interface.space import BinarySpace, BoxSpace, TextSpace

DTYPES = ["bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))]
DTYPES += ["float16", "float32", "float64"]


def as_lists(array: np.ndarray, depth: int, fixed: bool) -> pa.Array:
    """The rows of an array as Arrow lists nested `depth` deep."""
    values = pa.array(np.ascontiguousarray(array).reshape(-1))
    for axis in range(depth, 0, -1):
        size = array.shape[axis]
        if fixed:
            values = pa.FixedSizeListArray.from_arrays(values, size)
        else:
            offsets = np.arange(0, len(values) + 1, size, dtype=np.int32)
            values = pa.ListArray.from_arrays(pa.array(offsets), values)
    return values


@given(st.data(), st.sampled_from(DTYPES), st.integers(0, 3), st.booleans(), st.booleans())
def test_numbers_of_any_shape(data, dtype: str, depth: int, fixed: bool, sliced: bool) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=depth + 1, max_dims=depth + 1, max_side=4))
    want = data.draw(hnp.arrays(dtype, shape))
    column = as_lists(want, depth, fixed)
    if sliced:  # offsets that do not begin at 0
        column = column.slice(1)
        want = want[1:]
    reader = ArrowColumn.of("x", column.type, shape[1:])
    assert reader.shape == shape[1:]
    half = len(column) // 2
    for source in (column, pa.chunked_array([column.slice(0, half), column.slice(half)], column.type)):
        values = reader.to_numpy(source, "here")
        assert values.dtype == np.dtype(dtype)
        assert values.shape == want.shape
        assert values.flags.c_contiguous
        assert values.tobytes() == want.tobytes()


@pytest.mark.parametrize(
    "type_",
    [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string()), pa.string_view()],
)
def test_texts(type_: pa.DataType) -> None:
    texts = ["", "ünï", "日本", "a\0b"]
    reader = ArrowColumn.of("x", type_, (1,))
    array = pa.array(texts).cast(type_) if pa.types.is_dictionary(type_) else pa.array(texts, type_)
    values = reader.to_numpy(array, "here")
    assert values.dtype == object
    assert values.tolist() == texts
    assert isinstance(reader.space, TextSpace)


def test_the_shape_of_the_metadata_folds_flat_lists() -> None:
    reader = ArrowColumn.of("x", pa.list_(pa.float32(), 6), (2, 3))
    values = reader.to_numpy(as_lists(np.arange(12, dtype=np.float32).reshape(2, 6), 1, True), "here")
    assert values.tolist() == np.arange(12).reshape(2, 2, 3).tolist()


def test_tensors() -> None:
    tensors = np.arange(12, dtype=np.int32).reshape(2, 2, 3)
    array = pa.FixedShapeTensorArray.from_numpy_ndarray(tensors)
    reader = ArrowColumn.of("x", array.type, None)
    assert reader.shape == (2, 3)
    np.testing.assert_array_equal(reader.to_numpy(array, "here"), tensors)


@pytest.mark.parametrize(
    ("type_", "shape", "said"),
    [
        (pa.timestamp("ns"), (), r"x has the Arrow type timestamp\[ns\]"),
        (pa.binary(), (), "binary"),
        (pa.list_(pa.string()), (2,), "list"),
        (pa.list_(pa.float32()), None, "no shape"),
        (pa.list_(pa.float32()), (2, 3), r"the shape \[2, 3\]"),
        (pa.list_(pa.float32(), 3), (4,), r"the shape \[4\]"),
        (pa.list_(pa.list_(pa.float32(), 3)), (2, 4), r"the shape \[2, 4\]"),
    ],
)
def test_what_has_no_place(type_: pa.DataType, shape: tuple[int, ...] | None, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        ArrowColumn.of("x", type_, shape)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (pa.array([1.0, None]), r"here: the column x has no value \(null\) in row 1"),
        (pa.array([[1.0], None], pa.list_(pa.float64())), "null.* in row 1"),
        (pa.array([[1.0], [None]], pa.list_(pa.float64())), "null"),
        (pa.array([[1.0], [1.0, 2.0]], pa.list_(pa.float64())), "not 1 long"),
        (pa.array(["a", None]), "null.* in row 1"),
    ],
)
def test_rows_that_are_not_as_the_type_says(array: pa.Array, said: str) -> None:
    reader = ArrowColumn.of("x", array.type, (1,))
    with pytest.raises(ConversionError, match=said):
        reader.to_numpy(array, "here")


def test_spaces_have_the_bounds_of_their_dtype() -> None:
    integers = array_space(np.dtype(np.int8), (2,))
    assert isinstance(integers, BoxSpace)
    assert (integers.low.tolist(), integers.high.tolist()) == ([-128] * 2, [127] * 2)
    unsigned = array_space(np.dtype(np.uint64), ())
    assert isinstance(unsigned, BoxSpace)
    assert int(unsigned.high) == 2**64 - 1
    floats = array_space(np.dtype(np.float16), (1,))
    assert isinstance(floats, BoxSpace)
    assert np.isinf(floats.low).all()
    assert isinstance(array_space(np.dtype(np.bool_), ()), BinarySpace)
