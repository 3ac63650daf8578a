"""What a commit refers to is on the disk before the commit is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unienv_data import ReplayBuffer
from unienv_data.storages import ZarrStorage
from unienv_data.store import platform
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace

SPACE: Any = BoxSpace(NumpyComputeBackend, 0, 255, dtype=np.dtype(np.uint8), shape=(100,))


@pytest.mark.durable
@pytest.mark.skipif(os.name != "posix", reason="the paths of open files are read from /proc")
def test_everything_is_synced_before_the_commit_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("the paths of open files are read from /proc")
    url = tmp_path / "a.zarr"
    buffer = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=url, chunks={"value": 2}, shards={"value": 4})
    events: list[tuple[str, str]] = []
    real = platform.sync_descriptor

    def sync(descriptor: int) -> None:
        events.append(("sync", os.readlink(f"/proc/self/fd/{descriptor}")))
        real(descriptor)

    def link(source: str, target: str, **options: Any) -> None:
        events.append(("link", target))
        os_link(source, target, **options)

    os_link = os.link
    monkeypatch.setattr(platform, "sync_descriptor", sync)
    monkeypatch.setattr(os, "link", link)
    buffer.extend(np.zeros((11, 100), dtype=np.uint8), {"task": "t"})
    events.clear()
    buffer.commit()
    commit = str(url / "storage" / "commits" / f"{1:020d}.json")
    linked = events.index(("link", commit))
    synced_before = {path for kind, path in events[:linked] if kind == "sync"}
    written = buffer.storage.committed
    column = url / "storage" / "columns" / "value"
    needed = {str(column / "c.0.0"), str(column / "c.1.0"), str(column)}
    needed |= {str(url / "storage" / written.tail.object), str(url / "storage" / "tails")}
    needed |= {str(url / part.object) for part in written.buffer.episodes} | {str(url / "episodes")}
    assert needed <= synced_before
    # The document is complete on the disk before it has its name, and has it there before commit() returns.
    assert any(path.startswith(commit) for path in synced_before)
    assert ("sync", str(url / "storage" / "commits")) in events[linked:]
    buffer.close()
