"""Casts of values and of bounds, against plain Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.conversion.shaping.casting import cast_column, cast_values, parse_cast
from unienv_data.conversion.shaping.changes import Place
from unienv_data.errors import ConversionError
from unienv_data.formats import SourceColumn
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace

PLACE = Place("here", "x", "0", 10)
DTYPES = ["bool", "int8", "uint8", "int16", "int32", "int64", "uint64", "float16", "float32", "float64"]
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-300, 300),
    st.floats(width=64),
    st.sampled_from([0.5, 254.5, 255.5, 65504.0, 65520.0, 2.0**63, -0.0, 1e300]),
)


@given(st.lists(NUMBERS, min_size=1, max_size=4), st.sampled_from(DTYPES))
def test_a_value_comes_through_or_is_refused(numbers: list[float], dtype: str) -> None:
    kind = np.int64 if all(isinstance(number, int) for number in numbers) else np.float64
    values = np.array(numbers, dtype=kind)
    bad = [row for row, value in enumerate(values.tolist()) if not held(value, dtype)]
    if bad:
        with pytest.raises(ConversionError, match=f"row {10 + bad[0]}:"):
            cast_values(values, parse_cast(dtype), PLACE)
        return
    cast = cast_values(values, parse_cast(dtype), PLACE)
    assert cast.dtype == dtype
    for got, value in zip(cast.tolist(), values.tolist(), strict=True):
        assert got == value or (got != got and value != value)


def held(value: float, dtype: str) -> bool:
    """Whether a data type has a number, by Python's exact comparison."""
    if value != value or value in (float("inf"), float("-inf")):
        return dtype.startswith("float")
    if dtype == "bool":
        return value in (0, 1)
    if dtype.startswith("float"):
        with np.errstate(over="ignore"):
            return bool(float(np.dtype(dtype).type(value)) == value)
    limits = np.iinfo(dtype)
    return value == int(value) and int(limits.min) <= value <= int(limits.max)


@pytest.mark.parametrize(
    ("values", "text", "expected"),
    [
        ([0.4, 0.5, 1.5, 254.6], "uint8:lossy", [0, 0, 2, 255]),
        ([-0.4], "uint8:lossy", [0]),
        ([255.6], "uint8:lossy", None),
        ([float("nan")], "int64:lossy", None),
        ([1 / 3], "float32:lossy", [np.float32(1 / 3)]),
        ([1e39], "float32:lossy", None),
        ([float("inf")], "float32:lossy", [np.inf]),
    ],
)
def test_rounding(values: list[float], text: str, expected: list[Any] | None) -> None:
    if expected is None:
        with pytest.raises(ConversionError, match=r"row 10: the column x has .* does not hold$"):
            cast_values(np.array(values), parse_cast(text), PLACE)
    else:
        assert cast_values(np.array(values), parse_cast(text), PLACE).tolist() == expected


@pytest.mark.parametrize(
    ("low", "high", "source", "target", "expected"),
    [
        (0, 255, "float32", "uint8", (0, 255)),
        (-np.inf, np.inf, "float32", "uint8", (0, 255)),
        (-np.inf, 3, "float64", "int64", (-(2**63), 3)),
        (-1.0, 1.0, "float64", "float32", (-1.0, 1.0)),
        (-(2**63), 2**63 - 1, "int64", "int8", (-128, 127)),
        (0, 2**64 - 1, "uint64", "int64", (0, 2**63 - 1)),
        (0, 2**64 - 1, "uint64", "float32", (0.0, 2.0**64)),
        (-1e300, 1e300, "float64", "float16", (-np.inf, np.inf)),
    ],
)
def test_bounds(low: Any, high: Any, source: str, target: str, expected: tuple[Any, Any]) -> None:
    space = BoxSpace(NumpyComputeBackend, low, high, np.dtype(source).type, shape=(2,))
    column, _ = cast_column(SourceColumn("x", ("x",), space), parse_cast(target))
    assert isinstance(column.space, BoxSpace)
    assert np.dtype(column.space.dtype) == target
    assert (column.space.low[0].item(), column.space.high[0].item()) == expected


def test_a_column_of_that_type_is_left_alone() -> None:
    space = BoxSpace(NumpyComputeBackend, 0, 1, np.float32, shape=())
    column = SourceColumn("x", ("x",), space)
    assert cast_column(column, parse_cast("float32")) == (column, None)
