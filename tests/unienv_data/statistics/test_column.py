"""The statistics of a column, whatever batches it comes in, against NumPy's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from unienv_data.formats.tabular.arrow import array_space, text_space
from unienv_data.statistics import QUANTILES, ColumnAccumulator, Summary, series_of

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "int32", "int64", "float32", "float64"]


def accumulated(values: NDArray[Any], cuts: list[int], merged: bool = False) -> Summary:
    """The summary of rows (B, *D) that come in batches."""
    series = series_of(array_space(values.dtype, values.shape[1:]))
    whole = ColumnAccumulator(series)
    for part in np.split(values, sorted(cuts)):
        if merged:
            other = ColumnAccumulator(series)
            other.add(part)
            whole.merge(other)
        else:
            whole.add(part)
    return whole.summary()


def check(found: Summary, values: NDArray[Any], axes: tuple[int, ...] = (0,)) -> None:
    wide = values.astype(np.float64) / found.scale
    expected = {
        "mean": wide.mean(axes),
        "std": wide.std(axes),
        "min": wide.min(axes),
        "max": wide.max(axes),
        **{name: np.quantile(wide, share, axes) for name, share in QUANTILES.items()},
    }
    assert found.count == len(values)
    for name, numbers in expected.items():
        scale = np.abs(wide).max(initial=0)
        np.testing.assert_allclose(
            np.squeeze(found[name]), np.squeeze(numbers), rtol=1e-9, atol=1e-12 * scale, err_msg=name
        )


@given(
    st.sampled_from(DTYPES).flatmap(
        lambda name: hnp.arrays(
            name,
            st.tuples(st.integers(1, 40), st.integers(1, 3)),
            elements=st.floats(-1e3, 1e3, width=32) if name.startswith("float") else None,
        )
    ),
    st.lists(st.integers(0, 40), max_size=4),
    st.booleans(),
)
def test_any_batches(values: NDArray[Any], cuts: list[int], merged: bool) -> None:
    if values.dtype == np.int64:
        values = values >> 20
    check(accumulated(values, cuts, merged), values)


def test_nothing_is_lost_where_the_mean_is_large() -> None:
    values = 1e9 + np.random.default_rng(0).normal(size=(10_000, 2))
    found = accumulated(values, [100, 101, 5000], merged=True)
    np.testing.assert_allclose(found["std"], values.std(0), rtol=1e-7)
    exact = [math.fsum(column) / len(column) for column in values.T.tolist()]
    np.testing.assert_allclose(found["mean"], exact, rtol=3e-16)


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize(
    ("dtype", "shape", "axes", "result", "scale"),
    [
        ("uint8", (6, 8, 3), (0, 1, 2), (3,), 255),
        ("uint8", (3, 6, 8), (0, 2, 3), (3, 1, 1), 255),
        ("uint8", (2, 6, 8, 3), (0, 1, 2, 3), (3,), 255),
        ("uint8", (20, 18), (0, 1, 2), (), 255),
        ("uint8", (5, 7), (0,), (5, 7), 1),
        ("uint16", (20, 18, 1), (0, 1, 2), (1,), 1),
        ("float32", (20, 18, 3), (0, 1, 2), (3,), 1),
        ("float32", (4, 4, 3), (0,), (4, 4, 3), 1),
        ("float64", (3000, 3), (0, 1), (3,), 1),
        ("float64", (5000,), (0, 1), (), 1),
        ("int32", (), (0,), (), 1),
    ],
)
def test_what_is_counted_together(
    dtype: str, shape: tuple[int, ...], axes: tuple[int, ...], result: Any, scale: int, merged: bool
) -> None:
    rng = np.random.default_rng(1)
    values = (rng.random((9, *shape)) * 250).astype(dtype)
    found = accumulated(values, [4], merged)
    assert (found["mean"].shape, found.scale) == (result, scale)
    assert np.broadcast_shapes(result, shape) == shape
    check(found, values, axes)


def test_what_is_no_number_is_left_out() -> None:
    values = np.array([[1, np.nan, np.nan], [3, 4, np.nan], [np.nan, 6, np.nan]], np.float32)
    for cuts in ([], [1], [1, 2]):
        found = accumulated(values, cuts)
        assert found.nans is not None
        assert found.nans.tolist() == [1, 1, 3]
        assert found.count == 3
        for name, numbers in {
            "mean": [2, 5, np.nan],
            "std": [1, 1, np.nan],
            "min": [1, 4, np.nan],
            "max": [3, 6, np.nan],
            "q50": [2, 5, np.nan],
        }.items():
            np.testing.assert_array_equal(found[name], numbers, err_msg=name)


def test_infinities_are_told() -> None:
    found = accumulated(np.array([[1.0], [np.inf]]), [])
    assert (found["max"].item(), found["mean"].item(), found["min"].item()) == (np.inf, np.inf, 1.0)
    assert np.isnan(found["std"]).all()


def test_whole_numbers_stay_so() -> None:
    values = np.array([[2**62 + 1], [-(2**62) - 1]])
    found = accumulated(values, [1])
    assert (found["min"].item(), found["max"].item()) == (-(2**62) - 1, 2**62 + 1)
    assert found["min"].dtype == np.int64


def test_texts_are_counted() -> None:
    whole = ColumnAccumulator(series_of(text_space()))
    whole.add(np.array(["a", "b"], dtype=object))
    found = whole.summary()
    assert dict(found) == {"count": 2}
    assert not found.has_numbers


def test_nothing_at_all() -> None:
    for shape in ((), (2,), (0,)):
        found = ColumnAccumulator(series_of(array_space(np.dtype(np.float32), shape))).summary()
        assert (found.count, found.has_numbers) == (0, False)
