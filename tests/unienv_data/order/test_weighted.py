"""Rows by weight, against Python's fractions and plain counting."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.order import (
    GlobalOrder,
    RowWeights,
    SequentialOrder,
    WeightedOrder,
    derive_key,
    hashes,
    high_product,
)
from unienv_data.order import weighted as weighted_module

WEIGHTS = st.lists(
    st.one_of(st.sampled_from([0.0, 1.0, 2.0]), st.floats(0, 1e6, allow_subnormal=False)),
    min_size=1,
    max_size=40,
).filter(any)


def order_of(weights: RowWeights, seed: int = 0, kind: Any = GlobalOrder) -> WeightedOrder:
    return WeightedOrder(weights.length, seed, weights, kind(weights.length, seed))


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=9), st.integers(1, 2**63))
def test_high_products_are_those_of_python(words: list[int], limit: int) -> None:
    found = high_product(np.array(words, dtype=np.uint64), limit)
    assert found.tolist() == [word * limit >> 64 for word in words]
    each = high_product(np.array(words, dtype=np.uint64), np.full(len(words), limit, dtype=np.uint64))
    assert each.tolist() == found.tolist()


def test_hashes_are_those_of_each_number_alone() -> None:
    key = derive_key(3, "test")
    together = hashes(range(100), key)
    assert together.tolist() == [int(hashes(range(number, number + 1), key)[0]) for number in range(100)]
    assert len(set(together.tolist())) == 100


@given(WEIGHTS, st.integers(0, 5), st.integers(0, 3))
def test_an_epoch_has_each_row_as_often_as_its_share(weights: list[float], seed: int, epoch: int) -> None:
    table = RowWeights.of_rows(np.array(weights))
    count = len(weights)
    found = Counter(order_of(table, seed).rows(epoch, 0, count).tolist())  # type: ignore[union-attr]
    total = sum(map(Fraction, weights))
    for row, weight in enumerate(weights):
        expected = Fraction(weight) / total * count
        # One more where rounding to 62 bits matters: then the expectation is all but an integer.
        assert abs(found[row] - expected) < 1 + Fraction(1, 10**9)
        assert weight > 0 or not found[row]


def test_equal_weights_visit_every_row_once() -> None:
    for weight in (1, 0.3, 7):
        for table in (
            RowWeights.of_rows(np.full(1000, weight)),
            RowWeights.of_runs(np.full(2, weight), np.array([0, 3, 1000])),
        ):
            order = order_of(table)
            epochs = [order.rows(epoch, 0, 1000) for epoch in range(3)]
            assert all(sorted(rows) == list(range(1000)) for rows in epochs)
            assert len({tuple(rows) for rows in epochs}) == 3


def test_shares_below_one_come_in_the_mean_of_epochs() -> None:
    weights = np.array([10.0, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    order = order_of(RowWeights.of_rows(weights), 5)
    epochs = 4000
    found = Counter(row for epoch in range(epochs) for row in order.rows(epoch, 0, 10))
    for row, weight in enumerate(weights):
        expected = epochs * 10 * weight / weights.sum()
        assert abs(found[row] - expected) < 6 * np.sqrt(epochs / 4)


@given(WEIGHTS, st.data())
def test_positions_are_independent_of_what_was_asked_before(weights: list[float], data: Any) -> None:
    order = order_of(RowWeights.of_rows(np.array(weights)), 2)
    whole = list(order.rows(1, 0, len(weights)))
    start = data.draw(st.integers(0, len(weights)))
    stop = data.draw(st.integers(start, len(weights)))
    assert list(order.rows(1, start, stop)) == whole[start:stop]


def test_rows_in_their_own_order() -> None:
    order = order_of(RowWeights.of_rows(np.array([0, 3, 0, 1, 2, 0])), kind=SequentialOrder)
    assert list(order.rows(0, 0, 6)) == [1, 1, 1, 3, 4, 4]


def test_draws_are_as_likely_as_weights_say_and_never_of_none() -> None:
    weights = np.array([0.0, 1, 5, 0, 2, 2, 2, 0.5])
    size, moments = 1000, 40
    for table in (
        RowWeights.of_rows(weights),
        RowWeights.of_runs(weights[[0, 1, 2, 3, 4, 7]], np.array([0, 1, 2, 3, 4, 7, 8])),
    ):
        order = order_of(table, 9)
        found = np.concatenate([order.draw(moment, size) for moment in range(moments)])
        counts = np.bincount(found, minlength=8)
        expected = weights / weights.sum() * size * moments
        assert counts[weights == 0].sum() == 0
        assert (np.abs(counts - expected) <= 5 * np.sqrt(np.maximum(expected, 1))).all()
        assert order.draw(3, size).tolist() == found[3 * size : 4 * size].tolist()


@given(WEIGHTS, st.integers(0, 99))
def test_runs_are_short_for_rows(weights: list[float], moment: int) -> None:
    lengths = [1 + position % 5 for position in range(len(weights))]
    edges = np.concatenate(([0], np.cumsum(lengths)))
    runs = RowWeights.of_runs(np.array(weights), edges)
    rows = RowWeights.of_rows(np.repeat(weights, lengths))
    assert runs.length == rows.length == edges[-1]
    orders = [order_of(table) for table in (runs, rows)]
    drawn = [order.draw(moment, 50).tolist() for order in orders]
    epochs = [list(order.rows(moment, 0, order.length)) for order in orders]
    assert drawn[0] == drawn[1]
    assert epochs[0] == epochs[1]


@pytest.mark.parametrize("kind", ["bool", "uint8", "int64", "float16", "float32", "float64"])
def test_small_integers_stay_exact_whatever_their_type(kind: str) -> None:
    weights = np.array([1, 0, 1, 1] if kind == "bool" else [1, 0, 3, 100], dtype=kind)
    orders = [order_of(RowWeights.of_rows(part)) for part in (weights, weights.astype(np.int64))]
    assert orders[0].draw(1, 200).tolist() == orders[1].draw(1, 200).tolist()
    if kind != "bool":
        assert orders[1].weights.points == 104


@pytest.mark.parametrize("weights", [[5e-324, 1e308], [1e-300, 1e-300], [1e308, 1e308], [2**62, 2**63 - 1]])
def test_the_greatest_and_least_of_numbers(weights: list[Any]) -> None:
    table = RowWeights.of_rows(np.array(weights))
    assert 0 < table.points <= 2**62
    assert np.diff(table.ends).min() >= 1  # what is positive may be drawn
    assert set(order_of(table).draw(0, 100).tolist()) <= {0, 1}
    share = np.diff(table.ends)[1] / table.points
    assert share == pytest.approx(float(Fraction(weights[1]) / sum(map(Fraction, weights))), rel=1e-9)


def test_many_rows_in_longer_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    order = order_of(RowWeights.of_rows(np.arange(1, 40) * 0.1))
    expected = list(order.rows(2, 0, 39))
    monkeypatch.setattr(weighted_module, "_MOST_IN_63_BITS", 3)
    assert list(order.rows(2, 0, 39)) == expected


def test_weights_are_converted_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.random.default_rng(0).random(1000)
    expected = RowWeights.of_rows(weights).ends.tolist()
    monkeypatch.setattr(weighted_module, "_CHUNK", 7)
    assert RowWeights.of_rows(weights).ends.tolist() == expected


def test_the_order_is_pinned() -> None:
    """The same on every platform and for ever: states that were saved mean it."""
    order = order_of(RowWeights.of_rows(np.array([0.1, 0.2, 0.7, 0, 3.3])), 42)
    assert order.draw(0, 12).tolist() == [4, 4, 4, 4, 4, 2, 4, 2, 2, 4, 4, 1]
    assert list(order.rows(1, 0, 5)) == [4, 4, 4, 4, 1]
