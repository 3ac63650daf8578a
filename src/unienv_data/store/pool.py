"""The threads that encode and decode, made anew after a fork."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import pairwise
from typing import TypeVar

from unienv_data.store import platform

__all__ = ["begin", "in_spans", "limit_threads", "map_ahead", "map_threaded", "map_waiting", "thread_count"]

T = TypeVar("T")
R = TypeVar("R")

_OTHERS = 0.9  # what another thread does, to what would be its fair share

_WAITING = 8  # threads that wait for requests

_executor: ThreadPoolExecutor | None = None
_waiters: ThreadPoolExecutor | None = None
_limit: int | None = None


def limit_threads(count: int | None) -> None:
    """Have this process use at most `count` threads from now on; None for as many as there are cores."""
    global _limit, _executor
    if count is not None and count < 1:
        raise ValueError(f"count: expected at least 1 thread, got {count}")
    _limit = count
    _executor = None  # not shut down: somebody may be handing work in; its threads end when nobody does


def thread_count() -> int:
    """How many threads this process uses."""
    cores = platform.usable_cores()
    return cores if _limit is None else min(_limit, cores)


def _threads() -> ThreadPoolExecutor:
    global _executor
    if _executor is None:
        _executor = ThreadPoolExecutor(thread_count(), thread_name_prefix="unienv-data")
    return _executor


def _waiting_threads() -> ThreadPoolExecutor:
    global _waiters
    if _waiters is None:
        _waiters = ThreadPoolExecutor(_WAITING, thread_name_prefix="unienv-waiting")
    return _waiters


def _forget() -> None:
    # The parent's threads do not exist in the child.
    global _executor, _waiters
    _executor = _waiters = None


platform.on_fork(_forget)


def begin(work: Callable[[], R]) -> Future[R]:
    """Have a thread do something."""
    return _threads().submit(work)


def in_spans(work: Callable[[int, int], None], count: int, *, least: int) -> None:
    """Call `work(start, stop)` on spans that cover [0, count), several at a time.

    Args:
        work: does items [start, stop).
        count: number of items.
        least: fewest items worth a thread.
    """
    spans = min(thread_count(), count // max(least, 1))
    if spans < 2:
        work(0, count)
        return
    # The caller does its share, a larger one: it need not be woken.
    bounds = [round(count * _OTHERS * i / spans) for i in range(spans)]
    futures = [_threads().submit(work, a, b) for a, b in pairwise(bounds)]
    try:
        work(bounds[-1], count)
        for future, (start, stop) in zip(futures, pairwise(bounds), strict=True):
            if future.cancel():  # the threads are at other work
                work(start, stop)
    finally:
        others = [future for future in futures if not future.cancelled()]
        wait(others)
    for future in others:
        future.result()


def map_threaded(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """`[work(item) for item in items]`, several at a time."""
    todo = list(items)
    results: list[R | None] = [None] * len(todo)

    def span(start: int, stop: int) -> None:
        for i in range(start, stop):
            results[i] = work(todo[i])

    in_spans(span, len(todo), least=1)
    return results  # type: ignore[return-value]  # every place has been filled


def map_waiting(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """`[work(item) for item in items]`, where most of the work is waiting: more at a time than cores."""
    if len(items) < 2:
        return [work(item) for item in items]
    return list(_waiting_threads().map(work, items))


def map_ahead(work: Callable[[T], R], items: Sequence[T], size: int) -> Iterator[list[R]]:
    """The results for `size` items after another, while threads are at work on the items that come next."""
    groups = [items[start : start + size] for start in range(0, len(items), size)]
    if len(groups) < 2 or thread_count() < 2:
        yield from (map_threaded(work, group) for group in groups)
        return
    ahead = _submitted(work, groups[0])
    try:
        for group in groups[1:]:
            wait(ahead)
            done, ahead = ahead, _submitted(work, group)
            yield [result for future in done for result in future.result()]
        yield [result for future in ahead for result in future.result()]
    finally:
        wait(ahead)


def _submitted(work: Callable[[T], R], items: Sequence[T]) -> list[Future[list[R]]]:
    def span(start: int, stop: int) -> list[R]:
        return [work(items[i]) for i in range(start, stop)]

    spans = min(thread_count(), len(items))
    bounds = [len(items) * i // spans for i in range(spans + 1)]
    return [_threads().submit(span, a, b) for a, b in pairwise(bounds)]
