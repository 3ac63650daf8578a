"""Names of data types, what holds what, and exactness, against NumPy and ml_dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unienv_interface.backends.dtypes import (
    DTYPE_NAMES,
    FLOATING,
    INTEGERS,
    dtype_limits,
    holds_dtype,
    host_dtype,
    inexact_elements,
    largest_finite,
    promote_dtypes,
    round_floats,
)
from unienv_interface.errors import SpaceError

NUMPY_NAMES = [name for name in DTYPE_NAMES if name != "bfloat16"]
names = st.sampled_from(NUMPY_NAMES)
#: Every pattern of bits that a bfloat16 can have, as float32.
ALL_BFLOAT16 = (np.arange(2**16, dtype=np.uint32) << 16).view(np.float32)


def exact_values(name: str) -> list[Any]:
    """Values of a type where others give up: its limits, and powers of two and their neighbours."""
    if name in INTEGERS:
        low, high = dtype_limits(name)
        found = {low, high, 0, 1}
        for power in range(64):
            found |= {2**power + d for d in (-1, 0, 1)} | {-(2**power) + d for d in (-1, 0, 1)}
        return sorted(value for value in found if low <= value <= high)
    if name == "bool":
        return [False, True]
    if name == "bfloat16":
        return [v for v in ALL_BFLOAT16.tolist() if v == v][::37]
    info = np.finfo(name)
    return [
        0.0,
        1.5,
        float(info.max),
        float(info.tiny),
        float(info.eps),
        -np.inf,
        np.inf,
        float(2**11),
        float(2**8 + 1),
    ]


def is_value_of(name: str, value: Any) -> bool:
    """By Python's exact comparison."""
    if name == "bool":
        return value in (0, 1)
    low, high = dtype_limits(name)
    if name in INTEGERS:
        return low <= value <= high and value == int(value)
    if name == "bfloat16":
        return value in set(ALL_BFLOAT16.tolist())
    with np.errstate(over="ignore"):
        return float(np.dtype(name).type(value)) == value


@pytest.mark.parametrize("source", DTYPE_NAMES)
@pytest.mark.parametrize("target", DTYPE_NAMES)
def test_holds_is_what_its_values_say(target: str, source: str) -> None:
    narrows = source in FLOATING and target not in FLOATING
    expected = not narrows and all(is_value_of(target, value) for value in exact_values(source))
    assert holds_dtype(target, source) == expected


@given(values=hnp.arrays(names.map(np.dtype), hnp.array_shapes(max_dims=2, max_side=4)), target=names)
def test_inexact_elements_are_those_that_change(values: Any, target: str) -> None:
    mask = inexact_elements(values, target)
    found = np.zeros(values.shape, dtype=bool) if mask is None else mask
    for value, is_inexact in zip(values.reshape(-1).tolist(), found.reshape(-1).tolist(), strict=True):
        if value != value or value in (np.inf, -np.inf):
            assert is_inexact == (target not in FLOATING)
        else:
            assert is_inexact != is_value_of(target, value), (value, target)


@pytest.mark.parametrize("source", ["int64", "uint64"])
@pytest.mark.parametrize("target", NUMPY_NAMES)
def test_wide_integers_at_their_edges(source: str, target: str) -> None:
    values = np.array(exact_values(source), dtype=source)
    mask = inexact_elements(values, target)
    found = np.zeros(values.shape, dtype=bool) if mask is None else mask
    assert found.tolist() == [not is_value_of(target, value) for value in values.tolist()]


def test_bfloat16_values_are_exact_in_it() -> None:
    mask = inexact_elements(ALL_BFLOAT16, "bfloat16")
    assert mask is not None
    assert not mask.any()
    between = np.nextafter(ALL_BFLOAT16[0x3F80], 2)
    assert inexact_elements(np.array([between]), "bfloat16").tolist() == [True]


@given(hnp.arrays(np.float32, 5))
def test_bfloat16_rounds_as_torch_does(values: Any) -> None:
    torch = pytest.importorskip("torch")
    expected = torch.from_numpy(values.copy()).to(torch.bfloat16).to(torch.float32).numpy()
    assert np.array_equal(round_floats(values, "bfloat16"), expected, equal_nan=True)


@given(st.lists(names, min_size=1, max_size=4))
def test_promotion_is_numpy_s(chosen: list[str]) -> None:
    assert promote_dtypes(chosen) == np.result_type(*map(np.dtype, sorted(set(chosen)))).name


@given(st.lists(st.sampled_from(DTYPE_NAMES), min_size=1, max_size=4))
def test_promotion_holds_all_but_wide_integers(chosen: list[str]) -> None:
    promoted = promote_dtypes(chosen)
    for name in chosen:
        if not (promoted in FLOATING and name in ("int64", "uint64")):
            assert holds_dtype(promoted, name), (promoted, name)


def test_nothing_promotes_to_nothing() -> None:
    with pytest.raises(SpaceError, match="no data types"):
        promote_dtypes([])


def test_limits() -> None:
    assert dtype_limits("uint64") == (0, 2**64 - 1)
    assert dtype_limits("bool") == (0, 1)
    assert dtype_limits("bfloat16") == (-np.inf, np.inf)
    assert largest_finite("bfloat16") == max(v for v in ALL_BFLOAT16.tolist() if v < np.inf)
    assert host_dtype("bfloat16") == np.float32
