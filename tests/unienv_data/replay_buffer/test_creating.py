"""Where datasets are made, what is never overwritten, and what a failed creation leaves: nothing."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import (
    CodecError,
    DatasetExistsError,
    DocumentError,
    PathError,
    ReadOnlyError,
    SpaceError,
    WriterLockedError,
)
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace, DictSpace

SPACE = BoxSpace(B, 0, 255, B.uint8, shape=(2,))
OTHER = DictSpace(B, {"a": SPACE})
ROWS = np.arange(6, dtype=np.uint8).reshape(3, 2)


def create(path: Any, space: Any = SPACE, **options: Any) -> Any:
    return ReplayBuffer.create(ZarrStorage, space, cache_path=path, **options)


def make_dataset(path: Any) -> None:
    with create(path) as buffer:
        buffer.extend(ROWS)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "d.zarr") if request.param == "local" else f"memory://{tmp_path}/d.zarr"


def exists(place: str) -> bool:
    if place.startswith("memory://"):
        return bool(fsspec.filesystem("memory").exists(place))
    return os.path.exists(place)


def test_a_new_buffer_is_empty_and_loadable(place: str) -> None:
    buffer = create(place, capacity=None)
    assert (len(buffer), buffer.count, buffer.offset, buffer.capacity) == (0, 0, 0, None)
    assert buffer.get_segments() == []
    assert buffer.maintain_segment_metadata
    assert not buffer.has_open_segment
    assert buffer.cache_path == place
    assert buffer.storage_path_relative == "storage"
    assert not buffer.is_multiprocessing_safe
    assert ReplayBuffer.get_length_from_path(place) == 0
    buffer.close()


def test_creating_where_a_dataset_stands_is_refused(place: str) -> None:
    make_dataset(place)
    for attempt in (create, lambda path: ZarrStorage.create(SPACE, capacity=None, cache_path=path)):
        with pytest.raises(FileExistsError, match="overwrite=True"):
            attempt(place)
    assert ReplayBuffer.load_from(place)[:].tolist() == ROWS.tolist()


def test_overwriting_replaces_the_dataset(place: str) -> None:
    make_dataset(place)
    before = ReplayBuffer.load_from(place).storage.committed.uuid  # type: ignore[attr-defined]
    with create(place, OTHER, capacity=4, overwrite=True) as buffer:
        assert (len(buffer), buffer.capacity) == (0, 4)
        buffer.extend({"a": ROWS})
    loaded = ReplayBuffer.load_from(place)
    assert loaded.single_space == OTHER
    assert loaded[:]["a"].tolist() == ROWS.tolist()
    assert loaded.storage.committed.uuid != before  # type: ignore[attr-defined]


def test_overwriting_nothing_is_creating(place: str, tmp_path: Path) -> None:
    create(place, overwrite=True).close()
    (tmp_path / "empty").mkdir()
    create(tmp_path / "empty", overwrite=True).close()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_foreign_folder_is_never_overwritten(overwrite: bool, tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    (folder / "storage").mkdir(parents=True)
    (folder / "storage" / "chapter.tex").write_text("1")
    (folder / "metadata.json").write_text("{}")
    before = snapshot(folder)
    with pytest.raises(FileExistsError):
        create(folder, overwrite=overwrite)
    assert snapshot(folder) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_is_never_overwritten(overwrite: bool, tmp_path: Path) -> None:
    file = tmp_path / "d.zarr"
    file.write_text("precious")
    with pytest.raises(OSError, match=r"d\.zarr"):
        create(file, overwrite=overwrite)
    assert file.read_text() == "precious"
    fsspec.filesystem("memory").pipe_file(str(file), b"precious")
    with pytest.raises(OSError, match=r"d\.zarr"):
        create(f"memory://{file}", overwrite=overwrite)
    assert fsspec.filesystem("memory").cat_file(str(file)) == b"precious"


def test_a_damaged_dataset_is_one_that_can_be_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "d.zarr"
    make_dataset(path)
    for commit in (path / "storage" / "commits").iterdir():
        commit.write_bytes(b"torn")
    with pytest.raises(DatasetExistsError):
        create(path)
    create(path, overwrite=True).close()
    assert ReplayBuffer.get_length_from_path(path) == 0


def test_a_creation_that_was_cut_short_can_be_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "d.zarr"
    create(path, commit_on_create=False).abandon()
    assert path.exists()
    assert ReplayBuffer.get_length_from_path(path) is None
    create(path, overwrite=True).close()


def test_what_is_being_written_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "d.zarr"
    writer = create(path)
    writer.extend(ROWS)
    with pytest.raises(WriterLockedError, match=f"process {os.getpid()}"):
        create(path, overwrite=True)
    writer.extend(ROWS)
    writer.close()
    assert len(ReplayBuffer.load_from(path)) == 6


def bad_creations() -> dict[str, tuple[dict[str, Any], type[Exception]]]:
    return {
        "no such column": ({"codecs": {"nope": "lz4"}}, PathError),
        "no such codec": ({"codecs": {"*": "nope"}}, CodecError),
        "no chunk": ({"chunks": {"nope": 1}}, PathError),
        "attributes": ({"attributes": {"a": object()}}, DocumentError),
        "unknown argument": ({"colour": "red"}, SpaceError),
        "no capacity": ({"capacity": 0}, SpaceError),
        "negative": ({"capacity": -3}, SpaceError),
    }


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("case", bad_creations())
def test_a_creation_that_fails_leaves_everything_as_it_was(case: str, overwrite: bool, place: str) -> None:
    options, error = bad_creations()[case]
    with pytest.raises(error):
        create(place, overwrite=overwrite, **options)
    assert not exists(place)
    make_dataset(place)
    with pytest.raises((error, DatasetExistsError)):
        create(place, overwrite=overwrite, **options)
    assert ReplayBuffer.load_from(place)[:].tolist() == ROWS.tolist()


def test_a_creation_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("unienv_data.store.commits.CommitLog.publish", fail)
        with pytest.raises(OSError, match="No space left"):
            create(tmp_path / "d.zarr")
    assert not (tmp_path / "d.zarr").exists()
    create(tmp_path / "d.zarr").close()


# Attributes


def test_attributes_come_back_as_they_were_given(place: str) -> None:
    given = {"fps": 30, "names": ("x", "y"), "deep": {"nothing": None, "half": 0.5, "yes": True}, "é😀": "ü"}
    stored = {**given, "names": ["x", "y"]}
    with create(place, attributes=given) as buffer:
        assert buffer.attributes == stored
    assert ReplayBuffer.load_from(place).attributes == stored


def test_attributes_are_not_shared_with_the_caller(place: str) -> None:
    given = {"deep": {"names": ["x"]}}
    with create(place, attributes=given) as buffer:
        given["deep"]["names"].append("y")
        buffer.attributes["deep"]["names"].append("z")
        assert buffer.attributes == {"deep": {"names": ["x"]}}
        changed = buffer.attributes
        changed["deep"]["names"].append("w")
        buffer.set_attributes(changed)
    assert ReplayBuffer.load_from(place).attributes == {"deep": {"names": ["x", "w"]}}


@pytest.mark.parametrize(
    ("attributes", "problems"),
    [
        ({"a": math.nan, "b": [1, {"c": math.inf}]}, ["$.a: nan", "$.b[1].c: inf"]),
        ({"a": np.int64(1), "b": np.zeros(2), "c": {1}}, ["$.a: int64", "$.b: ndarray", "$.c: set"]),
        ({"a": {1: 2}}, ["$.a: expected names that are text, got 1"]),
        ({"a": "\ud800"}, ["$.a: '\\ud800'"]),
        ({"a": "x" * 600_000}, ["$: expected at most 524,288 bytes"]),
        ([1], ["$: expected a mapping"]),
    ],
)
def test_what_is_no_json_is_refused_with_every_problem(
    attributes: Any, problems: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "d.zarr"
    with pytest.raises(DocumentError) as caught:
        create(path, attributes=attributes)
    assert [found.startswith(told) for found, told in zip(caught.value.problems, problems, strict=True)]
    assert all(found.startswith(told) for found, told in zip(caught.value.problems, problems, strict=True))
    assert not path.exists()
    with create(path, attributes={"kept": 1}) as buffer:
        with pytest.raises(DocumentError):
            buffer.set_attributes(attributes)
        buffer.extend(ROWS)
    loaded = ReplayBuffer.load_from(path)
    assert (loaded.attributes, len(loaded)) == ({"kept": 1}, 3)
    with pytest.raises(ReadOnlyError):
        loaded.set_attributes({})


def test_attributes_alone_are_worth_a_commit(place: str) -> None:
    with create(place) as buffer:
        buffer.set_attributes({"a": 1})
        buffer.commit()
        assert ReplayBuffer.load_from(place).attributes == {"a": 1}
        number = buffer.storage.commit_number
        buffer.commit()
        assert buffer.storage.commit_number == number


# The constructor


def storage_of(rows: int, capacity: int | None = None) -> Any:
    storage = ZarrStorage.create(SPACE, capacity=capacity, attributes={"kept": 1})
    if capacity is None:
        storage.extend_length(rows)
    storage.set(range(rows), np.repeat(np.arange(rows, dtype=np.uint8)[:, None], 2, axis=1))
    return storage


def contents(buffer: Any) -> list[int]:
    return [int(row[0]) for row in buffer]


def test_over_a_storage_that_holds_rows() -> None:
    buffer = ReplayBuffer(storage_of(5), "storage", 5, physical_segments=[(0, 1), (2, 4)])
    assert contents(buffer) == [0, 1, 2, 3, 4]
    assert buffer.get_segments() == [(0, 2), (2, 5)]
    assert buffer.attributes == {"kept": 1}
    buffer.append(ROWS[0])
    assert len(buffer) == 6


def test_over_a_ring_segments_are_in_order_of_age() -> None:
    buffer = ReplayBuffer(
        storage_of(6, 6),
        "storage",
        count=6,
        offset=4,
        physical_segments=[(0, 0), (1, 3), (4, 5)],
    )
    assert contents(buffer) == [4, 5, 0, 1, 2, 3]
    assert buffer.get_segments() == [(0, 2), (2, 3), (3, 6)]
    wrapped = ReplayBuffer(storage_of(6, 6), "", 5, 4, physical_segments=[(5, 1)])
    assert contents(wrapped) == [4, 5, 0, 1, 2]
    assert wrapped.get_segments() == [(1, 4)]


def test_an_open_segment_is_gone_on_with() -> None:
    buffer = ReplayBuffer(
        storage_of(5, 8),
        "storage",
        5,
        physical_segments=[(0, 1)],
        active_segment_start_physical=2,
        active_segment_length=3,
    )
    assert buffer.has_open_segment
    buffer.append(ROWS[0])
    buffer.mark_segment_end()
    assert buffer.get_segments() == [(0, 2), (2, 6)]


def test_segments_are_kept_where_asked_for() -> None:
    assert ReplayBuffer(storage_of(0), "").get_segments() == []
    without = ReplayBuffer(storage_of(0), "", maintain_segment_metadata=False)
    without.extend(ROWS)
    assert without.get_segments() is None
    assert not without.maintain_segment_metadata
    with pytest.raises(RuntimeError, match="segments are not kept"):
        without.extend(ROWS, episode={"task": "push"})
    without.append(ROWS[0])
    with pytest.raises(RuntimeError, match="segments are not kept"):
        without.mark_segment_end({"task": "push"})
    without.mark_segment_end()
    assert len(without) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        {"count": -1},
        {"count": 6},
        {"count": 2.5},
        {"offset": -1},
        {"count": 2, "offset": 4},
        {"count": 5, "active_segment_length": 6},
        {"count": 5, "active_segment_length": -1},
        {"count": 5, "active_segment_start_physical": 1, "active_segment_length": 2},
        {"count": 5, "physical_segments": [(0, 5)]},
        {"count": 5, "physical_segments": [(-1, 2)]},
        {"count": 5, "physical_segments": [(0, 2), (2, 4)]},
        {"count": 3, "physical_segments": [(2, 3)]},
        {"count": 5, "physical_segments": [(3, 4)], "active_segment_length": 1},
    ],
    ids=str,
)
def test_a_state_that_the_storage_does_not_hold_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(SpaceError):
        ReplayBuffer(storage_of(5), "", **arguments)


def test_options_of_the_storage_reach_it(tmp_path: Path) -> None:
    with create(tmp_path / "d", codecs={"value": "lz4"}, chunks={"value": 4}, shards={"value": 16}) as buffer:
        buffer.extend(ROWS)
        (column,) = buffer.storage.describe()
        assert (column.name, column.chunk_rows, column.shard_rows, column.lossy) == ("value", 4, 16, False)
        assert "lz4" in column.codec


LOADS: list[Callable[[Any], Any]] = [
    ReplayBuffer.load_from,
    lambda path: __import__("unienv_data").open(path),
]


@pytest.mark.parametrize("load", LOADS)
def test_nothing_to_load_is_said(load: Callable[[Any], Any], place: str) -> None:
    with pytest.raises(FileNotFoundError, match="no dataset stands there"):
        load(place)
    assert not exists(place)
