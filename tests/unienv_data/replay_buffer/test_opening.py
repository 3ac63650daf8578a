"""Opening buffers: spaces, backends, modes, locks, readers beside a writer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import unienv_data
from tests.unienv_data.replay_buffer.small import SPACE, contents, rows, writer_of
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import (
    FencedError,
    SpaceError,
    SpaceValueError,
    WriterLockedError,
)
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.backends import load_backend
from unienv_interface.space import BoxSpace

# Spaces and backends


def test_the_expected_space_is_reused(dataset: str) -> None:
    equal = BoxSpace(B, 0, 255, B.uint8, shape=(2,))
    assert ReplayBuffer.load_from(dataset, single_instance_space=equal).single_space is equal
    found = ReplayBuffer.load_from(dataset).single_space
    assert found == SPACE
    assert found is not equal


@pytest.mark.parametrize(
    "other",
    [
        BoxSpace(B, 0, 254, B.uint8, shape=(2,)),
        BoxSpace(B, 0, 255, B.uint8, shape=(3,)),
        BoxSpace(B, 0, 255, B.uint16, shape=(2,)),
    ],
    ids=str,
)
def test_another_space_than_expected_is_refused(dataset: str, other: Any) -> None:
    for read_only in (True, False):
        with pytest.raises(SpaceError, match="expected the stored space"):
            ReplayBuffer.load_from(dataset, single_instance_space=other, read_only=read_only)
    writer_of(dataset).close()  # the refusal holds no lock


def test_another_backend(dataset: str) -> None:
    torch = pytest.importorskip("torch")
    backend = load_backend("pytorch")
    for buffer in (
        ReplayBuffer.load_from(dataset, backend=backend),
        ReplayBuffer.load_from(dataset, backend=backend, device="cpu"),
        unienv_data.open(dataset, backend=backend),
    ):
        assert buffer.backend is backend
        assert isinstance(buffer[0], torch.Tensor)
        assert buffer[:].tolist() == rows(0, 1, 2).tolist()
    assert ReplayBuffer.get_space_from_path(dataset, backend=backend) == SPACE.to(backend)


def test_modes(dataset: str) -> None:
    reader = unienv_data.open(dataset)
    assert not reader.is_mutable
    with unienv_data.open(dataset, "a") as writer:
        writer.extend(rows(3))
    assert len(unienv_data.open(dataset, mode="r")) == 4
    with pytest.raises(ValueError, match="expected 'r' or 'a', got 'w'"):
        unienv_data.open(dataset, mode="w")  # type: ignore[arg-type]
    with pytest.raises(SpaceError, match="colour"):
        unienv_data.open(dataset, colour="red")


def test_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with ReplayBuffer.create(ZarrStorage, SPACE, cache_path="~/d.zarr") as buffer:
        buffer.extend(rows(1))
        buffer.dumps(Path("~") / "copy.zarr")
    for name in ("d.zarr", "copy.zarr"):
        assert contents(unienv_data.open(f"~/{name}")) == contents(unienv_data.open(tmp_path / name)) == [1]


def test_appending_from_a_buffer_keeps_what_is_said_of_its_episodes(tmp_path: Path) -> None:
    source: Any = ReplayBuffer.create(ZarrStorage, SPACE)
    source.extend(rows(0, 1, 2), episode={"task": "push", "success": True})
    source.extend(rows(3))
    source.extend(rows(4, 5), episode={"task": "pull"})
    source.append(rows(6)[0])
    source.remove_at([0])
    buffer: Any = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=tmp_path / "d.zarr", commit_interval=0)
    buffer.extend(rows(9), episode={"success": False, "other": 1})
    buffer.extend_from(source, chunk_size=2)
    assert ReplayBuffer.get_length_from_path(tmp_path / "d.zarr") == 7
    none = {"task": None, "success": None, "other": None}
    assert buffer.episodes.select(["start", "length", "task", "success", "other"]).to_pylist() == [
        {"start": 0, "length": 1, **none, "success": False, "other": 1},
        {"start": 1, "length": 2, **none, "task": "push", "success": True},
        {"start": 3, "length": 1, **none},
        {"start": 4, "length": 2, **none, "task": "pull"},
        {"start": 6, "length": 1, **none},
    ]
    without = ReplayBuffer.create(ZarrStorage, SPACE, maintain_segment_metadata=False)
    without.extend_from(buffer)
    assert len(without) == 7
    other: Any = ReplayBuffer.create(ZarrStorage, SPACE)
    other.extend(rows(1), episode={"task": 3})
    with pytest.raises(SpaceValueError, match="episode/task"):
        other.extend_from(source)
    assert contents(other) == [1]
    assert not other.has_open_segment


def test_a_storage_that_had_no_buffer_opens_as_one(tmp_path: Path) -> None:
    with ZarrStorage.create(SPACE, capacity=None, cache_path=tmp_path / "s") as storage:
        storage.extend_length(3)
        storage.set([0, 1, 2], rows(5, 6, 7))
        storage.commit()
        storage.shrink_length(1)
    with ZarrStorage.load_from(tmp_path / "s", SPACE) as again:
        assert [int(row[0]) for row in again.get(...)] == [5, 6]
    with writer_of(tmp_path / "s") as buffer:
        assert contents(buffer) == [5, 6]
        assert buffer.get_segments() == []
        buffer.extend(rows(8))
        assert contents(buffer) == [5, 6, 8]
        assert buffer.get_segments() == [(2, 3)]
    assert contents(ReplayBuffer.load_from(tmp_path / "s")) == [5, 6, 8]


# Writers


def test_a_second_writer_is_refused_politely(tmp_path: Path) -> None:
    path = tmp_path / "d.zarr"
    writer = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=path)
    who = f"process {os.getpid()} on {socket.gethostname()}"
    with pytest.raises(WriterLockedError, match=rf"{who} \(this one\) is writing") as caught:
        writer_of(path)
    assert isinstance(caught.value, BlockingIOError)
    program = (
        "import sys; from unienv_data import open\n"
        f"try: open({str(path)!r}, 'a')\n"
        "except BlockingIOError as error: sys.exit(str(error))"
    )
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert outcome.returncode == 1
    assert f"{who} is writing" in outcome.stderr
    writer.extend(rows(1))
    writer.close()
    with writer_of(path) as next_writer:
        next_writer.extend(rows(2))
    assert contents(ReplayBuffer.load_from(path)) == [1, 2]


def test_reading_takes_no_lock(dataset: str) -> None:
    readers = [ReplayBuffer.load_from(dataset) for _ in range(2)]
    with writer_of(dataset) as writer:
        readers.append(ReplayBuffer.load_from(dataset))
        writer.extend(rows(3))
    assert [contents(reader) for reader in readers] == [[0, 1, 2]] * 3


def test_a_reader_of_a_folder_that_it_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "d.zarr"
    with ReplayBuffer.create(ZarrStorage, SPACE, cache_path=path) as buffer:
        buffer.extend(rows(0, 1))
    before = sorted(str(file) for file in path.rglob("*"))
    folders = [path, *(file for file in path.rglob("*") if file.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        with ReplayBuffer.load_from(path) as reader:
            assert contents(reader) == [0, 1]
            reader.refresh()
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert sorted(str(file) for file in path.rglob("*")) == before


def test_a_writer_that_was_replaced_is_fenced(tmp_path: Path) -> None:
    place = f"memory://{tmp_path}/d.zarr"  # where there is no lock
    with ReplayBuffer.create(ZarrStorage, SPACE, cache_path=place) as buffer:
        buffer.extend(rows(0))
    first, second = writer_of(place), writer_of(place)
    first.extend(rows(1))
    second.extend(rows(2))
    second.commit()
    with pytest.raises(FencedError, match=r"another writer|has been replaced"):
        first.commit()
    with pytest.raises(FencedError):
        first.extend(rows(3))
    first.close()
    second.extend(rows(4))
    second.close()
    assert contents(ReplayBuffer.load_from(place)) == [0, 2, 4]
