"""Work shared by threads: everything once, in order, and nothing goes on once it is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.store import platform, pool


@pytest.fixture(autouse=True, params=[1, 2, 5])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(platform, "usable_cores", lambda: 8)
    pool.limit_threads(request.param)
    yield request.param
    pool.limit_threads(None)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 17, 256])
@pytest.mark.parametrize("least", [1, 8, 1000])
def test_spans_cover_everything_once(threads: int, count: int, least: int) -> None:
    spans: list[tuple[int, int]] = []
    pool.in_spans(lambda start, stop: spans.append((start, stop)), count, least=least)
    assert sorted(i for start, stop in spans for i in range(start, stop)) == list(range(count))
    assert len(spans) <= max(min(threads, count // least), 1)


def test_an_error_of_any_span_is_told_when_all_are_over(threads: int) -> None:
    running, lock = 0, threading.Lock()

    def work(start: int, stop: int) -> None:
        nonlocal running
        with lock:
            running += 1
        time.sleep(0.01 * start)
        with lock:
            running -= 1
        if start == 0:
            raise KeyError("first")

    with pytest.raises(KeyError, match="first"):
        pool.in_spans(work, 10, least=1)
    assert running == 0


def test_whoever_calls_does_it_all_where_the_threads_are_at_other_work(threads: int) -> None:
    over = threading.Event()
    others = [pool.begin(lambda: over.wait(60)) for _ in range(threads)]
    mine: list[int] = []
    try:
        pool.in_spans(lambda start, stop: mine.extend(range(start, stop)), 20, least=1)
        assert sorted(mine) == list(range(20))
        assert not any(other.done() for other in others)
    finally:
        over.set()
    assert all(other.result(60) for other in others)


@given(items=st.lists(st.integers(), max_size=50), size=st.integers(1, 20))
def test_results_come_in_order(items: list[int], size: int) -> None:
    groups = list(pool.map_ahead(lambda item: item + 1, items, size))
    assert [result for group in groups for result in group] == [item + 1 for item in items]
    assert all(len(group) == size for group in groups[:-1])
    assert pool.map_threaded(lambda item: item + 1, items) == [item + 1 for item in items]


def test_work_ahead_is_over_when_whoever_takes_it_fails() -> None:
    started, lock = 0, threading.Lock()

    def work(item: int) -> int:
        nonlocal started
        with lock:
            started += 1
        time.sleep(0.002)
        return item

    def fail() -> None:
        for _ in pool.map_ahead(work, range(100), 10):
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk"):
        fail()
    then = started
    assert then <= 30
    time.sleep(0.05)
    assert started == then


def test_an_error_of_work_ahead_is_told_in_its_turn() -> None:
    def work(item: int) -> int:
        if item == 25:
            raise ValueError("25")
        return item

    seen: list[int] = []

    def take() -> None:
        for group in pool.map_ahead(work, range(100), 10):
            seen.extend(group)

    with pytest.raises(ValueError, match="25"):
        take()
    assert seen == list(range(20))
