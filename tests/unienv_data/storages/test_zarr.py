"""ZarrStorage beyond what every storage does: places, copies, arguments, and what it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from unienv_data.errors import DatasetExistsError, DatasetNotFoundError, SpaceError
from unienv_data.storages import ZarrStorage, storage_class
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace

SPACE = BoxSpace(B, 0, 255, B.uint8, shape=(2,))
ROWS = np.arange(6, dtype=np.uint8).reshape(3, 2)


def make(**options: Any) -> Any:
    storage: Any = ZarrStorage.create(SPACE, capacity=None, **options)
    storage.extend_length(3)
    storage.set([0, 1, 2], ROWS)
    return storage


def test_is_known_by_its_id() -> None:
    assert ZarrStorage.kind == "zarr"
    assert storage_class("zarr", "somewhere") is ZarrStorage


@pytest.mark.parametrize("in_memory", [True, False])
def test_copies_are_datasets(in_memory: bool, tmp_path: Path) -> None:
    storage = make() if in_memory else make(cache_path=tmp_path / "s")
    for url in (tmp_path / "copy", f"memory://{tmp_path}/copy"):
        storage.dumps(url)
        assert ZarrStorage.load_from(url, SPACE).get(...).tolist() == ROWS.tolist()
        with pytest.raises(DatasetExistsError, match="choose another place"):
            storage.dumps(url)
        assert ZarrStorage.load_from(url, SPACE).get(...).tolist() == ROWS.tolist()
    fsspec.filesystem("memory").pipe_file(f"{tmp_path}/file", b"precious")
    with pytest.raises(DatasetExistsError):
        storage.dumps(f"memory://{tmp_path}/file")
    assert fsspec.filesystem("memory").cat_file(f"{tmp_path}/file") == b"precious"
    storage.close()


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    storage = make(cache_path=tmp_path / "s")
    storage.commit()
    monkeypatch.setattr("unienv_data.store.commits.CommitLog.publish", fail)
    with pytest.raises(OSError, match="No space left"):
        storage.dumps(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    storage.abandon()


def test_what_is_loaded_must_be_what_is_expected(tmp_path: Path) -> None:
    make(cache_path=tmp_path / "s").close()
    other = BoxSpace(B, 0, 255, B.uint8, shape=(3,))
    with pytest.raises(SpaceError, match="expected the stored space"):
        ZarrStorage.load_from(tmp_path / "s", other)
    with pytest.raises(SpaceError, match="expected the stored capacity None, got 7"):
        ZarrStorage.load_from(tmp_path / "s", SPACE, capacity=7)
    with pytest.raises(SpaceError, match="unknown arguments colour"):
        ZarrStorage.load_from(tmp_path / "s", SPACE, colour="red")
    with pytest.raises(SpaceError, match="unknown arguments 3"):
        ZarrStorage.create(SPACE, 3, capacity=None)
    with pytest.raises(DatasetNotFoundError, match="no dataset stands there"):
        ZarrStorage.load_from(tmp_path / "nothing", SPACE)
    assert not (tmp_path / "nothing").exists()


def test_columns_are_described(tmp_path: Path) -> None:
    storage = make(cache_path=tmp_path / "s", codecs={"value": "raw"}, chunks={"value": 2})
    (column,) = storage.describe()
    assert (column.name, column.kind, column.dtype, column.shape) == ("value", "box", "uint8", (2,))
    assert (column.chunk_rows, column.codec, column.lossy, column.raw_bytes) == (2, "raw", False, 6)
    storage.commit()
    assert not storage.is_sealed
    storage.seal()
    assert storage.is_sealed
    assert storage.commit_number == storage.committed.number
    storage.close()
