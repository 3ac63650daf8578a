"""Copies of a commit: whole, theirs alone, and writable; what is damaged is not copied over."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unienv_data.store import rowmodel
from tests.unienv_data.store.rowmodel import append, check, close, commit, create, kill, reopen
from unienv_data.errors import CorruptDataError
from unienv_data.schema.commit import BufferState
from unienv_data.store.layout import LayoutOptions
from unienv_data.store.logstore import LogStore
from unienv_data.store.objects import MemoryObjects, ObjectStore
from unienv_data.store.objects.local import LocalObjects

tiny_values: Any = rowmodel.tiny_values
pytestmark = pytest.mark.usefixtures("tiny_values")


@pytest.fixture
def root() -> MemoryObjects:
    return MemoryObjects()


def copy_of(store: LogStore) -> MemoryObjects:
    target = MemoryObjects("<copy>")
    store.copy_to(target, store.commit_read.buffer, {"note": "a copy"})
    return target


def shards(root: ObjectStore, column: str) -> list[str]:
    folder = f"{rowmodel.PATH}/columns/{column}"
    return [f"{folder}/{name}" for name in root.list(folder) if name.startswith("c.")]


@pytest.mark.parametrize("count", [0, 1, 8, 11, 40, 123])
@pytest.mark.parametrize("how", ["commit", "close", "seal", "crash"])
def test_a_copy_is_a_dataset_of_its_own(root: MemoryObjects, how: str, count: int) -> None:
    store = create(root)
    append(store, range(count))
    commit(store)
    if how == "close":
        close(store)
    elif how == "seal":
        store.seal(store.commit_read.buffer)
    elif how == "crash":
        append(store, [999] * 30)
        kill(store)
        store = reopen(root, writable=True)
        append(store, range(count, count + 3))
        count += 3
        commit(store)
    source = reopen(root, writable=False)
    copied = copy_of(source)
    assert rowmodel.newest(copied).uuid != rowmodel.newest(root).uuid
    assert rowmodel.newest(copied).number == 0
    assert rowmodel.newest(copied).attributes == {"note": "a copy"}
    root.delete_all()
    check(reopen(copied, writable=False), list(range(count)))
    writer = reopen(copied, writable=True)
    append(writer, range(count, count + 20))
    check(writer, list(range(count + 20)))
    close(writer)
    check(reopen(copied, writable=False), list(range(count + 20)))


def test_a_copy_of_what_has_been_cut_and_overwritten(root: MemoryObjects) -> None:
    store = create(root)
    append(store, range(100))
    store.keep([(3, 30), (70, 95)])
    append(store, range(100, 150))
    store.set(range(5, 8), rowmodel.rows([1005, 1006, 1007]))
    commit(store)
    numbers = [3, 4, 5, 6, 7, 1005, 1006, 1007, *range(11, 30), *range(70, 95), *range(100, 150)]
    copied = copy_of(store)
    check(reopen(copied, writable=False), numbers)
    writer = reopen(copied, writable=True)
    append(writer, [1])
    commit(writer)
    check(reopen(copied, writable=False), [*numbers, 1])


def test_what_other_writers_left_in_gaps_is_neither_copied_nor_in_the_way(root: MemoryObjects) -> None:
    store = create(root)
    append(store, range(11))
    commit(store)
    append(store, [999] * 50)  # shards that no commit counts
    kill(store)
    for name in shards(root, "frame"):
        if ".1." in name:
            root.replace(name, root.read(name)[:-7])  # cut short as its writer was killed
    store = reopen(root, writable=True)
    append(store, range(11, 90))
    commit(store)
    copied = copy_of(store)
    check(reopen(copied, writable=False), list(range(90)))
    assert len(shards(copied, "frame")) < len(shards(root, "frame"))


def test_a_reader_copies_its_own_commit_while_the_writer_goes_on(root: MemoryObjects) -> None:
    store = create(root)
    append(store, range(11))
    commit(store)
    reader = reopen(root, writable=False)
    append(store, range(11, 50))
    copied = copy_of(reader)
    check(reopen(copied, writable=False), list(range(11)))
    commit(store)
    check(reopen(copy_of(reader), writable=False), list(range(11)))


@pytest.mark.parametrize("column", ["group/number", "frame", "text/index", "text/values", "ragged/values"])
@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "another's", "another dataset's"])
def test_damage_is_not_copied(root: MemoryObjects, column: str, damage: str) -> None:
    store = create(root)
    append(store, range(60))
    commit(store)
    name = shards(root, column)[1]
    data = root.read(name)
    if damage == "missing":
        root.delete([name])
    elif damage == "cut":
        root.replace(name, data[:-3])
    elif damage == "empty":
        root.replace(name, b"")
    elif damage == "another's":
        root.replace(name, root.read(shards(root, column)[2]))
    else:
        other = MemoryObjects()
        theirs = create(other)
        append(theirs, range(60))
        commit(theirs)
        root.replace(name, other.read(shards(other, column)[1]))
    with pytest.raises(CorruptDataError) as caught:
        copy_of(reopen(root, writable=False))
    assert name in str(caught.value)


def test_local_copies(tmp_path: Path) -> None:
    store = create(LocalObjects(tmp_path / "a"))
    append(store, range(50))
    commit(store)
    store.copy_to(LocalObjects(tmp_path / "b"), BufferState(), {})
    append(store, range(50, 60))
    store.close(BufferState())
    check(reopen(LocalObjects(tmp_path / "b"), writable=False), list(range(50)))


# Rings whose oldest shards have been dropped


@pytest.mark.parametrize("block", [8, 256])
def test_a_ring_is_written_on_and_copied_after_its_old_shards_are_dropped(
    root: MemoryObjects, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = LayoutOptions(
        rowmodel.TINY.codecs, rowmodel.TINY.chunks, {**rowmodel.TINY.shards, "flag": block}
    )
    for name, value in (("_KEPT", 20), ("_GRACE", timedelta())):
        monkeypatch.setattr(f"unienv_data.store.commits.{name}", value)
    monkeypatch.setattr("unienv_data.store.logstore.PRUNED_EVERY", 20)
    store = create(root, capacity=16, options=options)
    numbers: list[Any] = [None] * 16
    most = 0
    for number in range(300):
        store.set(range(number % 16, number % 16 + 1), rowmodel.rows([number]))
        numbers[number % 16] = number
        commit(store)
        most = max(most, len(shards(root, "group/number")))
    assert most <= (60 if block == 8 else 90)
    check(reopen(root, writable=False), numbers)
    check(reopen(copy_of(store), writable=False), numbers)
    kill(store)
    store = reopen(root, writable=True)
    store.set(range(3, 5), rowmodel.rows([1003, 1004]))
    numbers[3:5] = [1003, 1004]
    check(store, numbers)
    commit(store)
    check(reopen(root, writable=False), numbers)
    again = reopen(copy_of(store), writable=True)
    again.set(range(7, 8), rowmodel.rows([1007]))
    numbers[7] = 1007
    check(again, numbers)
