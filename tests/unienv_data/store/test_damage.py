"""Whatever happens to a file that a commit refers to: an error that names it, never other rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unienv_data.store import rowmodel
from tests.unienv_data.store.rowmodel import append, check, commit, create, reopen
from unienv_data.errors import CorruptDataError, DatasetError
from unienv_data.store.objects import MemoryObjects, ObjectStore
from unienv_data.store.objects.local import LocalObjects
from unienv_data.store.shard import TAG_BYTES, index_bytes

tiny_values: Any = rowmodel.tiny_values
pytestmark = pytest.mark.usefixtures("tiny_values")

COUNT = 61


@pytest.fixture(params=["memory", "local"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return MemoryObjects() if request.param == "memory" else LocalObjects(tmp_path / "x")


@pytest.fixture
def whole(root: ObjectStore) -> ObjectStore:
    """The storage of COUNT rows, with full shards and a tail."""
    store = create(root)
    append(store, range(COUNT))
    assert commit(store).tail is not None
    store.abandon()
    return root.below(rowmodel.PATH)


def shard_of(column: str, number: int) -> str:
    axes = {"group/number": 1, "frame": 2, "flag": 0, "text/index": 1, "ragged/index": 1}.get(column, 0)
    return f"columns/{column}/" + ".".join(["c", str(number), *"0" * axes])


SHARDS = {
    "group/number": (4, 2),  # rows in a shard, chunks in a shard
    "frame": (8, 8),
    "flag": (4, 1),
    "text/index": (4, 2),
    "ragged/index": (2, 2),
}


def flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]


DAMAGES: dict[str, Callable[[bytes, int], bytes | None]] = {
    "missing": lambda data, chunks: None,
    "empty": lambda data, chunks: b"",
    "cut by a byte": lambda data, chunks: data[:-1],
    "cut in the middle": lambda data, chunks: data[: len(data) // 2],
    "cut in its tag": lambda data, chunks: data[: len(data) - index_bytes(chunks) - TAG_BYTES // 2],
    "longer": lambda data, chunks: data + b"\0" * 5,
    "a flip in a chunk": lambda data, chunks: flip(data, 3),
    "a flip in the tag": lambda data, chunks: flip(data, len(data) - index_bytes(chunks) - 5),
    "a flip in the index": lambda data, chunks: flip(data, len(data) - 7),
    "zeros": lambda data, chunks: bytes(len(data)),
}


def damage(objects: ObjectStore, name: str, data: bytes | None) -> None:
    if data is None:
        objects.delete([name])
    else:
        objects.replace(name, data)


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("column", SHARDS)
def test_damaged_shards(root: ObjectStore, whole: ObjectStore, column: str, kind: str) -> None:
    rows, chunks = SHARDS[column]
    shard = 1
    name = shard_of(column, shard)
    damage(whole, name, DAMAGES[kind](whole.read(name), chunks))
    reader = reopen(root, writable=False)
    wanted = column.removesuffix("/index")
    with pytest.raises(CorruptDataError) as caught:
        reader.get(range(shard * rows, shard * rows + 1), [wanted])
    assert Path(name).name in str(caught.value)
    assert column in str(caught.value).replace("\\", "/")
    with pytest.raises(CorruptDataError):
        reader.get(range(COUNT), rowmodel.NAMES)
    # What stands elsewhere is as it was.
    rest = [other for other in rowmodel.NAMES if other != wanted]
    rowmodel.check_rows(reader.get(range(COUNT), rest), range(COUNT))
    later = range((shard + 1) * rows, COUNT)
    rowmodel.check_rows(reader.get(later, [wanted]), later)


@pytest.mark.parametrize("column", SHARDS)
def test_a_shard_in_anothers_place(root: ObjectStore, whole: ObjectStore, column: str) -> None:
    rows, _ = SHARDS[column]
    mine = whole.read(shard_of(column, 1))
    other = MemoryObjects()
    theirs = create(other)
    append(theirs, range(COUNT))
    commit(theirs)
    strangers = [whole.read(shard_of(column, 2)), other.below(rowmodel.PATH).read(shard_of(column, 1))]
    for stranger in strangers:
        assert stranger != mine
        whole.replace(shard_of(column, 1), stranger)
        with pytest.raises(CorruptDataError, match=r"this is shard .* of array .* of dataset"):
            reopen(root, writable=False).get(range(rows, rows + 1), [column.removesuffix("/index")])
    whole.replace(shard_of(column, 1), mine)
    check(reopen(root, writable=False), range(COUNT))


def test_every_flipped_byte_of_a_shard_is_seen(root: ObjectStore, whole: ObjectStore) -> None:
    name = shard_of("group/number", 1)
    data = whole.read(name)
    for position in range(0, len(data), 3):
        whole.replace(name, flip(data, position))
        with pytest.raises(CorruptDataError, match=r"c\.1\.0"):
            reopen(root, writable=False).get(range(4, 8), ["group/number"])


@pytest.mark.parametrize(
    "kind", ["missing", "empty", "cut by a byte", "cut in the middle", "zeros", "many bytes"]
)
def test_damaged_tails(root: ObjectStore, whole: ObjectStore, kind: str) -> None:
    tail = rowmodel.newest(root).tail
    assert tail is not None
    data = whole.read(tail.object)
    positions = range(0, len(data), 13)
    damaged = [DAMAGES[kind](data, 1)] if kind in DAMAGES else [flip(data, i) for i in positions]
    for wrong in damaged:
        damage(whole, tail.object, wrong)
        reader = reopen(root, writable=False)
        with pytest.raises(CorruptDataError) as caught:
            reader.get(range(COUNT), rowmodel.NAMES)
        assert Path(tail.object).name in str(caught.value)
        rowmodel.check_rows(reader.get(range(8), rowmodel.NAMES), range(8))


def test_damaged_values_of_a_text(root: ObjectStore, whole: ObjectStore) -> None:
    for number in (0, 2):
        name = shard_of("text/values", number)
        data = whole.read(name)
        for wrong in (None, data[:-1], flip(data, 0)):
            damage(whole, name, wrong)
            with pytest.raises(CorruptDataError, match=rf"c\.{number}\b"):
                reopen(root, writable=False).get(range(COUNT), ["text"])
        whole.replace(name, data)
    check(reopen(root, writable=False), range(COUNT))


@pytest.mark.parametrize("kind", ["missing", "cut in the middle", "zeros", "a flip in a chunk"])
def test_a_writer_that_cannot_read_the_tail_writes_nothing(
    root: ObjectStore, whole: ObjectStore, kind: str
) -> None:
    tail = rowmodel.newest(root).tail
    assert tail is not None
    data = whole.read(tail.object)
    wrong = flip(data, len(data) - 9) if kind == "a flip in a chunk" else DAMAGES[kind](data, 1)
    damage(whole, tail.object, wrong)
    number = rowmodel.newest(root).number
    store = reopen(root, writable=True)
    for _ in range(2):
        with pytest.raises(CorruptDataError):
            append(store, range(COUNT, COUNT + 5))
    assert store.length == COUNT
    store.close(store.commit_read.buffer)
    assert rowmodel.newest(root).number == number
    damage(whole, tail.object, data)
    store = reopen(root, writable=True)
    append(store, range(COUNT, COUNT + 5))
    check(store, range(COUNT + 5))
    store.abandon()


def test_a_damaged_newest_commit_is_told(root: ObjectStore, whole: ObjectStore) -> None:
    name = f"commits/{rowmodel.newest(root).number:020d}.json"
    data = whole.read(name)
    for wrong in (
        b"",
        data[:-1],
        data.replace(b'"number":', b'"nombre":'),
        b"[]",
        b"\xff" * 30,
        b"[" * 100_000,
    ):
        whole.replace(name, wrong)
        with pytest.raises((DatasetError, ValueError)) as caught:
            rowmodel.newest(root)
        assert Path(name).name in str(caught.value)
