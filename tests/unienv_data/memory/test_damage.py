"""Files that are damaged, or somebody else's: one error that names them, and the memory stays as it was."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unienv_data.memory.model import MemoryModel, add, content, create_tensors
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import (
    CorruptDataError,
    DatasetNotFoundError,
    SpaceError,
    SpaceValueError,
    UniEnvError,
    UnsupportedVersionError,
)
from unienv_data.memory import Memory
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BinarySpace

HEADER = "memory.header"


def recorded(count: int = 17) -> Any:
    memory, model = Memory(4, 3, "cpu"), MemoryModel(4, 3)
    create_tensors(memory)
    while count:
        step = min(count, model.room)
        add(memory, model, step)
        count -= step
    return memory


def refused(path: Path, *errors: type[Exception], match: str | None = None) -> None:
    memory = recorded(5)
    before = content(memory)
    with pytest.raises(errors or CorruptDataError, match=match) as raised:
        memory.load(path)
    assert isinstance(raised.value, UniEnvError)
    assert str(path) in str(raised.value)
    assert content(memory) == before


@pytest.mark.parametrize("format", ["pt", "npz", "csv"])
@pytest.mark.parametrize("part", [0, 1, 4, 30, 0.2, 0.5, 0.9, 0.99])
def test_cut_files(tmp_path: Path, format: str, part: float) -> None:
    data = Path(recorded().save(tmp_path, format)).read_bytes()
    path = tmp_path / f"cut.{format}"
    path.write_bytes(data[: int(part * len(data)) if isinstance(part, float) else part])
    refused(path, CorruptDataError, SpaceError)


@pytest.mark.parametrize("format", ["pt", "npz"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(1, 255))
def test_changed_bytes_are_noticed_or_do_not_matter(
    tmp_path: Path, format: str, place: float, byte: int
) -> None:
    source = recorded()
    data = bytearray(Path(source.save(tmp_path, format)).read_bytes())
    data[int(place * len(data))] ^= byte
    path = tmp_path / f"changed.{format}"
    path.write_bytes(data)
    memory = recorded(5)
    before = content(memory)
    problem = None
    try:
        memory.load(path)
    except UniEnvError as error:
        problem = str(error)
    assert content(memory) == (content(source) if problem is None else before)
    assert problem is None or str(path) in problem


@pytest.mark.parametrize("format", ["pt", "npz", "csv"])
@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x00" * 200, b"\xff\xfe\x00,1\n", b"PK\x03\x04" + b"a" * 80]
)
def test_files_of_something_else(tmp_path: Path, format: str, data: bytes) -> None:
    path = tmp_path / f"foreign.{format}"
    path.write_bytes(data)
    # Lines of text are a table, though of other columns.
    refused(path, CorruptDataError, SpaceError)


class _Opened:
    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("executed", "w"))


def test_nothing_in_a_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"floats": _Opened()}, tmp_path / "evil.pt")
    np.savez(tmp_path / "evil.npz", floats=np.array([_Opened()], dtype=object))
    refused(tmp_path / "evil.pt")
    refused(tmp_path / "evil.npz")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("found", "match"),
    [
        ([torch.zeros(4, 3, 2)], "expected a dictionary of tensors, found list"),
        ({"floats": torch.zeros(4, 3, 2), "other": 3}, "expected tensors only, found others: other"),
        ({"floats": torch.zeros(4, 3, 2), "even": torch.zeros(4, 2, 1)}, r"even \(4, 2, 1\)"),
        ({"floats": torch.zeros(4)}, r"expected tensors of shape \(memory_size, num_envs, \.\.\.\)"),
        ({}, "found nothing"),
        ({3: torch.zeros(4, 3, 2)}, "found others: 3"),
        ({"floats": torch.zeros(4, 3, 2).to_sparse()}, "found others: floats"),
        ({"floats": torch.zeros(4, 3, 2, device="meta")}, "found others: floats"),
        ({"floats": torch.zeros(4, 3, 2), HEADER: "{"}, "damaged"),
        ({"floats": torch.zeros(4, 3, 2), HEADER: 4}, "damaged"),
        ({"floats": torch.zeros(4, 3, 2), HEADER: "[]"}, "its header is not that of a memory"),
    ],
)
def test_dictionaries_of_something_else(tmp_path: Path, found: Any, match: str) -> None:
    torch.save(found, tmp_path / "other.pt")
    refused(tmp_path / "other.pt", match=match)


@pytest.mark.parametrize(
    "found", [{"a b": torch.zeros(2, 1, 1)}, {"a": torch.zeros(2, 1, 1, dtype=torch.cfloat)}]
)
def test_tensors_that_no_memory_can_have(tmp_path: Path, found: Any) -> None:
    torch.save({"aa": torch.zeros(2, 1, 1), **found}, tmp_path / "odd.pt")
    memory = Memory(2, 1, "cpu")
    with pytest.raises(SpaceError, match=r"odd\.pt: (name|dtype): expected"):
        memory.load(tmp_path / "odd.pt")
    assert memory.get_tensor_names() == ()


def test_what_is_loaded_is_detached(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2, 1, 1, requires_grad=True)}, tmp_path / "grad.pt")
    memory = Memory(2, 1, "cpu")
    memory.load(tmp_path / "grad.pt")
    assert not memory.get_tensor_by_name("a").requires_grad


def header(**changes: Any) -> str:
    said = {"version": 1, "memory_size": 4, "num_envs": 3, "memory_index": 1, "env_index": 2, "filled": True}
    return json.dumps({name: value for name, value in (said | changes).items() if value != "left out"})


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_index": 4},
        {"env_index": 3},
        {"env_index": -1},
        {"memory_size": 0},
        {"memory_index": 1.5},
        {"memory_index": True},
        {"filled": 1},
        {"filled": "left out"},
        {"num_envs": "left out"},
        {"version": "1"},
        {"memory_size": 5},
    ],
)
def test_headers_that_cannot_be(tmp_path: Path, changes: dict[str, Any]) -> None:
    torch.save({"floats": torch.zeros(4, 3, 2), HEADER: header(**changes)}, tmp_path / "odd.pt")
    refused(tmp_path / "odd.pt")


def test_a_later_version_is_named(tmp_path: Path) -> None:
    torch.save({"floats": torch.zeros(4, 3, 2), HEADER: header(version=2)}, tmp_path / "later.pt")
    refused(tmp_path / "later.pt", UnsupportedVersionError, match="version 2 of saved memories")


def test_an_array_alone_is_no_memory(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((4, 3, 2)))
    (tmp_path / "array.npz").write_bytes(buffer.getvalue())
    refused(tmp_path / "array.npz", match="found one array")
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    refused(tmp_path / "empty.npz")


def changed_rows(change: Callable[[list[list[str]]], Any], tmp_path: Path) -> Path:
    with open(recorded().save(tmp_path, "csv"), newline="") as file:
        rows = list(csv.reader(file))
    rows = change(rows) or rows
    with open(tmp_path / "changed.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path / "changed.csv"


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[:1] + rows[2:],  # the oldest sample is missing
        lambda rows: rows[:5] + rows[6:],
        lambda rows: [*rows, rows[1]],
        lambda rows: [rows[0], rows[2], rows[1], *rows[3:]],
        lambda rows: rows[3].pop(),
        lambda rows: rows[3].append("1"),
        lambda rows: rows[3].__setitem__(4, "x"),
        lambda rows: rows[3].__setitem__(0, "7"),
        lambda rows: rows[0].__setitem__(3, rows[0][2]),
        lambda rows: rows[3].__setitem__(rows[0].index("grid.0"), str(2**63)),
        lambda rows: rows[3].__setitem__(rows[0].index("even.0"), "maybe"),
    ],
)
def test_rows_that_cannot_be(tmp_path: Path, change: Any) -> None:
    refused(changed_rows(lambda rows: change(rows) if isinstance(change(rows), list) else None, tmp_path))


def test_datasets_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "other.zarr"
    with ReplayBuffer.create(ZarrStorage, BinarySpace(B, (2,)), cache_path=path):
        pass
    refused(path, match="its header is not that of a memory")


def test_datasets_that_have_lost_rows(tmp_path: Path) -> None:
    path = Path(recorded().save(tmp_path, "zarr"))
    with ReplayBuffer.load_from(path, read_only=False) as buffer:
        buffer.remove_at(3)
    refused(path, match="11 rows, of 12 samples recorded")


def test_damaged_datasets(tmp_path: Path) -> None:
    path = Path(recorded().save(tmp_path, "zarr"))
    for commit in (path / "storage" / "commits").iterdir():
        commit.write_text("{")
    (path / "metadata.json").write_text("{")
    memory = recorded(5)
    before = content(memory)
    with pytest.raises(UniEnvError):
        memory.load(path)
    assert content(memory) == before


@pytest.mark.parametrize("name", ["gone.pt", "gone.npz", "gone.csv", "gone.zarr"])
def test_files_that_are_not_there(tmp_path: Path, name: str) -> None:
    refused(tmp_path / name, DatasetNotFoundError)
    refused(tmp_path / "no" / "folder" / name, FileNotFoundError)


@pytest.mark.parametrize("name", ["memory.h5", "memory", "memory.pt.old"])
def test_names_that_say_no_format(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    refused(tmp_path / name, SpaceValueError, match=r"a name that ends with \.pt, \.npz, \.csv, \.zarr")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.pt").mkdir()
    refused(tmp_path / "folder.pt", OSError)


# As rofunc and skrl write: no header; a row a cell


def full() -> dict[str, Any]:
    memory = recorded(12)
    return {name: memory.get_tensor_by_name(name) for name in memory.get_tensor_names()}


def test_what_others_export_is_read_as_full(tmp_path: Path) -> None:
    tensors = full()
    torch.save(tensors, tmp_path / "theirs.pt")
    np.savez(tmp_path / "theirs.npz", **{name: tensor.numpy() for name, tensor in tensors.items()})
    with open(tmp_path / "theirs.csv", "w", newline="") as file:
        writer = csv.writer(file)
        flat = {name: tensor.flatten(0, 1).flatten(1) for name, tensor in tensors.items()}
        writer.writerow([f"{name}.{i}" for name, values in flat.items() for i in range(values.shape[1])])
        for cell in range(12):
            writer.writerow([number for values in flat.values() for number in values[cell].tolist()])
    for name in ("theirs.pt", "theirs.npz", "theirs.csv"):
        memory = recorded(5)
        memory.load(tmp_path / name)
        assert content(memory) == content(recorded(12))
