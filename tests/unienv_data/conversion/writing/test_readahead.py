"""What is read ahead: all of it, in order, within its bounds, and no longer than it is wanted."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

from unienv_data.conversion.writing.readahead import reading_ahead


def test_everything_comes_in_order() -> None:
    with reading_ahead((n for n in range(1000)), lambda n: 1, 7) as items:
        assert list(items) == list(range(1000))


def test_what_waits_is_bounded() -> None:
    made = [0]

    def make() -> Generator[int, None, None]:
        for n in range(50):
            made[0] += 1
            yield n

    with reading_ahead(make(), lambda n: 10, 40) as items:
        for taken, _ in enumerate(items, 1):
            time.sleep(0.002)
            # Four wait, one is about to.
            assert made[0] <= taken + 5
    assert made[0] == 50


def test_one_larger_than_the_bound_comes_alone() -> None:
    with reading_ahead((n for n in range(5)), lambda n: 100, 1) as items:
        assert list(items) == [0, 1, 2, 3, 4]


def test_an_error_comes_where_its_item_was_due() -> None:
    def make() -> Generator[int, None, None]:
        yield 1
        raise KeyError("here")

    with reading_ahead(make(), lambda n: 1, 100) as items:
        assert next(items) == 1
        with pytest.raises(KeyError, match="here"):
            next(items)


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_who_stops_early_has_the_items_closed(error: type[BaseException] | None) -> None:
    closed = threading.Event()

    def make() -> Generator[int, None, None]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    def take() -> None:
        with reading_ahead(make(), lambda n: 1, 3) as items:
            next(items)
            if error is not None:
                raise error

    if error is None:
        take()
    else:
        with pytest.raises(error):
            take()
    assert closed.is_set()
    assert "unienv-data-reading" not in {thread.name for thread in threading.enumerate()}


def test_an_interrupt_does_not_wait_for_a_source_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("unienv_data.conversion.writing.readahead._PATIENCE", 0.05)
    answer = threading.Event()

    def make() -> Generator[int, None, None]:
        yield 1
        answer.wait(30)

    def take() -> None:
        with reading_ahead(make(), lambda n: 1, 3) as items:
            next(items)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        take()
    assert time.monotonic() - started < 10
    answer.set()
