"""The store on every kind of place: what holds on a local disk holds in memory and in a bucket."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unienv_data.store import rowmodel
from tests.unienv_data.store.rowmodel import append, check, close, commit, kill, newest, reopen
from unienv_data.errors import CorruptDataError, DatasetExistsError, FencedError
from unienv_data.schema.commit import BufferState
from unienv_data.store.layout import LayoutOptions
from unienv_data.store.logstore import LogStore
from unienv_data.store.objects import MemoryObjects, ObjectStore

Opener = Callable[[], ObjectStore]

# Few objects: each costs a bucket some requests.
COARSE = LayoutOptions(chunks={"frame": 1}, shards={"**": 32, "frame": 8})


def create(root: ObjectStore) -> LogStore:
    return rowmodel.create(root, options=COARSE)


def test_a_life(opener: Opener) -> None:
    store = create(opener())
    numbers: list[int | None] = []
    readers = []
    for session in range(3):
        append(store, range(20 * session, 20 * session + 17))
        numbers += range(20 * session, 20 * session + 17)
        commit(store)
        readers.append((reopen(opener(), writable=False), list(numbers)))
        append(store, range(20 * session + 17, 20 * session + 20))
        if session % 2:
            close(store)
            numbers += range(20 * session + 17, 20 * session + 20)
        else:
            kill(store)
        store = reopen(opener(), writable=True)
        check(store, numbers)
    for reader, state in readers:
        check(reader, state)
    sealed = store.seal(store.commit_read.buffer)
    for reader, _ in readers:
        assert reader.refresh()
        assert reader.commit_read == sealed
        check(reader, numbers)
    copied = MemoryObjects()
    readers[0][0].copy_to(copied, BufferState(), {})
    check(reopen(copied, writable=False), numbers)
    close(store)
    with pytest.raises(DatasetExistsError):
        create(opener())


def test_a_zombie_is_fenced(opener: Opener) -> None:
    zombie = create(opener())
    append(zombie, range(11))
    commit(zombie)
    kill(zombie)
    store = reopen(opener(), writable=True)
    append(store, range(11, 40))
    commit(store)
    append(zombie, [999] * 40)
    with pytest.raises(FencedError):
        commit(zombie)
    with pytest.raises(FencedError):
        append(zombie, [999])
    check(reopen(opener(), writable=False), list(range(40)))
    check(store, list(range(40)))
    close(store)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "cut to its index", "another's"])
def test_a_damaged_shard_is_told_by_name(opener: Opener, damage: str) -> None:
    store = create(opener())
    append(store, range(40))
    close(store)
    storage = opener().below(rowmodel.PATH)
    name = "columns/frame/c.1.0.0"
    data = storage.read(name)
    if damage == "missing":
        storage.delete([name])
    else:
        changed = {"empty": b"", "cut": data[: len(data) // 2], "cut to its index": data[-180:]}
        storage.replace(
            name,
            changed.get(damage) or (b"" if damage == "empty" else storage.read(name.replace("1", "2", 1))),
        )
    reader = reopen(opener(), writable=False)
    with pytest.raises(CorruptDataError, match=r"columns/frame/c\.1\.0\.0"):
        reader.get(range(8, 16), ["frame"])
    rowmodel.check_rows(reader.get(range(16, 40), ["frame"]), range(16, 40))


def test_a_missing_tail_is_told_by_name(opener: Opener) -> None:
    store = create(opener())
    append(store, range(11))
    close(store)
    tail = newest(opener()).tail
    assert tail is not None
    opener().below(rowmodel.PATH).delete([tail.object])
    with pytest.raises(CorruptDataError, match=tail.object):
        reopen(opener(), writable=False).get(range(11), ["frame"])


def test_overwriting_the_dataset_is_told_to_its_readers(opener: Opener) -> None:
    store = create(opener())
    append(store, range(20))
    close(store)
    reader = reopen(opener(), writable=False)
    opener().delete_all()
    store = create(opener())
    append(store, range(100, 160))
    for _ in range(4):
        commit(store, force=True)
    with pytest.raises(OSError, match="another dataset has taken the place"):
        reader.refresh()
    close(store)
