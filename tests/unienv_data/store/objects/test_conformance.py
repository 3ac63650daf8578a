"""What every place of objects must do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from unienv_data.store.objects import ObjectStore, Range

Opener = Callable[[], ObjectStore]


def everything(objects: ObjectStore, prefix: str = "") -> set[str]:
    """The names of all objects below a prefix."""
    found = set()
    for name in objects.list(prefix):
        path = f"{prefix}/{name}" if prefix else name
        below = everything(objects, path)
        found |= below or ({path} if objects.exists(path) else set())
    return found


def test_what_is_written_is_read(objects: ObjectStore, opener: Opener) -> None:
    objects.write("a/b/c", [b"one", memoryview(b"two"), b"", bytes(1000)])
    objects.write("empty", [])
    objects.sync()
    for store in (objects, opener()):
        assert store.read("a/b/c") == b"onetwo" + bytes(1000)
        assert store.read("empty") == b""
        assert store.size("a/b/c") == 1006
        assert store.size("empty") == 0
        assert store.exists("a/b/c")
        assert not store.exists("a/b/d")
        assert not store.exists("a/b")


def test_ranges_in_any_order(objects: ObjectStore) -> None:
    content = {name: bytes(ord(name) + i & 255 for i in range(3000)) for name in "xyz"}
    for name, data in content.items():
        objects.write(f"folder/{name}", [data])
    wanted = [("z", 5, 10), ("x", 0, 3000), ("y", 2999, 3000), ("x", 0, 1), ("z", 5, 10), ("y", 100, 2000)]
    ranges = [Range(f"folder/{name}", start, stop) for name, start, stop in wanted]
    found = objects.read_ranges(ranges)
    assert found == [content[name][start:stop] for name, start, stop in wanted]
    assert all(isinstance(data, bytes) for data in found)
    assert objects.read_ranges([]) == []


def test_ranges_of_short_objects_are_short(objects: ObjectStore) -> None:
    """A shard that has been cut must be told from one that is missing."""
    objects.write("short", [b"0123456789"])
    objects.write("empty", [])
    wanted = [Range("short", 8, 20), Range("short", 10, 20), Range("short", 5000, 6000), Range("empty", 0, 4)]
    assert objects.read_ranges(wanted) == [b"89", b"", b"", b""]
    assert objects.read_ranges([*wanted, Range("short", 0, 2)])[-1] == b"01"


@pytest.mark.parametrize("length", [1, 4, 10, 11, 5000])
def test_the_end(objects: ObjectStore, length: int) -> None:
    objects.write("ten", [b"0123456789"])
    objects.write("empty", [])
    assert objects.read_end("ten", length) == b"0123456789"[-length:]
    assert objects.read_end("empty", length) == b""


MISSING: dict[str, Callable[[ObjectStore, str], object]] = {
    "read": lambda objects, name: objects.read(name),
    "read_ranges": lambda objects, name: objects.read_ranges([Range("there", 0, 1), Range(name, 0, 1)]),
    "read_end": lambda objects, name: objects.read_end(name, 4),
    "size": lambda objects, name: objects.size(name),
}


@pytest.mark.parametrize("name", ["gone", "folder/gone", "no-such-folder/gone", "gone-too"])
@pytest.mark.parametrize("method", MISSING)
def test_a_missing_object_is_file_not_found(objects: ObjectStore, method: str, name: str) -> None:
    objects.write("there", [b"x"])
    objects.write("folder/there", [b"x"])
    objects.write("gone-too", [b"x"])
    objects.list("")
    objects.list("folder")
    objects.delete(["gone-too"])
    with pytest.raises(FileNotFoundError) as caught:
        MISSING[method](objects, name)
    assert name.rsplit("/", 1)[-1] in str(caught.value)


def test_create_refuses_a_name_that_is_taken(objects: ObjectStore, opener: Opener) -> None:
    other = opener()
    objects.create("deep/down/name", b"first")
    for store in (objects, other):
        with pytest.raises(FileExistsError):
            store.create("deep/down/name", b"second")
        assert store.read("deep/down/name") == b"first"
    other.delete(["deep/down/name"])
    objects.create("deep/down/name", b"third")
    assert other.read("deep/down/name") == b"third"
    objects.create("empty", b"")
    with pytest.raises(FileExistsError):
        objects.create("empty", b"")
    assert everything(objects) == {"deep/down/name", "empty"}


def test_of_concurrent_creations_one_wins(opener: Opener) -> None:
    """8 threads, 24 races."""
    writers, races = 8, 24
    stores = [opener() for _ in range(writers)]
    start = threading.Barrier(writers)

    def contend(writer: int) -> list[int]:
        won = []
        for race in range(races):
            start.wait(30)
            try:
                stores[writer].create(f"claims/{race}", f"writer {writer} of race {race}".encode() * 50)
            except FileExistsError:
                continue
            won.append(race)
        return won

    with ThreadPoolExecutor(writers) as pool:
        won = list(pool.map(contend, range(writers)))
    assert sorted(race for races_won in won for race in races_won) == list(range(races))
    for writer, races_won in enumerate(won):
        for race in races_won:
            assert stores[0].read(f"claims/{race}") == f"writer {writer} of race {race}".encode() * 50
    assert everything(stores[0]) == {f"claims/{race}" for race in range(races)}


def test_replace_is_never_seen_half_done(opener: Opener) -> None:
    contents = [bytes([65 + i]) * (1000 + 37 * i) for i in range(16)]
    writer, reader = opener(), opener()
    writer.replace("folder/hint", contents[0])
    done = threading.Event()
    seen: set[bytes] = set()

    def watch() -> None:
        while not done.is_set():
            seen.add(reader.read("folder/hint"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        for content in contents * 2:
            writer.replace("folder/hint", content)
    finally:
        done.set()
        thread.join()
    assert seen <= set(contents)
    assert reader.read("folder/hint") == contents[-1]
    assert everything(writer) == {"folder/hint"}


def test_list_names_what_is_directly_below(objects: ObjectStore, opener: Opener) -> None:
    assert objects.list("") == []
    assert objects.list("nothing/here") == []
    for name in ("b", "a/2", "a/10", "a/sub/x", "ab/y", "c.json"):
        objects.write(name, [b"x"])
    for store in (objects, opener()):
        assert store.list("") == ["a", "ab", "b", "c.json"]
        assert store.list("a") == ["10", "2", "sub"]
        assert store.list("a/sub") == ["x"]
        assert store.list("b") == []
        assert store.list("a/1") == []


def test_one_sees_what_another_has_written_since(objects: ObjectStore, opener: Opener) -> None:
    """Whatever has been listed or looked for before."""
    other = opener()
    other.write("folder/1", [b"1"])
    assert objects.list("folder") == ["1"]
    assert not objects.exists("folder/2")
    other.write("folder/2", [b"22"])
    other.create("folder/3", b"333")
    assert objects.size("folder/2") == 2
    assert objects.read_end("folder/3", 2) == b"33"
    assert objects.read_ranges([Range("folder/2", 0, 2)]) == [b"22"]
    assert objects.exists("folder/2")
    assert objects.list("folder") == ["1", "2", "3"]
    other.delete(["folder/1"])
    assert objects.list("folder") == ["2", "3"]
    assert not objects.exists("folder/1")


def test_delete_passes_over_what_is_not_there(objects: ObjectStore) -> None:
    for name in ("a/1", "a/2", "b"):
        objects.write(name, [b"x"])
    objects.delete(["a/1", "gone", "no/such/folder", "a/1", "b/below-an-object"])
    objects.delete([])
    assert everything(objects) == {"a/2", "b"}
    objects.delete(name for name in ("a/2", "b"))
    assert everything(objects) == set()
    objects.sync()


def test_delete_all_leaves_the_neighbours(objects: ObjectStore, opener: Opener) -> None:
    for name in ("in/1", "in/deep/2", "inner", "in-the-same-breath/3"):
        objects.write(name, [b"x"])
    objects.below("in").delete_all()
    objects.below("in").delete_all()
    objects.sync()
    assert everything(opener()) == {"inner", "in-the-same-breath/3"}
    objects.write("in-the-same-breath/4", [b"more"])
    objects.sync()
    objects.delete_all()
    assert everything(opener()) == set()
    assert opener().list("") == []
    objects.create("in/1", b"again")
    assert opener().read("in/1") == b"again"


def test_below_is_the_same_place(objects: ObjectStore) -> None:
    inner = objects.below("a").below("b")
    inner.write("c/d", [b"x"])
    assert objects.read("a/b/c/d") == b"x"
    assert objects.below("a/b/c").read("d") == b"x"
    assert inner.list("") == ["c"]
    objects.create("a/b/e", b"y")
    with pytest.raises(FileExistsError):
        inner.create("e", b"z")
    assert inner.url == f"{objects.url}/a/b".replace("\\", "/")
    assert inner.is_local == objects.is_local
    with pytest.raises(FileNotFoundError):
        inner.read("a/b/e")


def test_a_closed_store_opens_again_by_itself(objects: ObjectStore) -> None:
    objects.write("a", [b"data"])
    assert objects.read_ranges([Range("a", 1, 3)]) == [b"at"]
    objects.close()
    objects.close()
    assert objects.read_ranges([Range("a", 1, 3)]) == [b"at"]
    objects.write("b", [b"more"])
    assert objects.list("") == ["a", "b"]
    objects.close()


def test_a_rewritten_object_is_read_anew(objects: ObjectStore) -> None:
    """An append that failed leaves a shard that its second attempt writes again, under the same name."""
    objects.write("shard", [b"first attempt"])
    assert objects.read_ranges([Range("shard", 0, 5)]) == [b"first"]
    objects.write("shard", [b"2nd"])
    assert objects.read_ranges([Range("shard", 0, 5)]) == [b"2nd"]
    assert objects.read_end("shard", 2) == b"nd"
    assert objects.size("shard") == 3


def test_many_threads_read_at_once(objects: ObjectStore) -> None:
    for number in range(6):
        objects.write(f"f/{number}", [bytes([number]) * 4096])

    def read(number: int) -> bool:
        part = Range(f"f/{number % 6}", number, number + 100)
        return objects.read_ranges([part, part]) == [bytes([number % 6]) * 100] * 2

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(200)))
