"""Sampling orders: bijections, reproducible for good, and as good as random."""

from __future__ import annotations

import hashlib
import itertools
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unienv_data.order import ORDERS, Epoch, GlobalOrder, SequentialOrder, derive_key, draw, permute

SIZES = sorted(
    {0, 1, 2, 3, 5, 7, 11, 101, 997, 1009, 1021, 1031, 4093, 4099, 65521, 65537}
    | {2**k + d for k in range(1, 17) for d in (-1, 0, 1)}
)
SMALL_AND_LARGE = [4, 64, 1000, 1024, 1025, 1500, 10_007]


def whole(n: int, *key: Any) -> NDArray[np.int64]:
    return permute(range(n), n, derive_key(*key))


def excess(observed: NDArray[Any], expected: NDArray[Any]) -> float:
    """By how many standard deviations the chi-squared statistic exceeds its mean."""
    freedom = observed.size - 1
    return float((((observed - expected) ** 2 / expected).sum() - freedom) / math.sqrt(2 * freedom))


@pytest.mark.parametrize("n", SIZES)
def test_permutation_is_a_bijection(n: int) -> None:
    for seed in range(3):
        found = whole(n, seed, "permutation", 0)
        assert found.dtype == np.int64
        assert np.array_equal(np.sort(found), np.arange(n))


@given(n=st.integers(1, 3000), seed=st.integers(), data=st.data())
@settings(max_examples=200)
def test_any_positions_are_those_of_the_whole(n: int, seed: int, data: st.DataObject) -> None:
    key = derive_key(seed, "permutation", 1)
    expected = permute(range(n), n, key)
    positions = data.draw(st.lists(st.integers(0, n - 1), max_size=20))
    assert np.array_equal(permute(np.array(positions, dtype=np.int64), n, key), expected[positions])
    start, step = data.draw(st.integers(0, n - 1)), data.draw(st.integers(1, 7))
    assert np.array_equal(permute(range(start, n, step), n, key), expected[start::step])


@pytest.mark.parametrize("n", [300_000_000, 2**31 - 1, 2**32 + 1, 10**12, 2**53 + 1, 2**62])
def test_large_permutations_stay_within_range_and_never_repeat(n: int) -> None:
    key = derive_key(3, "permutation", 0)
    parts = [range(100_000), range(n // 2, n // 2 + 100_000), range(n - 100_000, n)]
    found = np.concatenate([permute(part, n, key) for part in parts])
    assert found.min() >= 0
    assert found.max() < n
    assert len(np.unique(found)) == len(found)
    for part in parts:  # each part is spread over the whole
        spread = np.bincount(permute(part, n, key) // -(-n // 16), minlength=16)
        assert excess(spread, np.full(16, 100_000 / 16)) < 5


def test_values_are_those_of_the_first_release() -> None:
    key = derive_key(42, "permutation", 7)
    expected = {
        5: [3, 2, 4, 1, 0],
        10: [3, 9, 2, 6, 4, 1],
        1024: [894, 603, 179, 183, 598, 999],
        1025: [841, 653, 386, 789, 167, 59],
        300_000_000: [141943070, 120589962, 269565174, 269536281, 98456024, 28668382],
        2**40: [960530803870, 798311018720, 919662657446, 748272399888, 32861980501, 723428103251],
        2**62: [
            4314277608581453988,
            4429548761879189642,
            3469883228920822322,
            4164457660470238075,
            300032525328810321,
            2776773437297078769,
        ],
    }
    assert {n: permute(range(min(n, 6)), n, key).tolist() for n in expected} == expected
    digests = {
        n: hashlib.sha256(whole(n, 1, "permutation", 2).astype("<i8").tobytes()).hexdigest()[:16]
        for n in (1000, 5000)
    }
    assert digests == {1000: "55dcc1aa105df620", 5000: "edbcfbc4cb769c37"}
    assert draw(5, 300_000_000, derive_key(42, "draw", 7)).tolist() == [
        224296464,
        247755370,
        90512189,
        41047587,
        120349009,
    ]
    assert [hex(int(word)) for word in derive_key(0, "permutation", 0)[:3]] == [
        "0x8354d0d52c648642",
        "0x1e0b73c0391bc6ff",
        "0x5c440887afe6b361",
    ]


def permute_in_plain_integers(position: int, n: int, key: list[int]) -> int:
    """The network once more, in Python's own integers."""
    word = 2**64 - 1
    columns = math.isqrt(n - 1) + 1
    rows = -(-n // columns)

    def mixed(half: int, part: int) -> int:
        z = (half + part) * 0xBF58476D1CE4E5B9 & word
        z ^= z >> 32
        return (z * 0x94D049BB133111EB & word) >> 32

    value = position
    while True:
        left, right = divmod(value, columns)
        for number in range(0, 8, 2):
            left = (left + mixed(right, key[number])) % rows
            right = (right + mixed(left, key[number + 1])) % columns
        value = left * columns + right
        if value < n:
            return value


@given(n=st.integers(1025, 2**62), seed=st.integers(), data=st.data())
def test_arithmetic_is_that_of_plain_integers(n: int, seed: int, data: st.DataObject) -> None:
    key = derive_key(seed, "permutation", 0)
    positions = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=5))
    expected = [permute_in_plain_integers(position, n, [int(part) for part in key]) for position in positions]
    assert permute(np.array(positions, dtype=np.int64), n, key).tolist() == expected


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_every_permutation_is_equally_likely(n: int) -> None:
    trials = 200 * math.factorial(n)
    numbers = {order: number for number, order in enumerate(itertools.permutations(range(n)))}
    seen = [numbers[tuple(whole(n, 0, "permutation", epoch).tolist())] for epoch in range(trials)]
    observed = np.bincount(seen, minlength=len(numbers))
    assert excess(observed, np.full(len(numbers), trials / len(numbers))) < 4


@pytest.mark.parametrize("n", SMALL_AND_LARGE)
def test_every_position_and_every_pair_is_uniform(n: int) -> None:
    trials = min(max(3_000_000 // n, 200), 20_000)
    orders = np.stack([whole(n, 0, "permutation", epoch) for epoch in range(trials)])
    buckets = min(n, 8)
    sizes = np.bincount(np.arange(n) * buckets // n, minlength=buckets)
    for position in {0, 1, n // 2, n - 1}:
        observed = np.bincount(orders[:, position] * buckets // n, minlength=buckets)
        assert excess(observed, trials * sizes / n) < 5
    # Positions that share a half of the network are those a multiple of `columns` apart.
    columns = math.isqrt(n - 1) + 1
    for distance in {1, 2, columns, columns + 1, 2 * columns} & set(range(n)):
        first, second = orders[:, :-distance], orders[:, distance:]
        observed = np.bincount(((first * buckets // n) * buckets + second * buckets // n).ravel())
        observed.resize(buckets * buckets, refcheck=False)
        expected = (np.outer(sizes, sizes) - np.diag(sizes)).ravel() / (n * (n - 1)) * first.size
        assert excess(observed[expected > 0], expected[expected > 0]) < 5
        steps = np.bincount(((second - first) % n * buckets // n).ravel(), minlength=buckets)
        expected = np.bincount(np.arange(1, n) * buckets // n, minlength=buckets) / (n - 1) * first.size
        assert excess(steps[expected > 0], expected[expected > 0]) < 5


@pytest.mark.parametrize("n", SMALL_AND_LARGE[1:])
def test_fixed_points_ascents_and_cycles_are_those_of_random_permutations(n: int) -> None:
    trials = 300
    orders = [whole(n, 5, "permutation", epoch) for epoch in range(trials)]
    fixed = np.array([(order == np.arange(n)).sum() for order in orders])
    assert abs(fixed.mean() - 1) < 4 / math.sqrt(trials)
    ascents = np.array([(np.diff(order) > 0).sum() for order in orders])
    assert abs(ascents.mean() - (n - 1) / 2) < 4 * math.sqrt((n + 1) / 12 / trials)
    assert 0.6 < ascents.var() / ((n + 1) / 12) < 1.5
    harmonic = sum(1 / k for k in range(1, n + 1))
    variance = harmonic - sum(1 / k**2 for k in range(1, n + 1))
    assert abs(np.mean([cycles(order) for order in orders]) - harmonic) < 4 * math.sqrt(variance / trials)


def cycles(order: NDArray[np.int64]) -> int:
    left, count = set(order.tolist()), 0
    while left:
        count += 1
        position = left.pop()
        while (position := int(order[position])) in left:
            left.remove(position)
    return count


def test_epochs_and_seeds_have_nothing_in_common() -> None:
    n = 10_000
    orders = [whole(n, seed, "permutation", epoch) for seed in range(4) for epoch in range(4)]
    for one, other in itertools.combinations(orders, 2):
        assert (one == other).sum() < 10  # about one position agrees by chance
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.05


def test_keys_depend_on_every_argument() -> None:
    seeds = [0, 1, -1, 10, 2**63, 2**64, -(2**64), 10**30]
    keys = [
        derive_key(seed, purpose, n) for seed in seeds for purpose in ("a", "b") for n in (0, 1, 10, 2**40)
    ]
    words = np.concatenate(keys)
    assert len(np.unique(words)) == len(words)
    ones = np.unpackbits(words.view(np.uint8)).mean()
    assert abs(ones - 0.5) < 0.05
    assert not np.array_equal(derive_key(1, "a", 23), derive_key(12, "a", 3))
    assert np.array_equal(derive_key(np.int64(5), "a", np.uint8(2)), derive_key(5, "a", 2))
    derive_key(2, "a")
    wrong: Any
    for wrong in (1.5, 2.0, "2"):
        with pytest.raises(TypeError):
            derive_key(wrong, "a")
    with pytest.raises(ValueError, match="read-only"):
        derive_key(0, "a")[0] = 1


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_draws_are_uniform_and_independent(n: int) -> None:
    drawn = np.stack([draw(8, n, derive_key(0, "draw", number)) for number in range(5000)])
    assert drawn.dtype == np.int64
    assert drawn.min() >= 0
    assert drawn.max() < n
    if n == 1:
        return
    buckets = min(n, 8)
    sizes = np.bincount(np.arange(n) * buckets // n, minlength=buckets)
    bucketed = drawn * buckets // n
    assert excess(np.bincount(bucketed.ravel(), minlength=buckets), sizes / n * drawn.size) < 4
    for first, second in [(0, 1), (0, 7), (3, 4)]:
        pairs = np.bincount(bucketed[:, first] * buckets + bucketed[:, second], minlength=buckets**2)
        assert excess(pairs, np.outer(sizes, sizes).ravel() / n**2 * len(drawn)) < 4
    following = np.bincount(bucketed[:-1, 0] * buckets + bucketed[1:, 0], minlength=buckets**2)
    assert excess(following, np.outer(sizes, sizes).ravel() / n**2 * (len(drawn) - 1)) < 4


def test_draws_of_a_smaller_batch_begin_those_of_a_larger_one() -> None:
    key = derive_key(0, "draw", 3)
    assert draw(100, 77, key)[:10].tolist() == draw(10, 77, key).tolist()
    assert draw(0, 77, key).shape == (0,)


@pytest.mark.parametrize("name", sorted(ORDERS))
@pytest.mark.parametrize("length", [0, 1, 10, 1024, 3000])
@pytest.mark.parametrize("batch_size", [1, 3, 10, 4000])
@pytest.mark.parametrize("drop_last", [False, True])
def test_epoch_visits_every_row_once(name: str, length: int, batch_size: int, drop_last: bool) -> None:
    epoch = Epoch(order=ORDERS[name](length, 5), number=2, batch_size=batch_size, drop_last=drop_last)
    batches = [list(epoch.rows(number)) for number in range(len(epoch))]
    visited = [row for batch in batches for row in batch]
    assert len(set(visited)) == len(visited)
    kept = length - length % batch_size if drop_last else length
    assert len(visited) == kept
    assert set(visited) <= set(range(length))
    assert all(len(batch) == batch_size for batch in batches[:-1])
    if drop_last and batches:
        assert len(batches[-1]) == batch_size


@pytest.mark.parametrize("name", sorted(ORDERS))
@given(
    length=st.integers(0, 50),
    first=st.integers(1, 9),
    second=st.integers(1, 9),
    taken=st.integers(0, 9),
    drop_last=st.booleans(),
)
def test_rest_of_an_epoch_continues_it(
    name: str, length: int, first: int, second: int, taken: int, drop_last: bool
) -> None:
    order = ORDERS[name](length, 9)
    whole_epoch = Epoch(order=order, number=4, batch_size=first, drop_last=drop_last)
    every = [row for number in range(len(whole_epoch)) for row in whole_epoch.rows(number)]
    start = min(taken * first, length)
    rest = Epoch(order=order, number=4, batch_size=second, drop_last=drop_last, start=start)
    rows = [row for number in range(len(rest)) for row in rest.rows(number)]
    left = length - start
    assert len(rows) == (left - left % second if drop_last else left)
    if not drop_last:
        assert rows == every[start:]
    assert [rest.first(number) for number in range(len(rest))] == list(
        range(start, start + second * len(rest), second)
    )


def test_orders_are_values() -> None:
    order = GlobalOrder(100, 3)
    assert order == GlobalOrder(100, 3)
    assert hash(order) == hash(GlobalOrder(100, 3))
    assert order != GlobalOrder(100, 4)
    epoch = Epoch(order=order, number=1, batch_size=8)
    twin = pickle.loads(pickle.dumps(epoch))
    assert twin == epoch
    assert np.array_equal(twin.rows(2), epoch.rows(2))
    assert len(pickle.dumps(Epoch(order=GlobalOrder(300_000_000, 3), number=1, batch_size=8))) < 300


def test_sequential_order_reads_ranges() -> None:
    assert Epoch(order=SequentialOrder(10, 0), number=7, batch_size=4).rows(2) == range(8, 10)
