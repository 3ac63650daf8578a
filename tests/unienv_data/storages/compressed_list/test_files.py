"""Lists in folders: what a dump replaces, what happens to it, and what is found when it is damaged."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unienv_data.errors import (
    CorruptDataError,
    DatasetExistsError,
    DatasetNotFoundError,
    DocumentError,
    ReadOnlyError,
    SpaceError,
    UnsupportedVersionError,
)
from unienv_data.schema.document import encode_document
from unienv_data.storages import CompressedListStorage
from unienv_data.store.objects.local import LocalObjects
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace, DictSpace, TextSpace

Storage = CompressedListStorage[Any, Any, Any, Any, Any]
SPACE = DictSpace(B, {"image": BoxSpace(B, 0, 255, B.uint8, shape=(30, 30)), "task": TextSpace(B, 9)})


def filled(count: int = 5, capacity: int | None = 5) -> Storage:
    storage: Storage = CompressedListStorage(capacity)
    images = np.arange(count * 600, dtype=np.int16).reshape(count, 600)
    storage.set(range(count), {"image": images, "task": [f"task {number}" for number in range(count)]})
    return storage


def numbers(storage: Storage) -> list[int]:
    return [int(item["image"][0]) // 600 for item in storage]


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "list") if request.param == "local" else f"memory://{tmp_path}/list"


def test_a_dump_is_read_again(place: str) -> None:
    storage = filled()
    storage.dumps(place)
    other: Storage = CompressedListStorage(9)
    other.set(0, "something else")
    other.loads(place)
    assert numbers(other) == [0, 1, 2, 3, 4]
    assert other.get([1, 3])["task"] == ["task 1", "task 3"]
    assert other.bytes() == storage.bytes()
    other.set(5, storage.get(0))  # it goes on, in the layouts that are there
    assert numbers(other) == [0, 1, 2, 3, 4, 0]
    assert len(other._items.form.layouts) == 1
    for save, load in (("dump", "load"), ("save", "loads")):
        getattr(other, save)(place)
        third: Storage = CompressedListStorage(9)
        getattr(third, load)(place)
        assert numbers(third) == [0, 1, 2, 3, 4, 0]


def test_a_dump_replaces_an_earlier_one(tmp_path: Path) -> None:
    folder = tmp_path / "list"
    filled(5).dumps(folder)
    filled(2).dumps(folder)
    other: Storage = CompressedListStorage(5)
    other.loads(folder)
    assert numbers(other) == [0, 1]
    assert len(os.listdir(folder)) == 2


@pytest.mark.parametrize("where", ["write", "sync", "replace"])
def test_a_dump_that_fails_leaves_the_earlier_one(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any, **named: Any) -> None:
        raise OSError("no space left on device")

    filled(5).dumps(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(LocalObjects, where, fail)
        with pytest.raises(OSError, match="no space left"):
            filled(2).dumps(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_dump_takes_no_others_place(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(DatasetExistsError, match="no list of items"):
        filled().dumps(tmp_path)
    with pytest.raises(DatasetExistsError):
        filled().dumps(tmp_path / "mine")
    assert os.listdir(tmp_path) == ["mine"]
    with pytest.raises(DatasetNotFoundError):
        filled().loads(tmp_path / "nothing")


def test_what_does_not_go_together(tmp_path: Path) -> None:
    filled(5).dumps(tmp_path / "plain")
    spaced: Storage = CompressedListStorage.create(SPACE, capacity=3)
    spaced.set(1, {"image": np.full((30, 30), 3, np.uint8), "task": "push"})
    spaced.dumps(tmp_path / "spaced")
    for storage, name, expected in (
        (CompressedListStorage(4), "plain", "5 slots do not fit into 4"),
        (CompressedListStorage(5), "spaced", "have a space"),
        (spaced, "plain", "have no space"),
        (CompressedListStorage.create(TextSpace(B, 3), capacity=5), "spaced", "expected the stored space"),
        (CompressedListStorage.create(SPACE, capacity=2), "spaced", "3 slots do not fit into 2"),
    ):
        with pytest.raises(SpaceError, match=expected):
            storage.loads(tmp_path / name)
    with pytest.raises(SpaceError, match="stored capacity 3, got 4"):
        CompressedListStorage.load_from(tmp_path / "spaced", SPACE, capacity=4)
    larger: Storage = CompressedListStorage.create(SPACE, capacity=8)
    larger.loads(tmp_path / "spaced")
    assert len(larger) == 8
    assert [larger.contains(slot) for slot in range(8)] == [False, True] + [False] * 6
    assert larger.get(1)["task"] == "push"
    reader: Storage = CompressedListStorage.load_from(tmp_path / "spaced", SPACE)
    for change in (lambda: reader.loads(tmp_path / "spaced"), lambda: reader.load_state_dict({})):
        with pytest.raises(ReadOnlyError):
            change()


def test_every_damaged_byte_is_found(tmp_path: Path) -> None:
    filled(2).dumps(tmp_path)
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        for position in [*range(0, len(data), 7), len(data) - 1]:
            path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
            storage = filled(3)
            with pytest.raises((CorruptDataError, DocumentError, UnsupportedVersionError)) as caught:
                storage.loads(tmp_path)
            assert str(tmp_path) in str(caught.value)
            assert numbers(storage) == [0, 1, 2]
        for cut in (0, 1, len(data) // 2, len(data) - 1):
            path.write_bytes(data[:cut])
            with pytest.raises((CorruptDataError, DocumentError)):
                filled(3).loads(tmp_path)
        path.write_bytes(data)


def test_damage_is_named(tmp_path: Path) -> None:
    filled(5).dumps(tmp_path)
    (items,) = tmp_path.glob("items-*")
    data = bytearray(items.read_bytes())
    lengths = np.frombuffer(data, [("length", "<u8"), ("crc", "<u4")], 5, len(data) - 60)["length"]
    data[int(lengths[:3].sum()) + 9] ^= 255
    items.write_bytes(data)
    with pytest.raises(CorruptDataError, match=rf"{items.name}: the checksum of item 3"):
        filled().loads(tmp_path)
    items.unlink()
    with pytest.raises(CorruptDataError, match=rf"{items.name}: missing"):
        filled().loads(tmp_path)


def test_documents_that_are_another_s(tmp_path: Path) -> None:
    filled(1).dumps(tmp_path)
    path = tmp_path / "compressed_list.json"
    document = json.loads(path.read_bytes())
    path.write_bytes(encode_document({**document, "version": 2}))
    with pytest.raises(UnsupportedVersionError, match="format version 2"):
        filled().loads(tmp_path)
    path.write_bytes(encode_document({**document, "slots": -1, "codec": "pickle"}))
    with pytest.raises(DocumentError, match=r"codec.*slots"):
        filled().loads(tmp_path)
    for layout in (
        {"plan": {"leaf": 9}, "leaves": []},
        {"plan": {"list": [{"dict": []}]}, "leaves": []},
        {"plan": {}, "leaves": []},
    ):
        path.write_bytes(encode_document({**document, "layouts": [layout]}))
        with pytest.raises(CorruptDataError, match="layout"):
            filled().loads(tmp_path)
    path.write_bytes(encode_document({**document, "layouts": []}))
    storage = filled()
    storage.loads(tmp_path)
    with pytest.raises(CorruptDataError, match="item 0 is damaged"):
        storage.get(0)


def test_states_that_are_none() -> None:
    storage = filled(3)
    state = storage.state_dict()
    for change in (
        {"lengths": state["lengths"][:2]},
        {"lengths": -state["lengths"]},
        {"items": state["items"].astype(np.int64)},
        {"items": "text"},
        {"layouts": "{"},
        {"layouts": "[1]"},
        {"space": 3},
        {"lengths": np.array([0, 0, len(state["items"])])},
    ):
        with pytest.raises(CorruptDataError):
            storage.load_state_dict({**state, **change})
    with pytest.raises(CorruptDataError, match="codec, capacity"):
        storage.load_state_dict({})
    assert numbers(storage) == [0, 1, 2]
    state["items"][:] = 0  # what was given is the user's
    assert numbers(storage) == [0, 1, 2]


def test_items_that_are_damaged_in_memory_are_named() -> None:
    storage = filled(4)
    good = storage._items.all()[0][2] or b""
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(good)
        position = int(rng.integers(0, len(data)))
        data[position] ^= int(rng.integers(1, 256))
        storage._items.place([2], [bytes(data[: int(rng.integers(0, len(data) + 1))])])
        with contextlib.suppress(Exception):
            storage.get([1, 2])
            continue  # what is kept as it is has no checksum in memory
        with pytest.raises(CorruptDataError, match="item 2 is damaged"):
            storage.get([1, 2])
