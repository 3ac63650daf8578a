"""Buffers in memory: nothing is committed, nothing leaks, and `dumps` writes a dataset like any other."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import unienv_data
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import (
    ClosedError,
    CodecError,
    DatasetExistsError,
    PathError,
    SegmentError,
    SpaceError,
    SpaceValueError,
)
from unienv_data.store.logstore import LogStore
from unienv_data.store.memorystore import MemoryStore
from unienv_interface.backends.numpy import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace, DictSpace, TextSpace

SPACE = DictSpace(
    B,
    {
        "state": BoxSpace(B, -np.inf, np.inf, np.dtype("float32"), shape=(3,)),
        "task": TextSpace(B, 20),
    },
)


def rows(start: int, stop: int) -> dict[str, Any]:
    numbers = np.arange(start, stop)
    return {
        "state": numbers[:, None].repeat(3, axis=1).astype(np.float32),
        "task": np.array([f"task {number // 4}" for number in numbers], dtype=object),
    }


def row(number: int) -> dict[str, Any]:
    return {"state": np.full(3, number, np.float32), "task": f"task {number // 4}"}


def make(capacity: int | None = None, **options: Any) -> Any:
    return ReplayBuffer.create(ZarrStorage, SPACE, capacity=capacity, **options)


def numbers_of(buffer: Any) -> list[int]:
    value = buffer[:]
    numbers: list[int] = value["state"][:, 0].astype(int).tolist()
    assert value["task"].tolist() == [f"task {number // 4}" for number in numbers]
    return numbers


# Nothing to commit


def test_commits_are_not_missed() -> None:
    program = """
import sys
import numpy as np
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace

space = BoxSpace(B, 0, 255, B.uint8, shape=(2,))
buffer = ReplayBuffer.create(ZarrStorage, space, capacity=5, commit_interval=0.0)
for _ in range(4):
    buffer.append(np.ones(2, np.uint8))
    buffer.extend(np.ones((3, 2), np.uint8)) if not buffer.has_open_segment else None
    buffer.mark_segment_end()
buffer.commit(); buffer.seal(); buffer.compact(); buffer.refresh()
assert buffer.get_segments() == [(0, 1), (1, 2), (2, 3), (3, 4)], buffer.get_segments()
buffer.close()
assert "pyarrow" not in sys.modules and "fsspec" not in sys.modules, "needed for nothing of this"
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_the_storage_says_of_itself() -> None:
    buffer = make(capacity=4)
    buffer.extend(rows(0, 3))
    storage = buffer.storage
    assert isinstance(storage._store, MemoryStore)
    assert not storage.is_durable
    assert not storage.is_sealed
    assert storage.commit_number == 0
    assert storage.cache_filename is None
    with pytest.raises(SpaceError, match="dumps"):
        _ = storage.objects
    state, task = storage.describe()
    assert (state.name, state.codec, state.lossy, state.dtype, state.shape) == (
        "state",
        "none",
        False,
        "float32",
        (3,),
    )
    assert (state.raw_bytes, state.stored_bytes) == (48, 48)
    assert (task.kind, task.raw_bytes, task.stored_bytes) == ("text", 50, 50)


def test_a_url_of_memory_is_a_place_like_any_other() -> None:
    url = "memory://test-in-memory/a.zarr"
    with make(cache_path=url) as buffer:
        assert buffer.storage.is_durable
        assert isinstance(buffer.storage._store, LogStore)
        buffer.extend(rows(0, 3))
    with unienv_data.open(url) as again:
        assert numbers_of(again) == [0, 1, 2]


def test_options_are_checked_though_nothing_uses_them_yet() -> None:
    with pytest.raises(PathError, match="no column matches 'nope'"):
        make(codecs={"nope": "lz4"})
    with pytest.raises(CodecError):
        make(codecs={"state": "lz5"})
    with pytest.raises(SpaceError, match="rows, got 0"):
        make(shards={"task": 0})
    with pytest.raises(SpaceError, match="share"):
        make(multiprocessing=True)
    assert len(make(overwrite=True, storage_options={"anon": True}, commit_on_create=False)) == 0


def test_a_row_that_does_not_fit_changes_nothing() -> None:
    buffer = make()
    buffer.extend(rows(0, 3))
    for wrong in ({**row(3), "task": "x" * 21}, {**row(3), "state": np.zeros(4, np.float32)}, {"state": 0}):
        with pytest.raises(SpaceValueError):
            buffer.append(wrong)
        with pytest.raises(SpaceValueError):
            buffer[1] = wrong
    assert numbers_of(buffer) == [0, 1, 2]
    assert not buffer.has_open_segment


def test_what_is_read_is_the_readers() -> None:
    buffer = make()
    buffer.extend(rows(0, 3))
    for index in (slice(None), [0, 1, 2], 1):
        buffer[index]["state"][...] = 99
    taken = buffer[:]
    buffer[0] = row(7)
    assert taken["state"][0, 0] == 0
    assert numbers_of(buffer) == [7, 1, 2]


def test_a_closed_buffer_is_gone() -> None:
    with make() as buffer:
        buffer.extend(rows(0, 3))
    with pytest.raises(ClosedError):
        buffer.append(row(3))
    abandoned = make()
    abandoned.abandon()
    with pytest.raises(ClosedError):
        _ = abandoned[:]


# Nothing leaks


def test_a_ring_stays_as_large_as_it_is() -> None:
    space = BoxSpace(B, 0, 255, B.uint8, shape=(10_000,))
    tracemalloc.start()
    try:
        buffer: Any = ReplayBuffer.create(ZarrStorage, space, capacity=1000)
        value = np.zeros(10_000, np.uint8)
        for number in range(50_000):
            value[0] = number % 251
            buffer.append(value)
            if number % 10 == 9:
                buffer.mark_segment_end()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.2 * 10_000_000
    assert buffer[:][:, 0].tolist() == [number % 251 for number in range(49_000, 50_000)]


def test_episodes_that_a_ring_has_evicted_are_forgotten() -> None:
    buffer = make(capacity=30)
    bounds = [0]
    for number in range(3000):
        buffer.extend(rows(0, 1 + number % 3), episode={"number": number})
        bounds.append(bounds[-1] + 1 + number % 3)
        assert sum(stop - start for start, stop in buffer.get_segments()) == len(buffer)
    first = bounds[-1] - 30
    spans = [(max(a - first, 0), b - first) for a, b in pairwise(bounds) if b > first]
    assert buffer.get_segments() == spans
    table = buffer.episodes
    assert list(zip(table["start"].to_pylist(), table["length"].to_pylist(), strict=True)) == [
        (start, stop - start) for start, stop in spans
    ]
    assert table["number"].to_pylist() == [*range(3000 - len(spans), 3000)]
    assert len(buffer._episodes) <= 512


# Written down


def check_copy(buffer: Any, url: str, **facts: Any) -> None:
    with unienv_data.open(url, mode="r") as copied:
        assert numbers_of(copied) == numbers_of(buffer)
        assert copied.get_segments() == buffer.get_segments()
        assert copied.episodes.to_pylist() == buffer.episodes.to_pylist()
        assert copied.attributes == buffer.attributes
        assert (copied.capacity, copied.offset) == (buffer.capacity, buffer.offset)
        assert copied.storage.committed.sealed
        assert copied.storage.committed.released or not len(buffer)
        assert copied.storage.committed.tail is None
        for name, expected in facts.items():
            assert getattr(copied.storage, name) == expected


@pytest.mark.parametrize("place", ["folder", "memory"])
@pytest.mark.parametrize("capacity", [None, 10, 16])
def test_dumps(capacity: int | None, place: str, tmp_path: Path) -> None:
    url = f"memory://test-in-memory/{capacity}.zarr" if place == "memory" else str(tmp_path / "a.zarr")
    buffer = make(capacity, attributes={"robot": "arm"}, codecs={"state": "lz4"}, chunks={"state": 2})
    buffer.extend(rows(0, 6), episode={"success": True})
    buffer.extend(rows(6, 13), episode={"success": False})
    buffer.remove_at([7, 2])
    buffer.set_attributes({"robot": "two arms"})
    buffer.dumps(url)
    check_copy(buffer, url, is_sealed=True)
    with unienv_data.open(url) as copied:
        state = copied.storage.describe()[0]
        assert (state.codec, state.chunk_rows) == ("lz4", 2)
    with unienv_data.open(url, mode="a") as copied:  # goes on where the dump ended
        copied.extend(rows(13, 15))
        buffer.extend(rows(13, 15))
        assert numbers_of(copied) == numbers_of(buffer)


@pytest.mark.parametrize("capacity", [None, 10])
def test_dumps_of_nothing(capacity: int | None, tmp_path: Path) -> None:
    buffer = make(capacity)
    buffer.dumps(tmp_path / "a.zarr")
    check_copy(buffer, str(tmp_path / "a.zarr"))
    with unienv_data.open(tmp_path / "a.zarr", mode="a") as copied:
        assert len(copied) == 0
        copied.extend(rows(0, 2))
        assert numbers_of(copied) == [0, 1]


def test_others_read_a_dump(tmp_path: Path) -> None:
    buffer = make()
    buffer.extend(rows(0, 1000))
    buffer.dumps(tmp_path / "a.zarr")
    array: Any = zarr.open_group(tmp_path / "a.zarr" / "storage" / "columns", mode="r")["state"]
    np.testing.assert_array_equal(array[:], rows(0, 1000)["state"])


def test_rows_are_dumped_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unienv_data.store.memorystore._COPIED_BYTES", 1000)
    sizes: list[int] = []
    write = LogStore.set
    monkeypatch.setattr(LogStore, "set", lambda *given: (sizes.append(len(given[1])), write(*given))[1])
    buffer = make(1 << 20)
    buffer.extend(rows(0, 500))
    buffer.dumps(tmp_path / "a.zarr")
    assert sum(sizes) == 500  # the slots that were never written cost nothing
    assert max(sizes) < 50
    with unienv_data.open(tmp_path / "a.zarr") as copied:
        assert numbers_of(copied) == [*range(500)]


@pytest.mark.parametrize("where", ["set", "seal", "close"])
def test_a_dump_that_fails_leaves_nothing(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = make()
    buffer.extend(rows(0, 10), episode={"a": 1})

    def fail(*given: Any, **named: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(LogStore, where, fail)
        with pytest.raises(OSError, match="no space left"):
            buffer.dumps(tmp_path / "a.zarr")
    assert not os.path.exists(tmp_path / "a.zarr")
    buffer.dumps(tmp_path / "a.zarr")
    check_copy(buffer, str(tmp_path / "a.zarr"))


def test_dumps_takes_no_others_place(tmp_path: Path) -> None:
    buffer = make()
    buffer.append(row(0))
    with pytest.raises(SegmentError, match="mark_segment_end"):
        buffer.dumps(tmp_path / "a.zarr")
    buffer.mark_segment_end()
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "mine").write_text("mine")
    with pytest.raises(DatasetExistsError):
        buffer.dumps(tmp_path / "a.zarr")
    assert os.listdir(tmp_path / "a.zarr") == ["mine"]


def test_a_storage_alone_is_dumped_too(tmp_path: Path) -> None:
    storage: Any = ZarrStorage.create(SPACE, capacity=None, attributes={"by": "hand"})
    storage.extend_length(5)
    storage.set([1, 3], rows(0, 2))
    storage.dumps(tmp_path / "a.zarr")
    copied: Any = ZarrStorage.load_from(tmp_path / "a.zarr", SPACE)
    value = copied.get(...)
    assert value["state"][:, 0].tolist() == [0, 0, 0, 1, 0]
    assert value["task"].tolist() == ["", "task 0", "", "task 0", ""]
    assert copied.committed.attributes == {"by": "hand"}
