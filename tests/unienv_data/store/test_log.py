"""A log of rows in tiny shards: appended, committed, continued, taken over."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.unienv_data.store import rowmodel
from tests.unienv_data.store.making import Interposed
from tests.unienv_data.store.rowmodel import append, check, close, commit, create, kill, reopen
from unienv_data.errors import ClosedError, FencedError, ReadOnlyError
from unienv_data.schema.commit import ROWS_LOG, BufferState
from unienv_data.store.objects import MemoryObjects
from unienv_data.store.objects.local import LocalObjects

tiny_values: Any = rowmodel.tiny_values
pytestmark = pytest.mark.usefixtures("tiny_values")


@pytest.fixture
def root() -> Interposed:
    return Interposed(MemoryObjects())


def claims(root: Interposed) -> list[str]:
    return root.below("storage/claims/columns/rows").list("") or root.below("storage/claims/rows").list("")


@pytest.mark.parametrize("seed", range(2))
def test_everything_is_read_at_every_step(root: Interposed, seed: int) -> None:
    order = random.Random(seed)
    store = create(root)
    numbers: list[int | None] = []
    for _ in range(20):
        fresh = list(range(len(numbers), len(numbers) + order.choice([1, 1, 2, 3, 5, 8, 13, 40])))
        append(store, fresh)
        numbers += fresh
        check(store, numbers)
        if order.random() < 0.4:
            commit(store)
            check(store, numbers)
            check(reopen(root, writable=False), numbers)
    close(store)
    check(reopen(root, writable=False), numbers)


def test_after_a_clean_close_the_same_block_goes_on(root: Interposed) -> None:
    numbers: list[int | None] = []
    store = create(root)
    for session in range(20):
        fresh = list(range(len(numbers), len(numbers) + 1 + session % 7))
        append(store, fresh)
        numbers += fresh
        close(store)
        store = reopen(root, writable=True)
        check(store, numbers)
    assert store.commit_read.runs == ((0, 0, len(numbers)),)  # no gaps
    assert store.commit_read.logs[ROWS_LOG].length == len(numbers)


def test_after_a_crash_a_block_of_its_own_holds_the_tail(root: Interposed) -> None:
    numbers: list[int | None] = []
    store = create(root)
    for session in range(25):
        fresh = list(range(len(numbers), len(numbers) + 1 + session % 5))
        append(store, fresh)
        commit(store)
        numbers += fresh
        append(store, [7777] * (session % 4))  # never committed
        kill(store)
        store = reopen(root, writable=True)
        check(store, numbers)
    blocks = store.commit_read.logs[ROWS_LOG]
    assert blocks.start % blocks.block_rows == 0
    assert len(claims(root)) >= 20
    seal = store.seal(store.commit_read.buffer)
    assert seal.tail is None
    check(reopen(root, writable=False), numbers)


def test_what_was_not_committed_is_gone_after_a_crash(root: Interposed) -> None:
    store = create(root)
    append(store, range(50))
    kill(store)
    after = reopen(root, writable=True)
    check(after, [])
    append(after, range(100, 133))
    close(after)
    check(reopen(root, writable=False), list(range(100, 133)))


def test_opening_and_closing_changes_nothing(root: Interposed) -> None:
    store = create(root)
    append(store, range(5))
    close(store)
    number = rowmodel.newest(root).number
    root.log.clear()
    for _ in range(3):
        close(reopen(root, writable=True))
        reopen(root, writable=False).close()
    assert rowmodel.newest(root).number == number
    assert commit(reopen(root, writable=True)).number == number


# Zombies


def test_a_zombie_changes_no_committed_byte_and_is_fenced(root: Interposed) -> None:
    zombie = create(root)
    append(zombie, range(13))
    commit(zombie)
    kill(zombie)
    store = reopen(root, writable=True)
    append(store, range(13, 30))
    commit(store)
    before = {name: root.inner.read(name) for name in everything(root.inner)}
    append(zombie, [999] * 40)
    check(zombie, [*range(13), *[999] * 40])
    with pytest.raises(FencedError):
        commit(zombie)
    there = {name: root.inner.read(name) for name in before}
    assert there == before
    check(store, list(range(30)))
    for use in (lambda: append(zombie, [1]), lambda: commit(zombie), lambda: zombie.seal(BufferState())):
        with pytest.raises(FencedError, match=r"taken over|replaced"):
            use()
    now = {name for name in everything(root.inner)}
    close(zombie)
    assert everything(root.inner) == now
    append(store, range(30, 60))
    close(store)
    check(reopen(root, writable=False), list(range(60)))


def everything(objects: Any, prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name in objects.list(prefix):
        path = f"{prefix}/{name}" if prefix else name
        found |= everything(objects, path) or {path}
    return found


def test_a_zombie_that_seals_leaves_the_shapes_of_its_successor(root: Interposed) -> None:
    zombie = create(root)
    append(zombie, range(13))
    commit(zombie)
    kill(zombie)
    store = reopen(root, writable=True)
    append(store, range(13, 100))
    store.seal(store.commit_read.buffer)
    close(store)
    shapes = {name: root.inner.read(name) for name in everything(root.inner) if name.endswith("zarr.json")}
    append(zombie, [999])
    with pytest.raises(FencedError):
        zombie.seal(zombie.commit_read.buffer)
    with pytest.raises(FencedError):
        close_fenced(zombie)
    assert {name: root.inner.read(name) for name in shapes} == shapes


def close_fenced(store: Any) -> None:
    store._check_writable()


def test_of_two_successors_of_a_clean_close_one_takes_another_block(root: Interposed) -> None:
    """Both opened the same released commit; on a bucket there is no lock."""
    store = create(root)
    append(store, range(13))
    close(store)
    first, second = (reopen(root, writable=True) for _ in range(2))
    append(first, range(13, 40))
    append(second, [999] * 30)
    commit(first)
    with pytest.raises(FencedError):
        commit(second)
    check(reopen(root, writable=False), list(range(40)))
    check(first, list(range(40)))


# Between opening and locking


def test_a_writer_begins_at_the_newest_commit_though_it_was_opened_at_an_older_one(root: Interposed) -> None:
    store = create(root)
    append(store, range(5))
    old = commit(store)
    append(store, range(5, 9))
    close(store)
    late = reopen(root, writable=True, commit=old)  # found before the other one closed, locked afterwards
    check(late, list(range(9)))
    append(late, range(9, 12))
    commit(late)
    check(reopen(root, writable=False), list(range(12)))


def test_a_reader_stays_where_it_was_opened(root: Interposed) -> None:
    store = create(root)
    append(store, range(5))
    old = commit(store)
    append(store, range(5, 50))
    commit(store)
    reader = reopen(root, writable=False, commit=old)
    check(reader, list(range(5)))
    assert reader.refresh()
    check(reader, list(range(50)))
    assert not reader.refresh()


# Closed and read-only


def test_closed_and_read_only_stores_refuse(root: Interposed) -> None:
    store = create(root)
    append(store, range(5))
    close(store)
    with pytest.raises(ClosedError):
        store.get(range(2), rowmodel.NAMES)
    with pytest.raises(ClosedError):
        append(store, [5])
    reader = reopen(root, writable=False)
    for use in (lambda: append(reader, [5]), lambda: commit(reader), lambda: reader.clear()):
        with pytest.raises(ReadOnlyError):
            use()
    check(reader, list(range(5)))


def test_local_too(tmp_path: Any) -> None:
    root = LocalObjects(tmp_path / "x")
    store = create(root)
    numbers: list[int | None] = []
    for session in range(6):
        append(store, range(10 * session, 10 * session + 10))
        numbers += range(10 * session, 10 * session + 10)
        commit(store)
        check(store, numbers)
        close(store) if session % 2 else kill(store)
        store = reopen(LocalObjects(tmp_path / "x"), writable=True)
    check(store, numbers)
    store.abandon()
