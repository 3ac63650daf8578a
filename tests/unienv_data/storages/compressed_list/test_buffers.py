"""Buffers over compressed lists: dumped, opened again, sent to processes; and over storages of others."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest

import unienv_data
from unienv_data import ReplayBuffer, SpaceStorage
from unienv_data.errors import (
    CorruptDataError,
    DatasetExistsError,
    DatasetNotFoundError,
    SegmentError,
    SpaceError,
    StaleCommitError,
)
from unienv_data.indexing import resolve_index
from unienv_data.schema.document import encode_document
from unienv_data.storages import CompressedListStorage, registry
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace, DictSpace, TextSpace

SPACE = DictSpace(
    B,
    {
        "image": BoxSpace(B, 0, 255, B.uint8, shape=(30, 30)),
        "task": TextSpace(B, 9),
        "n": BoxSpace(B, 0, 999, B.int32, shape=()),
    },
)


def rows(start: int, stop: int) -> dict[str, Any]:
    n = np.arange(start, stop, dtype=np.int32)
    images = np.repeat(n % 256, 900).astype(np.uint8).reshape(-1, 30, 30)
    return {"image": images, "task": np.array([f"task {i}" for i in n], dtype=object), "n": n}


def make(capacity: int | None = None, **options: Any) -> Any:
    options = {"maintain_segment_metadata": True, **options}
    return ReplayBuffer.create(CompressedListStorage, SPACE, capacity=capacity, **options)


def numbers(buffer: Any) -> list[int]:
    value = buffer[:]
    found: list[int] = value["n"].tolist()
    assert value["task"].tolist() == [f"task {n}" for n in found]
    assert value["image"][:, 3, 4].tolist() == [n % 256 for n in found]
    return found


@pytest.mark.parametrize("place", ["folder", "memory"])
@pytest.mark.parametrize("capacity", [None, 10])
def test_everything_is_dumped(capacity: int | None, place: str, tmp_path: Path) -> None:
    url = f"memory://{tmp_path}/a" if place == "memory" else str(tmp_path / "a")
    buffer = make(capacity, attributes={"robot": "arm"})
    buffer.extend(rows(0, 6), episode={"success": True, "task": "push"})
    buffer.extend(rows(6, 13), episode={"success": False})
    buffer.remove_at([7, 2])
    buffer.dumps(url)
    with unienv_data.open(url) as copied:
        assert isinstance(copied.storage, CompressedListStorage)
        assert numbers(copied) == numbers(buffer)
        assert copied.get_segments() == buffer.get_segments()
        assert copied.episodes.equals(buffer.episodes)
        assert copied.attributes == {"robot": "arm"}
        assert (copied.capacity, copied.offset) == (buffer.capacity, buffer.offset)
        assert copied.storage.bytes() == buffer.storage.bytes() < 13 * 100
    assert ReplayBuffer.is_loadable_from(url)
    assert ReplayBuffer.get_length_from_path(url) == len(buffer)
    assert ReplayBuffer.get_capacity_from_path(url) == capacity
    assert ReplayBuffer.get_space_from_path(url) == SPACE
    with unienv_data.open(url, mode="a") as copied:  # goes on in memory
        for each in (copied, buffer):
            each.extend(rows(20, 23), episode={"success": True})
            each[0] = {key: value[0] for key, value in rows(50, 51).items()}
        assert numbers(copied) == numbers(buffer)
        assert copied.episodes.equals(buffer.episodes)
        copied.dumps(url + "-2")
    with unienv_data.open(url + "-2") as again, unienv_data.open(url) as first:
        assert numbers(again) == numbers(buffer)
        assert again.episodes.equals(buffer.episodes)
        assert len(first) != len(again)


def test_many_removed_ranges(tmp_path: Path) -> None:
    buffer = make()
    buffer.extend(rows(0, 400))
    buffer.remove_at(range(0, 400, 2))
    buffer.dumps(tmp_path / "a")
    with unienv_data.open(tmp_path / "a") as copied:
        assert numbers(copied) == list(range(1, 400, 2))
        assert copied.get_segments() == [(0, 200)]


def test_dumps_takes_no_others_place(tmp_path: Path) -> None:
    buffer = make()
    buffer.append({key: value[0] for key, value in rows(0, 1).items()})
    with pytest.raises(SegmentError):
        buffer.dumps(tmp_path / "a")
    buffer.mark_segment_end()
    buffer.dumps(tmp_path / "a")
    with pytest.raises(DatasetExistsError):
        buffer.dumps(tmp_path / "a")
    with pytest.raises(DatasetNotFoundError):
        unienv_data.open(tmp_path / "b")
    with pytest.raises(StaleCommitError):
        unienv_data.open(tmp_path / "a", commit=3)
    with unienv_data.open(tmp_path / "a", commit=0) as copied:
        assert numbers(copied) == [0]


def test_a_dump_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = make()
    buffer.extend(rows(0, 5))

    def fail(*given: Any, **named: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("unienv_data.store.commits.CommitLog.publish", fail)
        with pytest.raises(OSError, match="no space left"):
            buffer.dumps(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    buffer.dumps(tmp_path / "a")


def test_a_dump_whose_parts_do_not_go_together(tmp_path: Path) -> None:
    buffer = make()
    buffer.extend(rows(0, 5))
    buffer.dumps(tmp_path / "a")
    for path in ("metadata.json", "storage/commits/00000000000000000000.json"):
        document = json.loads((tmp_path / "a" / path).read_bytes())
        (tmp_path / "a" / path).write_bytes(encode_document({**document, "length": 6}))
    with pytest.raises(CorruptDataError, match="expected 6 slots, its storage has 5"):
        unienv_data.open(tmp_path / "a")


def test_custom_functions_are_brought_by_who_opens(tmp_path: Path) -> None:
    functions = {"compression_fn": np.ndarray.tobytes, "decompression_fn": bytes}
    buffer = make(**functions)
    buffer.extend(rows(0, 3))
    buffer.dumps(tmp_path / "a")
    with pytest.raises(SpaceError, match="with its functions"):
        unienv_data.open(tmp_path / "a")
    with unienv_data.open(tmp_path / "a", **functions) as copied:
        assert numbers(copied) == [0, 1, 2]
        assert numbers(pickle.loads(pickle.dumps(copied))) == [0, 1, 2]


def test_readers_travel_and_writers_do_not(tmp_path: Path) -> None:
    buffer = make()
    buffer.extend(rows(0, 3))
    buffer.dumps(tmp_path / "a")
    here = os.getcwd()
    try:
        os.chdir(tmp_path)
        reader = unienv_data.open("a")
    finally:
        os.chdir(here)
    assert numbers(pickle.loads(pickle.dumps(reader))) == [0, 1, 2]
    for writer in (buffer, unienv_data.open(tmp_path / "a", mode="a")):
        with pytest.raises(TypeError, match="in memory"):
            pickle.dumps(writer)


def test_what_needs_a_place_is_refused() -> None:
    for options in ({"cache_path": "somewhere"}, {"multiprocessing": True}):
        with pytest.raises(SpaceError):
            make(**options)
    with pytest.raises(SpaceError, match="1 slot or None"):
        make(capacity=0)


def test_parts_are_read_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = make()
    buffer.extend(rows(0, 50))
    seen: list[str] = []
    decompress = unienv_data.storages.compressed_list.compression.Compression.decompress
    monkeypatch.setattr(
        unienv_data.storages.compressed_list.compression.Compression,
        "decompress",
        lambda self, data, leaf, *rest: (seen.append(leaf.path), decompress(self, data, leaf, *rest))[1],
    )
    assert buffer.get_column(["n"])[[3, 1]].tolist() == [3, 1]
    assert buffer.get_column("task")[7] == "task 7"
    assert "image" not in seen
    assert buffer.get_column("image")[4].max() == 4
    assert seen == ["image"]


def test_numpy_needs_no_torch() -> None:
    program = """
import sys
import numpy as np
from unienv_data import ReplayBuffer
from unienv_data.storages import CompressedListStorage
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace

buffer = ReplayBuffer.create(CompressedListStorage, BoxSpace(B, 0, 255, B.uint8, shape=(2,)), capacity=5)
buffer.extend(np.ones((3, 2), np.uint8))
storage = CompressedListStorage(3)
storage.set(0, {"a": np.ones(3), "b": "text"})
assert storage.get(0)["b"] == "text" and buffer[0].tolist() == [1, 1]
import unienv_data.integrations
assert not {"torch", "tensordict", "torchrl", "jax", "zarr", "pyarrow"} & {*sys.modules}, "not needed"
"""
    subprocess.run([sys.executable, "-c", program], check=True)


class Pages(SpaceStorage[Any, Any, Any, Any, Any]):
    """Somebody's storage, which keeps numbers in one file."""

    kind: ClassVar[str | None] = "pages"
    single_file_ext = ".npy"

    def __init__(self, space: Any, capacity: int) -> None:
        super().__init__(space)
        self.capacity = capacity
        self.numbers = np.zeros(capacity, np.int32)

    @classmethod
    def create(cls, single_instance_space: Any, *args: Any, capacity: int | None, **kwargs: Any) -> Self:
        return cls(single_instance_space, capacity or 4)

    @classmethod
    def load_from(
        cls,
        path: Any,
        single_instance_space: Any,
        *,
        capacity: int | None = None,
        read_only: bool = True,
        **kwargs: Any,
    ) -> Self:
        found = cls(single_instance_space, capacity or 4)
        found.numbers = np.load(path)
        found.is_mutable = not read_only
        return found

    def get(self, index: Any) -> Any:
        slots = resolve_index(index, 4)
        return self.numbers[slots.rows[0]] if slots.is_scalar else self.numbers[np.asarray(slots.rows, int)]

    def set(self, index: Any, value: Any) -> None:
        self.numbers[np.asarray(resolve_index(index, 4).rows, int)] = value

    def dumps(self, path: Any) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        np.save(path, self.numbers)


def test_somebody_s_storage_is_dumped_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = BoxSpace(B, 0, 99, B.int32, shape=())
    buffer = ReplayBuffer.create(Pages, space, capacity=4, maintain_segment_metadata=True)
    buffer.extend(np.arange(4, dtype=np.int32))
    buffer.extend(np.arange(4, 6, dtype=np.int32))
    buffer.dumps(tmp_path / "a")
    assert sorted(os.listdir(tmp_path / "a")) == ["episodes", "metadata.json", "storage", "storage.npy"]
    monkeypatch.setitem(registry._BUILT_IN, "pages", f"{__name__}:Pages")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Pages.__module__])
    with unienv_data.open(tmp_path / "a") as copied:
        assert copied[:].tolist() == [2, 3, 4, 5]
        assert (copied.offset, copied.get_segments()) == (2, [(0, 2), (2, 4)])
    monkeypatch.setattr(Pages, "kind", None)
    with pytest.raises(SpaceError, match="`kind`"):
        buffer.dumps(tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_what_a_dataset_holds(tmp_path: Path) -> None:
    buffer = make(9)
    buffer.extend(rows(0, 6))
    buffer.dumps(tmp_path / "a")
    with unienv_data.open(tmp_path / "a") as copied:
        facts = unienv_data.describe_dataset(copied, "a")
        assert (facts.rows, facts.episode_lengths, facts.commit, facts.sealed) == (6, (1, 6, 6), 0, False)
        image, n, task = facts.columns
        assert (image.name, image.codec, image.raw_bytes, image.kind) == ("image", "zstd", 6 * 900, "box")
        assert (n.name, n.dtype, n.raw_bytes) == ("n", "int32", 24)
        assert (task.name, task.raw_bytes) == ("task", 6 * 6)
        assert 0 < facts.stored_bytes < copied.storage.bytes()
        assert image.stored_bytes < 6 * 60
    plain: Any = CompressedListStorage(3)
    assert plain.describe() == ()
