"""A bounded cache: against an ordered dictionary, and with threads that meet."""

from __future__ import annotations

import random
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.store.lru import LruCache


@given(st.integers(1, 8), st.lists(st.integers(0, 12), max_size=60))
def test_the_ones_used_last_are_kept(limit: int, keys: list[int]) -> None:
    cache: LruCache[int, int] = LruCache(limit)
    model: OrderedDict[int, int] = OrderedDict()
    computed: list[int] = []

    def compute(key: int) -> int:
        computed.append(key)
        return key * key

    for key in keys:
        known = key in model
        before = len(computed)
        assert cache.get(key, compute) == key * key
        assert (len(computed) == before) == known
        model[key] = key * key
        model.move_to_end(key)
        while len(model) > limit:
            model.popitem(last=False)
        assert len(cache) == len(model)


@given(st.lists(st.integers(0, 12), max_size=60))
def test_weights_stay_within_the_limit(keys: list[int]) -> None:
    cache: LruCache[int, int] = LruCache(20, lambda value: value)
    model: OrderedDict[int, None] = OrderedDict()
    for key in keys:
        assert cache.get(key, lambda key: key) == key
        model[key] = None
        model.move_to_end(key)
        while sum(model) > 20 and len(model) > 1:
            model.popitem(last=False)
        assert len(cache) == len(model)


def test_what_is_heavier_than_the_limit_is_given_all_the_same() -> None:
    cache: LruCache[str, bytes] = LruCache(10, len)
    assert cache.get("a", lambda _: bytes(100)) == bytes(100)
    assert cache.get("b", lambda _: bytes(3)) == bytes(3)
    assert len(cache) == 1


def test_what_fails_is_not_kept_and_disturbs_nothing() -> None:
    cache: LruCache[str, int] = LruCache(2)
    cache.get("a", lambda _: 1)

    def fail(key: str) -> int:
        raise OSError(key)

    for _ in range(5):
        with pytest.raises(OSError, match="b"):
            cache.get("b", fail)
    assert cache.get("b", lambda _: 2) == 2
    assert cache.get("a", fail) == 1
    cache.clear()
    assert len(cache) == 0
    with pytest.raises(OSError, match="a"):
        cache.get("a", fail)


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("hasty_threads")
def test_threads_that_meet_neither_fail_nor_wear_the_cache_out() -> None:
    limit = 16
    cache: LruCache[int, tuple[int]] = LruCache(limit, lambda value: 1)
    most, errors = [0], []

    def work(seed: int) -> None:
        order = random.Random(seed)
        try:
            for _ in range(6000):
                key = order.randrange(20)
                assert cache.get(key, lambda key: (key,)) == (key,)
                most[0] = max(most[0], len(cache))
                if order.random() < 0.001:
                    cache.clear()
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert most[0] <= limit + 2 * len(threads)
    # Afterwards it keeps as many as it should: lost counts have not added up.
    for key in range(100, 100 + 4 * limit):
        cache.get(key, lambda key: (key,))
    assert limit * 3 // 4 <= len(cache) <= limit


def test_two_threads_that_compute_the_same_entry_count_it_once() -> None:
    cache: LruCache[str, int] = LruCache(4)
    for number in range(50):

        def meet(key: str) -> int:
            cache.get(key, lambda _: 1)  # what another thread does meanwhile
            return 1

        cache.get(f"k{number % 3}-{number}", meet)
        cache.get(f"k{number % 3}-{number}", meet)
    for key in "abcd":
        cache.get(key, lambda _: 1)
    assert len(cache) == 4
