"""Sealing, whatever went before it; readers pinned to what has been pruned."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unienv_data.store import rowmodel
from tests.unienv_data.store.making import Interposed
from tests.unienv_data.store.rowmodel import append, check, close, commit, create, kill, reopen
from unienv_data.errors import StaleCommitError
from unienv_data.store import commits
from unienv_data.store.objects import MemoryObjects

tiny_values: Any = rowmodel.tiny_values
pytestmark = pytest.mark.usefixtures("tiny_values")


@pytest.fixture
def root() -> Interposed:
    return Interposed(MemoryObjects())


# Readers of what has been pruned


def test_a_reader_pinned_beyond_the_grace_is_told(root: Interposed, monkeypatch: pytest.MonkeyPatch) -> None:
    store = create(root, capacity=16)
    now = [commits.utc_now()]
    for module in ("unienv_data.store.commits", "unienv_data.store.logstore"):
        monkeypatch.setattr(f"{module}.utc_now", lambda: now[0])
    monkeypatch.setattr(commits, "_KEPT", 20)
    monkeypatch.setattr("unienv_data.store.logstore.PRUNED_EVERY", 20)
    readers: list[tuple[Any, list[Any]]] = []
    numbers: list[Any] = [None] * 16
    for number in range(105):
        store.set(range(number % 16, number % 16 + 1), rowmodel.rows([number]))
        numbers[number % 16] = number
        commit(store)
        if number % 6 == 0:
            readers.append((reopen(root, writable=False), list(numbers)))
        now[0] += commits._GRACE / 13
    stale = 0
    for reader, state in readers:
        try:
            check(reader, state)
        except StaleCommitError as exc:
            stale += f"commit {reader.commit_read.number} has been pruned" in str(exc)
        assert reader.refresh()
        check(reader, numbers)
    assert 8 < stale < len(readers)


# Sealing


def test_sealed_again_and_again(root: Interposed) -> None:
    store = create(root)
    numbers: list[Any] = []
    for count in (0, 1, 8, 3, 0, 16, 5, 2):
        append(store, range(len(numbers), len(numbers) + count))
        numbers += range(len(numbers), len(numbers) + count)
        first = store.seal(store.commit_read.buffer)
        assert first.sealed
        assert first.tail is None
        assert store.seal(first.buffer) == first
        check(store, numbers)
        check(reopen(root, writable=False), numbers)


@pytest.mark.parametrize("count", [0, 3, 8, 11, 16])
@pytest.mark.parametrize("before", ["commit", "close", "crash"])
def test_sealing_what_was_committed_before(root: Interposed, before: str, count: int) -> None:
    store = create(root)
    append(store, range(count))
    commit(store)
    if before == "close":
        close(store)
    elif before == "crash":
        kill(store)
    if before != "commit":
        store = reopen(root, writable=True)
    sealed = store.seal(store.commit_read.buffer)
    assert sealed.sealed
    assert sealed.tail is None
    check(reopen(root, writable=False), list(range(count)))
    append(store, range(count, count + 5))
    check(store, list(range(count + 5)))
    assert not commit(store).sealed
    close(store)
    check(reopen(root, writable=False), list(range(count + 5)))
