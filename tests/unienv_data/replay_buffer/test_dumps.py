"""Copies of buffers: from anywhere to anywhere, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import SegmentError
from unienv_data.testing import BufferModel, BufferPlace, InMemory, LocalFolder, MemoryUrl
from unienv_data.testing.bad_values import checked_space, good_row
from unienv_data.testing.checking import check_equal
from unienv_data.testing.suite import batch_of
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.backends import load_backend

SPACE = checked_space(B)
PLACES = [LocalFolder(), MemoryUrl(), InMemory()]
TARGETS = [LocalFolder(), MemoryUrl()]


def named(place: BufferPlace) -> str:
    return type(place).__name__


def filled(place: BufferPlace, folder: Path, capacity: int | None = None) -> tuple[Any, BufferModel]:
    """Episodes with columns, some rows overwritten, evicted and removed, some of it not committed."""
    buffer = place.make(folder, SPACE, capacity=capacity, attributes={"fps": 10, "names": ["a"]})
    model = BufferModel(capacity)
    for number, size in enumerate((4, 3, 5)):
        rows = [good_row(B, 10 * number + i) for i in range(size)]
        buffer.extend(batch_of(SPACE, rows), episode={"task": f"task {number}"})
        model.extend(rows, {"task": f"task {number}"})
        buffer.commit()
    buffer[1] = good_row(B, 77)
    model.set([1], [good_row(B, 77)])
    buffer.remove_at([0, 5])
    model.remove([0, 5])
    return buffer, model


def check_whole(url: Any, model: BufferModel) -> None:
    with ReplayBuffer.load_from(url) as copied:
        check_equal(copied, model)
        assert copied.attributes == {"fps": 10, "names": ["a"]}
        assert copied.episodes.to_pylist() == model.episodes()
        assert copied.capacity == model.capacity
    with ReplayBuffer.load_from(url, read_only=False) as writer:
        assert isinstance(writer, ReplayBuffer)
        writer.extend(batch_of(SPACE, [good_row(B, 5)]), episode={"task": "new"})
        changed = model.copy()
        changed.extend([good_row(B, 5)], {"task": "new"})
        check_equal(writer, changed)
    check_equal(ReplayBuffer.load_from(url), changed)


@pytest.mark.parametrize("capacity", [None, 9, 20])
@pytest.mark.parametrize("target", TARGETS, ids=named)
@pytest.mark.parametrize("place", PLACES, ids=named)
def test_a_copy_is_a_dataset_of_its_own(
    place: BufferPlace, target: BufferPlace, capacity: int | None, tmp_path: Path
) -> None:
    buffer, model = filled(place, tmp_path, capacity)
    url = target.url(tmp_path, "copy.zarr")
    buffer.dumps(url)
    check_equal(buffer, model)
    check_whole(url, model)
    check_equal(buffer, model)


@pytest.mark.parametrize("place", PLACES, ids=named)
def test_nothing_at_all_can_be_copied(place: BufferPlace, tmp_path: Path) -> None:
    place.make(tmp_path, SPACE).dumps(tmp_path / "copy.zarr")
    copied = ReplayBuffer.load_from(tmp_path / "copy.zarr")
    check_equal(copied, BufferModel())
    assert copied.single_space == SPACE


def test_a_copy_has_an_identity_of_its_own(tmp_path: Path) -> None:
    buffer, _ = filled(LocalFolder(), tmp_path)
    buffer.dumps(tmp_path / "copy.zarr")
    copied: Any = ReplayBuffer.load_from(tmp_path / "copy.zarr")
    assert copied.storage.committed.uuid != buffer.storage.committed.uuid


def test_a_reader_copies_the_commit_that_it_sees(tmp_path: Path) -> None:
    buffer, model = filled(LocalFolder(), tmp_path)
    buffer.commit()
    reader = ReplayBuffer.load_from(buffer.cache_path)
    buffer.extend(batch_of(SPACE, [good_row(B)]))
    buffer.commit()
    reader.dumps(tmp_path / "copy.zarr")
    check_whole(tmp_path / "copy.zarr", model)


def test_copying_while_a_segment_is_open_is_refused(tmp_path: Path) -> None:
    for place in PLACES:
        buffer, _ = filled(place, tmp_path / named(place))
        buffer.append(good_row(B))
        with pytest.raises(SegmentError, match=r"mark_segment_end\(\) before dumps"):
            buffer.dumps(tmp_path / "copy.zarr")
        assert not (tmp_path / "copy.zarr").exists()
        buffer.mark_segment_end()
        buffer.dumps(tmp_path / named(place) / "copy.zarr")


@pytest.mark.parametrize("place", PLACES, ids=named)
def test_copying_onto_anything_is_refused(place: BufferPlace, tmp_path: Path) -> None:
    buffer, model = filled(place, tmp_path)
    buffer.dumps(tmp_path / "copy.zarr")
    memory = fsspec.filesystem("memory")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")
    memory.pipe_file(f"{tmp_path}/folder/notes.txt", b"precious")
    memory.pipe_file(f"{tmp_path}/file", b"precious")
    for url in (
        tmp_path / "copy.zarr",
        tmp_path / "folder",
        tmp_path / "file",
        f"memory://{tmp_path}/folder",
        f"memory://{tmp_path}/file",
    ):
        with pytest.raises(OSError, match=Path(url).name):
            buffer.dumps(url)
    check_whole(tmp_path / "copy.zarr", model)
    for name in ("folder/notes.txt", "file"):
        assert (tmp_path / name).read_text() == "precious"
        assert memory.cat_file(f"{tmp_path}/{name}") == b"precious"
    if place.persists:
        with pytest.raises(FileExistsError):
            buffer.dumps(buffer.cache_path)
        check_equal(buffer, model)


@pytest.mark.parametrize("place", PLACES, ids=named)
@pytest.mark.parametrize("target", TARGETS, ids=named)
def test_a_copy_that_fails_leaves_nothing(
    place: BufferPlace, target: BufferPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    buffer, model = filled(place, tmp_path)
    buffer.commit()
    url = str(target.url(tmp_path, "copy.zarr"))
    with monkeypatch.context() as patch:
        patch.setattr("unienv_data.store.commits.CommitLog.publish", fail)
        with pytest.raises(OSError, match="No space left"):
            buffer.dumps(url)
    assert not fsspec.core.url_to_fs(url)[0].exists(url)
    check_equal(buffer, model)
    buffer.dumps(url)
    check_whole(url, model)


def test_nobody_sees_a_copy_before_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer, _ = filled(LocalFolder(), tmp_path)
    seen = []

    def look(*args: Any) -> None:
        seen.append(ReplayBuffer.get_length_from_path(tmp_path / "copy.zarr"))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("unienv_data.store.copying.CommitLog", look)
        with pytest.raises(KeyboardInterrupt):
            buffer.dumps(tmp_path / "copy.zarr")
    assert seen == [None]
    assert not (tmp_path / "copy.zarr").exists()


def test_a_copy_opens_on_another_backend(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    torch = load_backend("pytorch")
    buffer, model = filled(InMemory(), tmp_path)
    buffer.dumps(tmp_path / "copy.zarr")
    copied = ReplayBuffer.load_from(tmp_path / "copy.zarr", backend=torch)
    assert copied.single_space == SPACE.to(torch)
    expected = [row["image"].tolist() for row in model.values]
    assert copied[:]["image"].tolist() == expected
    back = ReplayBuffer.create(ZarrStorage, SPACE)
    back.extend_from(copied)
    check_equal(back, model)
    assert np.array_equal(back[:]["image"], np.array(expected))
