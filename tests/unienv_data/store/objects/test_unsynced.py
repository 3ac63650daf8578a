"""Large files reach the disk while their writer goes on, and a failure is told when it matters."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from unienv_data.store import platform
from unienv_data.store.objects import LocalObjects
from unienv_data.store.objects.unsynced import UnsyncedFiles

LARGE = 1 << 20


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The files that were synced, each with the thread that did it."""
    found: list[tuple[str, str]] = []

    def sync(path: str) -> None:
        found.append((path, threading.current_thread().name))

    monkeypatch.setattr(platform, "sync_file", sync)
    return found


def test_each_file_is_synced_once(synced: list[tuple[str, str]]) -> None:
    files = UnsyncedFiles()
    sizes = {"small": LARGE - 1, "large": LARGE, "larger": 5 * LARGE}
    for path, size in sizes.items():
        files.add(path, size)
    files.sync()
    assert sorted(path for path, _ in synced) == sorted(sizes)
    main = threading.current_thread().name
    assert {path for path, thread in synced if thread == main} == {"small"}
    assert sorted(files.paths()) == sorted(sizes)  # until all else has been done too
    files.clear()
    files.sync()
    assert len(synced) == len(sizes)


def test_a_failure_in_between_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    def fail(path: str) -> None:
        failed.set()
        raise OSError(errno.EIO, "the disk is gone", path)

    objects = LocalObjects(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(platform, "sync_file", fail)
        objects.write("shard", [bytes(LARGE)])
        assert failed.wait(10)
    for _ in range(2):  # it does not come right by being asked again: what was not written stays so
        with pytest.raises(OSError, match="the disk is gone"):
            objects.sync()
    objects.delete(["shard"])
    objects.sync()


def test_what_is_removed_need_not_be_synced(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "root")
    for round_ in range(20):
        names = [f"{round_}-{number}" for number in range(3)]
        for name in names:
            objects.write(name, [bytes(LARGE)])
        objects.delete(names[:2])
        if round_ % 2:
            objects.delete_all()
        objects.sync()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_its_parents_threads(synced: list[tuple[str, str]]) -> None:
    files = UnsyncedFiles()
    files.add("large", LARGE)
    files.sync()
    child = os.fork()
    if not child:
        synced.clear()
        files.sync()
        files.add("another", LARGE)
        files.sync()
        os._exit(0 if {path for path, _ in synced} == {"large", "another"} else 1)
    assert os.waitpid(child, 0)[1] == 0
