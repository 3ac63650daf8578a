"""Quantiles in bounded memory: no rank is off by more than is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.statistics import sketch as sketches
from unienv_data.statistics.sketch import Sketch

SHARES = [0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0]


def ranks_hold(sketch: Sketch, values: np.ndarray) -> None:  # type: ignore[type-arg]
    counts = np.full(values.shape[1], len(values))
    error = sketch.rank_error * len(values) + 1
    for share, found in zip(SHARES, sketch.quantiles(SHARES, counts), strict=True):
        place = share * (len(values) - 1)
        for column, value in zip(values.T, found, strict=True):
            assert (column < value).sum() - error <= place <= (column <= value).sum() + error


@given(
    st.lists(st.integers(0, 300), min_size=1, max_size=6),
    st.sampled_from([2, 16, 64]),
    st.integers(0, 9),
    st.booleans(),
)
def test_the_error_is_bounded(sizes: list[int], limit: int, seed: int, merged: bool) -> None:
    rng = np.random.default_rng(seed)
    whole = Sketch(2, np.dtype(np.float64), limit)
    parts = [rng.integers(0, 50, (size, 2)).astype(np.float64) for size in sizes]
    for part in parts:
        if merged:
            other = Sketch(2, np.dtype(np.float64), limit)
            other.add(part)
            whole.merge(other)
        else:
            whole.add(part)
    values = np.concatenate(parts)
    assert whole.count == len(values)
    if len(values):
        ranks_hold(whole, values)
        if len(values) <= limit:
            assert whole.rank_error == 0


@pytest.mark.parametrize("order", ["sorted", "reversed", "random"])
def test_a_million_numbers(order: str) -> None:
    values = np.random.default_rng(0).normal(size=(1 << 20, 1))
    if order != "random":
        values.sort(axis=0)
    if order == "reversed":
        values = values[::-1]
    sketch = Sketch(1, np.dtype(np.float32), 4096)
    for part in np.array_split(values, 37):
        sketch.add(part.astype(np.float32))
    assert sketch.rank_error < 0.003
    ranks_hold(sketch, values.astype(np.float32))
    assert sum(part.shape[1] for held in sketch._levels for part in held) <= 4096 * len(sketch._levels)
    found = np.concatenate(sketch.quantiles([0.1, 0.5, 0.9], np.array([len(values)])))
    np.testing.assert_allclose(found, np.quantile(values, [0.1, 0.5, 0.9]), atol=0.003)


def test_what_is_no_number_stands_behind() -> None:
    values = np.arange(4000, dtype=np.float64)[:, None]
    values[::2] = np.nan
    sketch = Sketch(1, np.dtype(np.float64), 256)
    sketch.add(values)
    median = sketch.quantiles([0.5], np.array([2000]))[0].item()
    assert abs(median - 2000) <= 2 * (sketch.rank_error * 4000 + 1)


def test_all_numbers_are_held_while_they_take_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches, "_EXACT_BYTES", 2 * 4 * 150_000)
    values = np.random.default_rng(0).normal(size=(150_000, 2)).astype(np.float32)
    counts = np.array([150_000, 150_000])
    sketch = Sketch(2, np.dtype(np.float32))
    for part in np.array_split(values, 11):
        sketch.add(part)
    assert sketch.rank_error == 0
    found = np.stack(sketch.quantiles(SHARES, counts))
    np.testing.assert_allclose(found, np.quantile(values.astype(np.float64), SHARES, axis=0), rtol=1e-12)
    sketch.add(values[:1])
    assert 0 < sketch.rank_error < 1e-4
    assert max(sum(part.shape[1] for part in held) for held in sketch._levels) <= sketch.limit
