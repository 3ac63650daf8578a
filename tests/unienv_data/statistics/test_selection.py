"""Numbers of some ranks, as sorting gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unienv_data.statistics import selection
from unienv_data.statistics.selection import at_ranks

TYPES = [np.float16, np.float32, np.float64, np.int32, np.int64, np.uint32, np.uint64]


def numbers_of(kind: str, dtype: Any, count: int) -> Any:
    rng = np.random.default_rng(7)
    found = {
        "spread": rng.normal(size=count) * 50,
        "heavy": rng.standard_cauchy(count).clip(-6e4, 6e4),
        "equal": np.full(count, 3),
        "two": rng.integers(0, 2, count) * 60000,
        "counted": np.arange(count),
    }[kind]
    return (np.abs(found) if np.dtype(dtype).kind == "u" else found).astype(dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("kind", ["spread", "heavy", "equal", "two", "counted"])
@pytest.mark.parametrize("count", [1, 100, 20_001])
def test_they_are_those_of_sorting(kind: str, dtype: Any, count: int) -> None:
    numbers = numbers_of(kind, dtype, count)
    ranks = np.array([0, count // 100, count // 2, count // 2, count - 1])
    found = at_ranks(numbers, ranks)
    assert found.dtype == numbers.dtype
    np.testing.assert_array_equal(found, np.sort(numbers)[ranks])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_without_a_width(dtype: Any, value: float) -> None:
    numbers = numbers_of("spread", dtype, 20_000)
    numbers[::3] = value
    ranks = np.array([0, 9_999, 19_999])
    np.testing.assert_array_equal(at_ranks(numbers, ranks), np.sort(numbers)[ranks])


@pytest.mark.parametrize(
    "numbers",
    [
        np.linspace(-1, 1, 9_000) * 1.7e308,
        np.linspace(0, 5e-324 * 4000, 9_000),
        np.arange(2**63 - 9_000, 2**63 - 1),
        np.arange(2**64 - 9_001, 2**64 - 1, dtype=np.uint64),
        np.linspace(1, 1 + 1e-6, 9_000, dtype=np.float32),
    ],
    ids=["widest", "subnormal", "large", "largest", "narrow"],
)
def test_the_ends_of_what_a_type_holds(numbers: Any) -> None:
    numbers = np.random.default_rng(0).permutation(numbers)
    ranks = np.arange(0, len(numbers), 17)
    np.testing.assert_array_equal(at_ranks(numbers, ranks), np.sort(numbers)[ranks])


def test_most_numbers_are_not_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    sort = np.sort

    def told(values: Any) -> Any:
        sizes.append(len(values))
        return sort(values)

    monkeypatch.setattr(selection.np, "sort", told)
    at_ranks(np.random.default_rng(0).normal(size=100_000), np.array([1_000, 50_000, 99_000]))
    assert len(sizes) == 3
    assert sum(sizes) < 1_000
