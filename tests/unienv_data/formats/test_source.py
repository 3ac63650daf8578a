"""Sources on the local disk and elsewhere."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import fsspec
import pytest

from unienv_data.errors import ConversionError
from unienv_data.formats import Source

FILES = {"a.txt": b"1", "deep/b.bin": b"22", "deep/er/c": b""}


@pytest.fixture(params=["local", "file", "memory"])
def source(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "memory":
        memory = fsspec.filesystem("memory")
        for name, content in FILES.items():
            memory.pipe_file(f"/source-test/{name}", content)
        yield Source("memory://source-test")
        memory.rm("/source-test", recursive=True)
    else:
        for name, content in FILES.items():
            (tmp_path / "source-test" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "source-test" / name).write_bytes(content)
        prefix = "" if request.param == "local" else "file://"
        yield Source(f"{prefix}{tmp_path}/source-test")


def test_listing(source: Source) -> None:
    assert dict(source.files) == {name: len(content) for name, content in FILES.items()}
    assert list(source.files) == sorted(FILES)
    assert source.total_bytes == 3
    assert source.under("deep") == ["deep/b.bin", "deep/er/c"]
    assert source.under("dee") == []
    assert source.label == "source-test"
    assert not source.is_file


def test_reading(source: Source) -> None:
    for name, content in FILES.items():
        assert source.read(name) == content
    with source.open("deep/b.bin") as file:
        assert file.read(1) == b"2"


def test_missing_file(source: Source) -> None:
    with pytest.raises(ConversionError, match=r"source-test/no\.txt: the file is missing"):
        source.read("no.txt")


def test_single_file(source: Source) -> None:
    single = Source(source.where("deep/b.bin"))
    assert single.is_file
    assert dict(single.files) == {"": 2}
    assert single.read("") == b"22"
    assert single.label == "b.bin"
    assert single.where() == single.uri


def test_pickles_as_its_address(source: Source) -> None:
    assert source.files
    copy = pickle.loads(pickle.dumps(source))
    assert copy == source
    assert copy.read("a.txt") == b"1"


@pytest.mark.parametrize("uri", ["/no/such/folder", "memory://no-such-folder"])
def test_nothing_there(uri: str) -> None:
    with pytest.raises(ConversionError, match="there is nothing there"):
        _ = Source(uri).files


def test_unknown_filesystem() -> None:
    with pytest.raises(ConversionError, match="gopher"):
        _ = Source("gopher://x").files


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    assert dict(Source(str(tmp_path)).files) == {}


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege on Windows")
def test_links_are_followed_and_rings_end(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs/x").write_bytes(b"abc")
    root = tmp_path / "snapshot"
    root.mkdir()
    (root / "data.bin").symlink_to(tmp_path / "blobs/x")
    (root / "folder").symlink_to(tmp_path / "blobs")
    (root / "ring").symlink_to(root)
    (root / "dangling").symlink_to(tmp_path / "gone")
    assert dict(Source(str(root)).files) == {"data.bin": 3, "folder/x": 3}
