"""A close that cannot commit keeps the rows; one that comes too late lets go."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unienv_data
from tests.unienv_data.store import rowmodel
from tests.unienv_data.store.making import Interposed, failing, nothing
from tests.unienv_data.store.rowmodel import append, check, close, commit, create, newest, reopen
from unienv_data import ReplayBuffer
from unienv_data.errors import DatasetExistsError, FencedError, WriterLockedError
from unienv_data.replay_buffer import lifetime
from unienv_data.storages import ZarrStorage
from unienv_data.store.objects import LocalObjects, MemoryObjects
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace

SPACE: Any = BoxSpace(NumpyComputeBackend, -np.inf, np.inf, dtype=np.dtype(np.float32), shape=(2,))


@pytest.mark.parametrize("what", ["tails", "commits", "columns/frame/zarr.json"])
def test_a_store_that_cannot_commit_stays_open(what: str) -> None:
    root = Interposed(MemoryObjects())
    store = create(root)
    append(store, range(11))
    method = {"tails": "write", "commits": "create"}.get(what, "replace")
    root.before = failing(method, f"storage/{what}", OSError(errno.ENOSPC, "full"), times=2)
    for _ in range(2):
        with pytest.raises(OSError, match="full"):
            close(store)
        check(store, range(11))
    append(store, range(11, 20))
    root.before = nothing
    close(store)
    assert store.is_closed
    assert newest(root).released
    check(reopen(root, writable=False), range(20))


def test_a_fenced_store_is_closed_all_the_same(tmp_path: Path) -> None:
    first = create(LocalObjects(tmp_path))
    append(first, range(5))
    commit(first)
    rowmodel.kill(first)
    second = reopen(LocalObjects(tmp_path), writable=True)
    append(second, [5])
    commit(second)
    append(first, [999])
    with pytest.raises(FencedError):
        close(first)
    assert first.is_closed
    close(first)
    close(second)
    check(reopen(LocalObjects(tmp_path), writable=False), range(6))


def test_a_buffer_that_cannot_commit_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=tmp_path / "x.zarr")
    buffer.extend(np.ones((5, 2), dtype=np.float32), {"task": "t"})

    def full(self: LocalObjects, name: str, data: bytes, *, durable: bool = True) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(LocalObjects, "create", full)
        with pytest.raises(OSError, match="no space"), buffer:
            pass
        assert id(buffer) in lifetime._open  # the end of the process tries once more
    assert len(buffer) == 5
    with pytest.raises(WriterLockedError):
        unienv_data.open(tmp_path / "x.zarr", mode="a")
    buffer.extend(np.zeros((2, 2), dtype=np.float32))
    buffer.close()
    buffer.close()
    assert id(buffer) not in lifetime._open
    with unienv_data.open(tmp_path / "x.zarr", mode="a") as found:
        assert found.get_segments() == [(0, 5), (5, 7)]
        np.testing.assert_array_equal(found[...][:, 0], [1] * 5 + [0] * 2)


def test_a_dump_that_comes_second_leaves_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=tmp_path / "x.zarr")
    buffer.extend(np.ones((5, 2), dtype=np.float32))
    with monkeypatch.context() as patch:
        # Both have looked before either wrote.
        patch.setattr("unienv_data.replay_buffer.keeping.is_taken", lambda target: False)
        buffer.dumps(tmp_path / "copy.zarr")
        buffer.extend(np.zeros((2, 2), dtype=np.float32))
        with pytest.raises(DatasetExistsError):
            buffer.dumps(tmp_path / "copy.zarr")
    buffer.close()
    with unienv_data.open(tmp_path / "copy.zarr") as copy:
        assert len(copy) == 5
        np.testing.assert_array_equal(copy[...], np.ones((5, 2), dtype=np.float32))
