"""Rescaling against exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_interface.corpus import AnyBackend, box, full_box, same
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space.space_utils.batch_utils import batch_space
from unienv_interface.transformations import RescaleTransformation

DTYPES = ("uint8", "int16", "int64", "float16", "float32", "float64")
EPS = {"float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}


@st.composite
def bounds(draw: st.DrawFn, dtype: str) -> tuple[Any, Any]:
    if dtype.startswith("float"):
        width = int(dtype[5:])
        greatest = float(np.finfo(dtype).max)
        number = st.floats(-greatest, greatest, width=width, allow_subnormal=False)  # type: ignore[arg-type]
        low, high = sorted([draw(number), draw(number)])
        # -0.0 and 0.0 are one bound.
        return low + 0.0, high + 0.0
    info = np.iinfo(dtype)
    low, high = sorted([draw(st.integers(info.min, info.max)), draw(st.integers(info.min, info.max))])
    return low, high


def step(dtype: str, low: Any, high: Any) -> Fraction:
    """What one rounding of a value of a box can amount to."""
    if dtype in EPS:
        return Fraction(EPS[dtype]) * max(abs(Fraction(low)), abs(Fraction(high)))
    return Fraction(1, 2) + Fraction(EPS["float64"]) * max(abs(low), abs(high))


def exact(x: Any, low: Any, high: Any, new_low: Any, new_high: Any) -> Fraction:
    old, new = [[Fraction(bound) for bound in pair] for pair in ((low, high), (new_low, new_high))]
    if old[0] == old[1]:
        return (new[0] + new[1]) / 2
    return new[0] + (Fraction(x) - old[0]) / (old[1] - old[0]) * (new[1] - new[0])


@given(st.data(), st.sampled_from(DTYPES), st.sampled_from(DTYPES))
def test_equals_exact_arithmetic_and_comes_back(data: st.DataObject, source: str, target: str) -> None:
    low, high = data.draw(bounds(source))
    new_low, new_high = data.draw(bounds(target))
    space = box(NumpyComputeBackend, low, high, source, (7,))
    forth = RescaleTransformation(new_low, new_high, target)
    x = space.sample(np.random.default_rng(0))[1]
    x[:2] = low, high
    y = forth.transform(space, x)
    goal = forth.get_target_space_from_source(space)
    assert same(goal.coerce(y), y)
    if low != high:
        assert y[0].item() == new_low
    # A rounding of the source counts as much as its range is stretched.
    slack = 4 * step(target, new_low, new_high)
    old_span, new_span = Fraction(high) - Fraction(low), Fraction(new_high) - Fraction(new_low)
    if old_span:
        slack += 4 * step(source, low, high) * new_span / old_span
    for before, after in zip(x.tolist(), y.tolist(), strict=True):
        assert abs(Fraction(after) - exact(before, low, high, new_low, new_high)) <= slack
    back = forth.direction_inverse(space).transform(goal, y)
    assert same(space.coerce(back), back)
    if new_span:
        back_slack = 4 * (step(source, low, high) + step(target, new_low, new_high) * old_span / new_span)
        for before, after in zip(x.tolist(), back.tolist(), strict=True):
            assert abs(Fraction(after) - Fraction(before)) <= back_slack


@given(bounds("float32"), bounds("float32"))
def test_keeps_order(old: tuple[float, float], new: tuple[float, float]) -> None:
    space = box(NumpyComputeBackend, *old, "float32", (50,))
    x = np.sort(space.sample(np.random.default_rng(0))[1])
    assert np.all(np.diff(RescaleTransformation(*new).transform(space, x)) >= 0)


def test_images_to_signed_fractions(backend: AnyBackend) -> None:
    space = full_box(backend, "uint8", (256,))
    x = backend.from_numpy(np.arange(256, dtype=np.uint8))
    forth = RescaleTransformation()
    y = backend.to_numpy(forth.transform(space, x))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, np.arange(256) / 127.5 - 1, atol=1.2e-7)
    back = forth.direction_inverse(space)
    assert same(back.transform(forth.get_target_space_from_source(space), backend.from_numpy(y)), x)


def test_bounds_of_each_element(backend: AnyBackend) -> None:
    space = box(backend, [[0, 0, 5], [-1, 2, 5]], [[1, 4, 5], [1, 3, 5]], "float32")
    forth = RescaleTransformation(backend.asarray([0.0, -1.0, 1.0]), [[1.0], [2.0]])
    x = backend.asarray([[0.5, 4.0, 5.0], [1.0, 2.5, 5.0]], dtype=backend.float32)
    y = backend.to_numpy(forth.transform(space, x))
    np.testing.assert_allclose(y, [[0.5, 1, 1], [2, 0.5, 1.5]], atol=1e-7)


def test_data_types() -> None:
    def target(source: str, wanted: Any = None) -> str:
        space = box(NumpyComputeBackend, 0, 9, source, (2,))
        return str(RescaleTransformation(new_dtype=wanted).get_target_space_from_source(space).dtype)

    assert [target(name) for name in DTYPES] == [
        "float32",
        "float32",
        "float64",
        "float16",
        "float32",
        "float64",
    ]
    assert target("uint8", np.float64) == target("uint8", "float64") == "float64"
    assert target("float64", np.dtype(np.int8)) == "int8"


def test_data_type_of_another_backend(backend: AnyBackend) -> None:
    assert RescaleTransformation(new_dtype=backend.float32).new_dtype == "float32"


def test_what_it_refuses(backend: AnyBackend) -> None:
    inf, nan = float("inf"), float("nan")
    for arguments in ((1, 0), (0, inf), (nan, 1), ("0", 1), (0, 1, "float12"), (0, 1, "bool"), (0, 1, bool)):
        with pytest.raises(SpaceError, match=r"^new_(low|high|dtype): "):
            RescaleTransformation(*arguments)
    with pytest.raises(SpaceError, match="RescaleTransformation: low: expected what broadcasts"):
        RescaleTransformation([0, 0]).get_target_space_from_source(box(backend, 0, 1, "float32", (3,)))
    with pytest.raises(SpaceError, match="RescaleTransformation: high: int8 cannot hold"):
        RescaleTransformation(0, 200, "int8").get_target_space_from_source(full_box(backend, "uint8", (3,)))
    with pytest.raises(SpaceError, match="new_low: expected shapes that broadcast"):
        RescaleTransformation([0, 0, 0], [1, 1])
    forth = RescaleTransformation()
    with pytest.raises(SpaceError, match="expected finite bounds"):
        forth.get_target_space_from_source(full_box(backend, "float32", (2,)))
    with pytest.raises(SpaceError, match="source_space"):
        forth.direction_inverse()
    space = full_box(backend, "uint8", (2, 3))
    for wrong in (
        backend.zeros((2, 2), dtype=backend.uint8),
        backend.zeros((3,), dtype=backend.uint8),
        backend.zeros((2, 3), dtype=backend.float32),
        [[0, 0, 0], [0, 0, 0]],
        None,
    ):
        with pytest.raises(SpaceValueError):
            forth.transform(space, wrong)
        if getattr(wrong, "shape", None) != (2, 2):
            with pytest.raises(SpaceValueError):
                forth.transform(batch_space(space), wrong)


def test_values_of_a_narrower_type(backend: AnyBackend) -> None:
    space = box(backend, 0, 100, "int32", (3,))
    x = backend.asarray([0, 50, 100], dtype=backend.uint8)
    y = RescaleTransformation(0, 1, "float32").transform(space, x)
    assert backend.to_numpy(y).tolist() == [0.0, 0.5, 1.0]


def test_is_immutable() -> None:
    forth = RescaleTransformation()
    with pytest.raises(AttributeError, match="immutable"):
        forth.new_low = np.zeros(())
    with pytest.raises(AttributeError, match="immutable"):
        del forth.new_low
    with pytest.raises(ValueError, match="read-only"):
        forth.new_low[...] = 3
