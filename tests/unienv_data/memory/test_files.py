"""Memories come back from every format as they were saved."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import unienv_data
from tests.unienv_data.memory.model import MemoryModel, add, bytes_of, content, create_tensors, samples
from unienv_data.errors import SpaceError, SpaceValueError
from unienv_data.memory import Memory
from unienv_interface.backends.pytorch import PyTorchComputeBackend as P

FORMATS = ("pt", "npz", "csv", "zarr")
DTYPES = ("bool", "int8", "int64", "uint8", "uint16", "uint64", "float16", "bfloat16", "float32", "float64")
HARD = [float("nan"), float("inf"), float("-inf"), -0.0, 1e-45, 0.1, 3.4e38, 1 / 3]


def recorded(
    memory_size: int, num_envs: int, count: int, create: Any = create_tensors
) -> tuple[Any, MemoryModel]:
    memory, model = Memory(memory_size, num_envs, "cpu"), MemoryModel(memory_size, num_envs)
    create(memory)
    while count:
        step = min(count, model.room)
        add(memory, model, step)
        count -= step
    return memory, model


def blank_like(memory: Any) -> Any:
    other = Memory(memory.memory_size, memory.num_envs, "cpu")
    for name in memory.get_tensor_names():
        tensor = memory.get_tensor_by_name(name)
        other.create_tensor(name, tuple(tensor.shape[2:]), tensor.dtype, keep_dimensions=True)
    return other


@pytest.mark.parametrize("count", [0, 2, 7, 9, 12, 17, 24])
@pytest.mark.parametrize("format", FORMATS)
def test_what_is_recorded_comes_back(tmp_path: Path, format: str, count: int) -> None:
    memory, _ = recorded(4, 3, count)
    other = blank_like(memory)
    other.load(memory.save(tmp_path, format))
    assert content(other) == content(memory)
    assert len(other) == len(memory)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("format", FORMATS)
def test_every_type_and_value_comes_back(tmp_path: Path, format: str, dtype: str) -> None:
    kind = P.dtype_from_name(dtype)
    memory = Memory(2, 4, "cpu")
    memory.create_tensor("file", 8, kind)
    memory.create_tensor("scalar", (), kind, keep_dimensions=True)
    if kind.is_floating_point:
        row = torch.tensor(HARD, dtype=torch.float64).to(kind)
    elif kind == torch.bool:
        row = torch.arange(8) % 3 == 0
    else:
        limits = np.iinfo(dtype)
        row = P.from_numpy(np.array([limits.min, limits.max, 0, 1, 2, 3, 5, 7], dtype=dtype))
    memory.add_samples(file=row.expand(4, 8), scalar=row[:4])
    memory.add_samples(file=torch.stack([row] * 3), scalar=row[4:7])
    other = blank_like(memory)
    other.load(memory.save(tmp_path, format))
    if format == "csv" and kind.is_floating_point:  # says nan, whichever it is
        for each in (memory, other):
            for tensor in map(each.get_tensor_by_name, ("file", "scalar")):
                tensor[tensor != tensor] = 77
    assert content(other) == content(memory)


@pytest.mark.parametrize("format", ["pt", "npz"])
def test_what_was_set_but_not_recorded_comes_back_in_whole_tensors(tmp_path: Path, format: str) -> None:
    memory, _ = recorded(3, 2, 3)
    memory.set_tensor_by_name("floats", torch.arange(12.0).view(3, 2, 2))
    other = blank_like(memory)
    other.load(memory.save(tmp_path, format))
    assert content(other) == content(memory)


@pytest.mark.parametrize("format", ["csv", "zarr"])
def test_of_rows_what_was_not_recorded_is_left_out(tmp_path: Path, format: str) -> None:
    memory, _ = recorded(3, 2, 8)
    memory.reset()
    memory.add_samples(**samples([90, 91, 92][:2]))
    other, _ = recorded(3, 2, 5)
    other.load(memory.save(tmp_path, format))
    assert (len(other), other.memory_index) == (2, 1)
    assert torch.equal(other.get_tensor_by_name("grid")[0], memory.get_tensor_by_name("grid")[0])
    assert not other.get_tensor_by_name("grid")[1:].any()
    assert other.get_tensor_by_name("floats")[1:].isnan().all()


@pytest.mark.parametrize("format", ["pt", "np", "npz", "zarr"])
def test_a_memory_without_tensors_gets_those_of_the_file(tmp_path: Path, format: str) -> None:
    memory, _ = recorded(3, 2, 8)
    other = Memory(3, 2, "cpu")
    other.load(memory.save(tmp_path, format))
    assert content(other) == content(memory)


def test_csv_needs_to_be_told_the_tensors(tmp_path: Path) -> None:
    memory, _ = recorded(3, 2, 8)
    path = memory.save(tmp_path, "csv")
    with pytest.raises(ValueError, match=r"\.csv: does not say what its tensors are; call create_tensor"):
        Memory(3, 2, "cpu").load(path)


@pytest.mark.parametrize("format", FORMATS)
def test_loading_stays_where_the_tensors_are(tmp_path: Path, format: str) -> None:
    memory, _ = recorded(3, 2, 8)
    other = blank_like(memory)
    tensor = other.get_tensor_by_name("grid")
    other.load(memory.save(tmp_path, format))
    assert other.get_tensor_by_name("grid") is tensor
    assert torch.equal(tensor, memory.get_tensor_by_name("grid"))


@pytest.mark.parametrize("format", FORMATS)
def test_some_of_the_tensors_can_be_loaded(tmp_path: Path, format: str) -> None:
    memory, _ = recorded(3, 2, 8)
    other = Memory(3, 2, "cpu")
    other.create_tensor("even", 1, torch.bool)
    other.load(memory.save(tmp_path, format))
    assert other.get_tensor_names() == ("even",)
    assert bytes_of(other.get_tensor_by_name("even")) == bytes_of(memory.get_tensor_by_name("even"))


@pytest.mark.parametrize("format", FORMATS)
def test_what_does_not_match_is_named(tmp_path: Path, format: str) -> None:
    memory, _ = recorded(3, 2, 8)
    path = memory.save(tmp_path, format)
    other = Memory(3, 2, "cpu")
    other.create_tensor("floats", 3)
    other.create_tensor("even", 1, torch.uint8)  # to csv, a bool is a number like others
    other.create_tensor("missing", 2)
    before = content(other)
    with pytest.raises(SpaceError) as raised:
        other.load(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert "missing: expected float32 of shape (2,), got no tensor of this name" in str(raised.value)
    if format == "csv":  # which knows neither types nor shapes
        assert "floats: expected float32 of shape (3,), got no tensor" in str(raised.value)
    else:
        assert "floats: expected float32 of shape (3,), got float32 of shape (2,)" in str(raised.value)
        assert "even: expected uint8 of shape (1,), got bool of shape (1,)" in str(raised.value)
    assert content(other) == before


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("sizes", [(4, 2), (3, 1), (2, 2)])
def test_memories_of_other_sizes_are_refused(tmp_path: Path, format: str, sizes: tuple[int, int]) -> None:
    memory, _ = recorded(3, 2, 8)
    path = memory.save(tmp_path, format)
    other = Memory(*sizes, "cpu")
    create_tensors(other)
    before = content(other)
    with pytest.raises(ValueError, match=r"memory_size.*num_envs|memory_size: |num_envs: ") as raised:
        other.load(path)
    assert path in str(raised.value)
    assert content(other) == before


def test_a_dataset_has_an_episode_for_each_environment(tmp_path: Path) -> None:
    memory, model = recorded(4, 3, 17)
    path = memory.save(tmp_path, "zarr")
    with unienv_data.open(path) as data:
        assert data.get_segments() == [(0, 4), (4, 8), (8, 12)]
        rows = data[:]
        assert (rows["grid"][:, 0, 0] // 10).tolist() == [n for history in model.histories for n in history]
        assert np.array_equal(rows["even"][:, 0], rows["grid"][:, 0, 0] % 20 == 0)
        assert data.storage.is_sealed
        assert data.attributes["memory"]["memory_size"] == 4


def test_datasets_of_few_samples_have_no_empty_episodes(tmp_path: Path) -> None:
    memory, _ = recorded(4, 3, 4)
    with unienv_data.open(memory.save(tmp_path, "zarr")) as data:
        assert data.get_segments() == [(0, 2), (2, 3), (3, 4)]
    memory, _ = recorded(4, 3, 2)
    with unienv_data.open(memory.save(tmp_path, "zarr")) as data:
        assert data.get_segments() == [(0, 1), (1, 2)]


@pytest.mark.parametrize("format", FORMATS)
def test_any_filesystem(format: str) -> None:
    memory, _ = recorded(3, 2, 8)
    path = memory.save(f"memory://memories-{format}/deep", format)
    assert path.startswith(f"memory://memories-{format}/deep/")
    other = blank_like(memory)
    other.load(path)
    assert content(other) == content(memory)


def test_names_differ_at_one_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)

    monkeypatch.setattr("unienv_data.memory.keeping.datetime", Stopped)
    memory, _ = recorded(2, 1, 1)
    paths = {memory.save(tmp_path) for _ in range(20)}
    assert {Path(path) for path in paths} == set(tmp_path.iterdir())
    assert len(paths) == 20
    assert all(Path(path).name.startswith("2026-01-02_03-04-05-000006_memory_") for path in paths)


def test_an_empty_directory_is_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    memory, _ = recorded(2, 1, 1)
    path = memory.save()
    assert [Path(path).name] == [found.name for found in tmp_path.iterdir()]
    blank_like(memory).load(Path(path))
    blank_like(memory).load(Path(path).name)


def test_saving_needs_a_format_and_a_tensor(tmp_path: Path) -> None:
    memory, _ = recorded(2, 1, 1)
    with pytest.raises(
        SpaceValueError, match="format: expected one of 'pt', 'npz', 'csv', 'zarr', 'np', got 'h5'"
    ):
        memory.save(tmp_path, "h5")
    with pytest.raises(SpaceValueError, match="export_format: expected one of 'pt'"):
        Memory(2, export_format="h5")
    with pytest.raises(SpaceError, match="nothing to save: create tensors first"):
        Memory(2, device="cpu").save(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["pt", "np", "npz", "csv", "zarr"])
def test_a_memory_exports_whenever_it_is_filled(tmp_path: Path, format: str) -> None:
    memory = Memory(2, 3, "cpu", export=True, export_format=format, export_directory=str(tmp_path))
    model = MemoryModel(2, 3)
    create_tensors(memory)
    add(memory, model, 3)
    assert list(tmp_path.iterdir()) == []
    add(memory, model, 1)
    add(memory, model, 2)
    [first] = tmp_path.iterdir()
    loaded = blank_like(memory)
    loaded.load(first)
    assert content(loaded) == content(memory)
    for _ in range(4):
        add(memory, model, 3)
    assert len(list(tmp_path.iterdir())) == 3
    loaded.load(max(tmp_path.iterdir()))
    assert content(loaded) == content(memory)


def test_many_steps_of_one_environment_export_each_time_round(tmp_path: Path) -> None:
    memory = Memory(4, 1, "cpu", export=True, export_directory=str(tmp_path))
    memory.create_tensor("n", 1, torch.int64)
    memory.add_samples(n=torch.arange(10)[:, None])
    exported = []
    for path in sorted(tmp_path.iterdir()):
        loaded = Memory(4, 1, "cpu")
        loaded.load(path)
        exported.append(loaded.get_tensor_by_name("n").flatten().tolist())
    assert exported == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert memory.get_tensor_by_name("n").flatten().tolist() == [8, 9, 6, 7]


def test_samples_stay_where_exporting_fails(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    memory = Memory(2, 1, "cpu", export=True, export_directory=str(tmp_path / "taken"))
    memory.create_tensor("n", 1)
    memory.add_samples(n=torch.zeros(1, 1))
    with pytest.raises(OSError, match="taken"):
        memory.add_samples(n=torch.ones(1, 1))
    assert (len(memory), memory.filled) == (2, True)
    assert memory.get_tensor_by_name("n").flatten().tolist() == [0, 1]


def test_saving_from_threads_gives_whole_files(tmp_path: Path) -> None:
    memory, _ = recorded(3, 2, 8)
    threads = [
        threading.Thread(target=memory.save, args=(tmp_path, format)) for format in ("pt", "npz", "csv")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for path in tmp_path.iterdir():
        other = blank_like(memory)
        other.load(path)
        assert content(other) == content(memory)
