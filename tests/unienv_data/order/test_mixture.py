"""Mixtures of orders, against models that deal one position at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unienv_data.order import GlobalOrder, MixtureOrder, SequentialOrder, Shares, derive_key

KEY = derive_key(7, "test")
WEIGHTS = st.lists(
    st.one_of(st.integers(0, 9), st.floats(0, 10, allow_subnormal=False)), min_size=1, max_size=9
)


def height(weights: Any) -> int:
    """Steps of the tree: how far a source may be from its share at the edges of windows."""
    return max(math.ceil(math.log2(np.count_nonzero(weights))), 1)


def mixture(
    weights: Any, lengths: Any, seed: int = 0, length: int | None = None, kind: Any = GlobalOrder
) -> MixtureOrder:
    sources = tuple(kind(size, seed + number) for number, size in enumerate(lengths))
    whole = sum(lengths) if length is None else length
    starts = np.cumsum(lengths) - lengths
    return MixtureOrder(whole, seed, sources, Shares.of(np.array(weights, dtype=np.float64)), starts)


@settings(max_examples=50)
@given(WEIGHTS.filter(any))
def test_every_prefix_has_each_source_in_its_share(weights: list[float]) -> None:
    shares, count = Shares.of(np.array(weights, dtype=np.float64)), 1500
    expected = np.array(weights) / math.fsum(weights) * np.arange(1, count + 1)[:, None]
    for found, slack in (
        (shares.locate(np.arange(count), KEY), 0),
        (shares.dealt(0, count, KEY), 16),
    ):
        is_source = found[0][:, None] == np.arange(len(weights))
        met = np.cumsum(is_source, axis=0)
        assert not met[:, np.array(weights) == 0].any()
        assert (met[np.arange(count), found[0]] - 1 == found[1]).all(), "a source's numbers ascend by one"
        assert np.abs(met - expected).max() < height(weights) + slack + 1e-4


@given(WEIGHTS.filter(any), st.integers(0, 10**12), st.integers(1, 300), st.integers(0, 300))
def test_parts_of_the_sequence_are_parts_of_the_whole(
    weights: list[float], start: int, size: int, skipped: int
) -> None:
    shares = Shares.of(np.array(weights, dtype=np.float64))
    whole = np.stack(shares.dealt(start, start + size + skipped, KEY))
    part = np.stack(shares.dealt(start + skipped, start + skipped + size, KEY))
    assert part.tolist() == whole[:, skipped:].tolist()


@given(WEIGHTS.filter(any), st.integers(0, 2000))
def test_counts_are_those_of_the_numbers(weights: list[float], number: int) -> None:
    shares = Shares.of(np.array(weights, dtype=np.float64))
    sources, _ = shares.locate(np.arange(number), KEY)
    found = shares.counts(number, KEY, len(weights))
    assert found.tolist() == np.bincount(sources, minlength=len(weights)).tolist()
    far = shares.counts(number + 2**60, KEY, len(weights))
    assert far.sum() == number + 2**60
    exact = np.array(weights) / math.fsum(weights)
    # Each source is off by what 30 bits cut off it, at most, and by what small ones were lifted.
    assert np.abs(shares.fractions(len(weights)) - exact).max() <= (len(weights) + 1) * 2.0**-30


def test_weights_too_small_for_the_shares_bits_count_for_the_least_there_is() -> None:
    shares = Shares.of(np.array([1, 1e-222, 1e-222, 1e-222, 0]))
    assert shares.fractions(5) == pytest.approx([1, 2.0**-30, 2.0**-30, 2.0**-30, 0], abs=4 * 2.0**-30)
    assert (shares.fractions(5)[1:4] > 0).all()
    assert not shares.fractions(5)[4]


def test_windows_are_in_no_fixed_order() -> None:
    sources, _ = Shares.of(np.array([1, 1])).dealt(0, 64 * 200, KEY)
    windows = sources.reshape(-1, 64)
    assert (windows.sum(axis=1) == 32).all()
    assert len({tuple(window) for window in windows.tolist()}) == 200
    # Whoever takes every other position meets both sources as often.
    assert abs(windows[:, ::2].mean() - 0.5) < 0.02


def test_far_positions_keep_the_shares() -> None:
    weights = np.array([0.5, 0.3, 0.2])
    start = 2**52
    sources, numbers = Shares.of(weights).dealt(start, start + 6400, KEY)
    found = np.bincount(sources, minlength=3)
    assert (np.abs(found - weights * 6400) <= 2 * 18).all()
    for source in range(3):
        mine = numbers[sources == source]
        assert (np.diff(mine) == 1).all()
        assert abs(mine[0] / start - weights[source]) < 1e-8


def test_weights_of_a_hundred_thousand_rows() -> None:
    weights = [0.62, 0.335, 0.045]
    order = mixture(weights, [70_001, 311, 12_345], length=100_000)
    rows = np.concatenate([order.rows(0, start, start + 250) for start in range(0, 100_000, 250)])
    counts = np.histogram(rows, [*order.starts, 82_657])[0]
    assert np.abs(counts / 100_000 / weights - 1).max() < 0.01
    assert np.abs(counts - np.array(weights) * 100_000).max() < 18


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 40)), min_size=1, max_size=5).filter(
        lambda pairs: any(weight for weight, _ in pairs)
    ),
    st.integers(1, 50),
    st.integers(0, 3),
)
def test_no_row_comes_again_before_all_of_its_source_have(
    sources: list[tuple[int, int]], length: int, seed: int
) -> None:
    """Also across epochs, whatever their length; and cycle for cycle in the source's own order."""
    weights, lengths = zip(*sources, strict=True)
    order = mixture(weights, lengths, seed, length)
    rows = np.concatenate([order.rows(epoch, 0, length) for epoch in range(12)])
    edges = np.concatenate((order.starts, [sum(lengths)]))
    for number, source in enumerate(order.sources):
        mine = rows[(rows >= edges[number]) & (rows < edges[number + 1])] - edges[number]
        whole = [source.rows(cycle, 0, source.length) for cycle in range(len(mine) // source.length + 1)]
        assert mine.tolist() == np.concatenate(whole)[: len(mine)].tolist()


@settings(max_examples=60)
@given(st.integers(0, 99), st.integers(0, 4), st.data())
def test_positions_are_independent_of_what_was_asked_before(length: int, epoch: int, data: Any) -> None:
    order = mixture([3, 1, 2.5], [5, 17, 40], 4, length)
    whole = order.rows(epoch, 0, length)
    start = data.draw(st.integers(0, length))
    stop = data.draw(st.integers(start, length))
    assert list(order.rows(epoch, start, stop)) == list(whole)[start:stop]


def test_one_source_alone_is_visited_in_its_own_order() -> None:
    order = mixture([2.5], [1000])
    for epoch in range(3):
        assert list(order.rows(epoch, 0, 1000)) == list(order.sources[0].rows(epoch, 0, 1000))
    silent = mixture([0, 1, 0], [3, 10, 0], length=20, kind=SequentialOrder)
    assert list(silent.rows(0, 0, 20)) == [*range(3, 13)] * 2


@pytest.mark.parametrize("lengths", [(3, 8, 11), (64,), (1, 63), (65, 64, 1), (1000, 1, 30)])
def test_shares_by_length_visit_every_row_once(lengths: tuple[int, ...]) -> None:
    order = mixture(lengths, lengths, 3)
    for epoch in range(4):
        assert sorted(order.rows(epoch, 0, order.length)) == list(range(order.length))


def test_draws_have_the_shares_and_any_row() -> None:
    weights, lengths = np.array([0.6, 0.25, 0.15]), [50, 3, 1000]
    order = mixture(weights, lengths, 3)
    batches = [order.draw(moment, 250) for moment in range(400)]
    rows = np.concatenate(batches)
    sources = np.searchsorted(order.starts, rows, side="right") - 1
    seen = np.zeros(3)
    for position in range(0, 100_000, 997):
        seen = np.bincount(sources[:position], minlength=3)
        assert (np.abs(seen - weights * position) < 18).all()
    counts = np.bincount(rows, minlength=1053)
    expected = np.repeat(weights * 100_000 / lengths, lengths)
    assert (np.abs(counts - expected) < 6 * np.sqrt(expected)).all()
    assert any(len(set(batch[batch < 50].tolist())) < (batch < 50).sum() for batch in batches)
    assert order.draw(123, 250).tolist() == batches[123].tolist()


@pytest.mark.parametrize("count", [2, 3, 64, 1000])
def test_many_sources(count: int) -> None:
    weights = np.random.default_rng(count).random(count)
    shares = Shares.of(weights)
    sources, _ = shares.dealt(0, 64 * 300, KEY)
    found = np.bincount(sources, minlength=count)
    assert np.abs(found - weights / weights.sum() * 64 * 300).max() < height(weights)


def test_the_order_is_pinned() -> None:
    """The same on every platform and for ever: states that were saved mean it."""
    order = mixture([0.5, 0.3, 0.2], [4, 5, 6], 42)
    assert list(order.rows(0, 0, 15)) == [12, 3, 7, 2, 1, 0, 2, 1, 3, 4, 8, 14, 11, 6, 0]
    assert order.draw(0, 10).tolist() == [3, 7, 0, 6, 5, 0, 1, 2, 13, 1]
