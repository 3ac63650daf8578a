"""What fails leaves everything as it was, and can be tried again; what may have become a commit stays."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.store import rowmodel
from tests.unienv_data.store.making import Interposed, failing, nothing
from tests.unienv_data.store.rowmodel import append, check, close, commit, create, kill, reopen
from unienv_data.store.objects import MemoryObjects

tiny_values: Any = rowmodel.tiny_values
pytestmark = pytest.mark.usefixtures("tiny_values")


@pytest.fixture
def root() -> Interposed:
    return Interposed(MemoryObjects())


FAILING = [
    ("write", "storage/columns"),
    ("write", "storage/columns/text/values"),
    ("create", "storage/claims"),
]


@pytest.mark.parametrize(("method", "prefix"), FAILING)
@pytest.mark.parametrize("skipped", [0, 1, 2, 5, 9])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_failed_append_leaves_everything_as_it_was(
    root: Interposed, method: str, prefix: str, skipped: int, side: str
) -> None:
    store = create(root)
    append(store, range(11))
    commit(store)
    append(store, range(11, 14))
    hook = failing(method, prefix, OSError("full"))

    def later(called: str, name: str) -> None:
        nonlocal skipped
        if called == method and name.startswith(prefix) and skipped:
            skipped -= 1
        else:
            hook(called, name)

    setattr(root, side, later)
    with pytest.raises(OSError, match="full"):
        append(store, [999] * 200)
    root.before = root.after = nothing
    check(store, list(range(14)))
    commit(store)
    check(reopen(root, writable=False), list(range(14)))
    append(store, range(14, 90))
    check(store, list(range(90)))
    close(store)
    check(reopen(root, writable=False), list(range(90)))


def test_a_failed_append_of_a_first_row_can_be_tried_again(root: Interposed) -> None:
    store = create(root)
    append(store, range(11))
    commit(store)
    kill(store)
    store = reopen(root, writable=True)
    for skipped in range(12):
        left = skipped

        def later(called: str, name: str) -> None:
            nonlocal left
            if called in ("write", "create", "replace"):
                left -= 1
                if left < 0:
                    raise OSError("full")

        root.before = later
        with pytest.raises(OSError, match="full"):
            append(store, range(11, 100))
        root.before = nothing
        check(store, list(range(11)))
    append(store, range(11, 40))
    commit(store)
    check(reopen(root, writable=False), list(range(40)))


@pytest.mark.parametrize("what", ["tails", "commits", "rows"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_failed_commit_can_be_tried_again_with_more_rows(root: Interposed, what: str, side: str) -> None:
    store = create(root)
    append(store, range(300))
    commit(store)
    scattered = np.arange(0, 300, 4)
    numbers: list[Any] = list(range(300))
    good = list(numbers)
    for attempt in range(4):
        store.set(scattered, rowmodel.rows([1000 * attempt + i for i in range(75)]))
        numbers[:300:4] = [1000 * attempt + i for i in range(75)]
        append(store, range(300 + attempt, 301 + attempt))
        numbers.append(300 + attempt)
        if attempt == 3:
            break
        method = "create" if what == "commits" else "write"
        setattr(root, side, failing(method, f"storage/{what}", OSError("lost")))
        with suppress(OSError):
            commit(store)
        root.before = root.after = nothing
        check(store, numbers)
        if rowmodel.newest(root).length == len(numbers):  # all of it or nothing of it
            good = list(numbers)
        check(reopen(root, writable=False), good)
    commit(store)
    check(reopen(root, writable=False), numbers)
    close(store)


def test_an_attempt_that_became_a_commit_unnoticed_stays_as_it_is(root: Interposed) -> None:
    """The network goes after the request has got through; the writer goes on and commits again."""
    store = create(root)
    append(store, range(11))
    root.after = failing("create", "storage/commits", TimeoutError())
    root.before = failing("read", "storage/commits", ConnectionError())
    with pytest.raises(ConnectionError):
        commit(store)
    root.before = root.after = nothing
    reader = reopen(root, writable=False)
    check(reader, list(range(11)))
    append(store, range(11, 15))
    assert commit(store).number == reader.commit_read.number + 1
    check(reader, list(range(11)))
    check(store, list(range(15)))
    check(reopen(root, writable=False), list(range(15)))


def test_failed_compaction_leaves_everything_as_it_was(root: Interposed) -> None:
    store = create(root)
    append(store, range(40))
    store.keep([(0, 9), (20, 40)])
    numbers = [*range(9), *range(20, 40)]
    for what in ("columns", "commits"):
        for side in ("before", "after"):
            method = "create" if what == "commits" else "write"
            setattr(root, side, failing(method, f"storage/{what}", OSError("lost")))
            with suppress(OSError):
                store.compact(store.commit_read.buffer)
            root.before = root.after = nothing
            check(store, numbers)
            check(reopen(root, writable=False), numbers)
            append(store, [len(numbers)])
            numbers.append(len(numbers))
            commit(store)
    store.compact(store.commit_read.buffer)
    check(reopen(root, writable=False), numbers)


def test_a_compaction_whose_answer_is_lost_for_good_keeps_its_rows(root: Interposed) -> None:
    store = create(root)
    append(store, range(40))
    store.keep([(0, 9), (20, 40)])
    commit(store)
    root.after = failing("create", "storage/commits", TimeoutError())
    root.before = failing("read", "storage/commits", ConnectionError())
    with pytest.raises(ConnectionError):
        store.compact(store.commit_read.buffer)
    root.before = root.after = nothing
    kill(store)
    check(reopen(root, writable=False), [*range(9), *range(20, 40)])


@pytest.mark.parametrize("what", ["list", "delete"])
def test_a_commit_stands_though_dead_shards_cannot_be_dropped(
    root: Interposed, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = create(root, capacity=16)
    numbers: list[Any] = [None] * 16
    root.before = failing("delete", "", PermissionError("denied"), times=10**6)
    for number in range(205):
        store.set(range(number % 16, number % 16 + 1), rowmodel.rows([number]))
        numbers[number % 16] = number
        commit(store)
    check(store, numbers)
    check(reopen(root, writable=False), numbers)
