"""What stands at a path: None where it is no dataset, an error where it is a damaged one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import CorruptDataError, DocumentError, UnsupportedVersionError
from unienv_data.schema.document import encode_document
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace

SPACE = BoxSpace(B, 0, 255, B.uint8, shape=(2,))

FACTS: dict[str, Callable[..., Any]] = {
    "length": ReplayBuffer.get_length_from_path,
    "capacity": ReplayBuffer.get_capacity_from_path,
    "space": ReplayBuffer.get_space_from_path,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "d.zarr"
    with ReplayBuffer.create(ZarrStorage, SPACE, cache_path=path, capacity=9) as buffer:
        buffer.extend(np.ones((3, 2), dtype=np.uint8))
    return path


def the_commit(path: Path) -> Path:
    return max((path / "storage" / "commits").iterdir())


def facts(path: Any, **options: Any) -> dict[str, Any]:
    return {name: ask(path, **options) for name, ask in FACTS.items()}


FOUND = {"length": 3, "capacity": 9, "space": SPACE}
NOTHING = dict.fromkeys(FACTS)


def test_facts_of_a_dataset(path: Path) -> None:
    assert facts(path) == FOUND
    assert facts(str(path)) == FOUND
    assert ReplayBuffer.is_loadable_from(path)
    with ReplayBuffer.create(ZarrStorage, SPACE, cache_path=f"memory://{path}"):
        assert facts(f"memory://{path}", storage_options={}) == {
            "length": 0,
            "capacity": None,
            "space": SPACE,
        }


def nothing(folder: Path) -> None:
    pass


def empty_folder(folder: Path) -> None:
    folder.mkdir()


def a_file(folder: Path) -> None:
    folder.write_text("text")


def somebody_elses(folder: Path) -> None:
    folder.mkdir()
    (folder / "metadata.json").write_text('{"storage_cls": "os.system", "count": 3}')
    (folder / "storage").mkdir()
    (folder / "storage" / "data.pt").write_bytes(b"...")


def a_list(folder: Path) -> None:
    folder.mkdir()
    (folder / "metadata.json").write_text("[1, 2]")


@pytest.mark.parametrize("make", [nothing, empty_folder, a_file, somebody_elses, a_list])
def test_nothing_where_no_dataset_stands(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "x")
    assert facts(tmp_path / "x") == NOTHING
    assert not ReplayBuffer.is_loadable_from(tmp_path / "x")
    with pytest.raises(FileNotFoundError, match="no dataset stands there"):
        ReplayBuffer.load_from(tmp_path / "x")


@pytest.mark.parametrize("hint", [None, "", "{", '{"format": "unienv-data"}', "[]", '{"format": "other"}'])
def test_the_hint_is_only_a_hint(path: Path, hint: str | None) -> None:
    (path / "metadata.json").unlink()
    if hint is not None:
        (path / "metadata.json").write_text(hint)
    assert facts(path) == FOUND
    assert len(ReplayBuffer.load_from(path)) == 3


def test_an_old_hint_leads_to_the_newest_commit(path: Path) -> None:
    old = (path / "metadata.json").read_bytes()
    with ReplayBuffer.load_from(path, read_only=False) as buffer:
        buffer.extend(np.ones((2, 2), dtype=np.uint8))
    (path / "metadata.json").write_bytes(old)
    assert facts(path)["length"] == 5


def test_a_torn_hint_without_any_commit_is_a_damaged_dataset(path: Path) -> None:
    for commit in (path / "storage" / "commits").iterdir():
        commit.unlink()
    (path / "metadata.json").write_text('{"format": "unienv-')
    for ask in (*FACTS.values(), ReplayBuffer.is_loadable_from):
        with pytest.raises(CorruptDataError, match=r"metadata\.json"):
            ask(path)


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[]"])
def test_a_damaged_commit_is_named(path: Path, damage: bytes) -> None:
    the_commit(path).write_bytes(damage)
    for ask in (*FACTS.values(), ReplayBuffer.is_loadable_from, ReplayBuffer.load_from):
        with pytest.raises(CorruptDataError, match=the_commit(path).name):
            ask(path)


def test_every_problem_of_a_commit_is_told(path: Path) -> None:
    document = json.loads(the_commit(path).read_bytes())
    document["length"] = -1
    document["nonsense"] = 0
    the_commit(path).write_bytes(encode_document(document))
    with pytest.raises(DocumentError) as caught:
        ReplayBuffer.get_length_from_path(path)
    assert len(caught.value.problems) == 2


def test_a_later_version_says_so(path: Path) -> None:
    document = {**json.loads(the_commit(path).read_bytes()), "version": 2}
    the_commit(path).write_bytes(encode_document(document))
    for ask in (*FACTS.values(), ReplayBuffer.is_loadable_from, ReplayBuffer.load_from):
        with pytest.raises(UnsupportedVersionError, match="pip install --upgrade"):
            ask(path)


def test_an_unknown_storage_is_looked_up_and_never_imported(path: Path) -> None:
    document = {**json.loads(the_commit(path).read_bytes()), "storage": "antigravity"}
    the_commit(path).write_bytes(encode_document(document))
    with pytest.raises(UnsupportedVersionError, match="antigravity"):
        ReplayBuffer.load_from(path)
    assert facts(path) == FOUND
