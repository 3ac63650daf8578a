"""Files of a local folder: durable in the right order, few of them open, one writer, safe after fork."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unienv_data.store import powerloss
from tests.unienv_data.store.powerloss import Disk
from unienv_data.errors import WriterLockedError
from unienv_data.store import platform
from unienv_data.store.objects import Range, local
from unienv_data.store.objects.local import LocalObjects

disk = powerloss.disk
forking = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


# Failures on the way


@pytest.mark.durable
@pytest.mark.parametrize("step", ["fsync", "link", "replace", "write"])
def test_a_failed_write_leaves_no_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    objects = LocalObjects(tmp_path)
    objects.replace("hint", b"old")

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    if step == "write":
        data: bytes = 5  # type: ignore[assignment]
        error: type[Exception] = TypeError
    else:
        monkeypatch.setattr(os, step, fail)
        data, error = b"new", OSError
    for method in (objects.create, objects.replace):
        if (step, method) in (("link", objects.replace), ("replace", objects.create)):
            continue
        with pytest.raises(error):
            method("hint" if method == objects.replace else "folder/name", data)
    assert files(tmp_path) == {"hint"}
    assert objects.read("hint") == b"old"
    monkeypatch.undo()
    objects.create("folder/name", b"new")
    assert objects.read("folder/name") == b"new"


def test_temporaries_of_the_dead_are_not_listed(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    objects.create("commits/1.json", b"{}")
    (tmp_path / "commits" / "2.json.0123456789ab.tmp").write_bytes(b"half")
    assert objects.list("commits") == ["1.json"]


NO_LINKS = [errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK]


@posix_only
@pytest.mark.parametrize("number", NO_LINKS, ids=errno.errorcode.get)
def test_filesystems_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """FAT, SMB and many FUSE filesystems say so in different words."""

    def no_links(source: str, target: str) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", no_links)
    objects = LocalObjects(tmp_path)
    objects.create("name", b"first")
    with pytest.raises(FileExistsError):
        objects.create("name", b"second")
    assert objects.read("name") == b"first"
    assert files(tmp_path) == {"name"}


# Durability


@posix_only
@pytest.mark.durable
def test_what_is_written_survives_power_loss_after_sync(tmp_path: Path, disk: Disk) -> None:
    root = tmp_path / "deep" / "down" / "dataset"
    objects = LocalObjects(root)
    objects.write("columns/a/c.0", [b"one"])
    objects.below("columns").write("b/nested/c.0", [b"two"])
    objects.replace("columns/a/zarr.json", b"hint")
    objects.sync()
    objects.write("columns/a/c.1", [b"three"])
    objects.create("commits/1.json", b"commit")
    left = tmp_path / "left"
    left.mkdir()
    disk.after_power_loss(left, tmp_path, names_last=False)
    kept = files(left / "deep" / "down" / "dataset")
    assert {"columns/a/c.0", "columns/b/nested/c.0", "commits/1.json"} <= kept
    assert (left / "deep/down/dataset/commits/1.json").read_bytes() == b"commit"
    assert (left / "deep/down/dataset/columns/b/nested/c.0").read_bytes() == b"two"
    assert not (left / "deep/down/dataset/columns/a/c.1").exists()  # the test can tell


# Open files


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files by /proc")
def test_few_files_stay_open(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    for number in range(600):
        objects.write(f"c.{number}", [number.to_bytes(4, "little")])
    before = open_descriptors()
    for _ in range(2):
        for number in range(600):
            assert objects.read_ranges([Range(f"c.{number}", 0, 4)]) == [number.to_bytes(4, "little")]
    assert open_descriptors() - before <= 256
    objects.close()
    assert open_descriptors() <= before
    objects.read_ranges([Range("c.0", 0, 4)])
    before = open_descriptors()
    del objects
    assert open_descriptors() == before - 1


_CROWDED = """
import resource, sys
if sys.argv[2] == "roomy":
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from unienv_data.store.objects import Range
from unienv_data.store.objects.local import LocalObjects
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
stores = [LocalObjects(sys.argv[1]) for _ in range(4)]
others = []
for number in range(200):
    for store in stores:
        assert store.read_ranges([Range(f"c.{number}", 0, 4)]) == [number.to_bytes(4, "little")]
    if sys.argv[2] == "roomy" and number < 30:
        others.append(open(sys.argv[1] + "/c.0", "rb"))
print("read")
"""


@posix_only
@pytest.mark.parametrize("case", ["roomy", "crowded"])
def test_reading_many_files_leaves_descriptors_to_others(tmp_path: Path, case: str) -> None:
    objects = LocalObjects(tmp_path)
    for number in range(200):
        objects.write(f"c.{number}", [number.to_bytes(4, "little")])
    done = subprocess.run(
        [sys.executable, "-c", _CROWDED, str(tmp_path), case], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr[-500:]) == ("read\n", "")


# The lock

_HOLDER = """
import sys, time
from unienv_data.store.objects.local import LocalObjects
lock = LocalObjects(sys.argv[1]).lock("writer.lock", "process 7 on another machine")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with process:
        yield process
        process.kill()


def test_a_held_lock_is_refused_by_name_until_its_holder_dies(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    objects = LocalObjects(tmp_path)
    with pytest.raises(WriterLockedError, match=r"writer\.lock: process 7 on another machine is writing"):
        objects.lock("writer.lock", "me")
    holder.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    holder.wait()
    lock = objects.lock("writer.lock", "me")
    assert (tmp_path / "writer.lock").read_text() == "me"
    with pytest.raises(WriterLockedError, match="me is writing"):
        LocalObjects(tmp_path).lock("writer.lock", "you")
    lock.release()
    lock.release()
    objects.lock("writer.lock", "you, at length").release()
    objects.lock("writer.lock", "I").release()


def test_a_forgotten_lock_is_given_back(tmp_path: Path) -> None:
    LocalObjects(tmp_path).lock("writer.lock", "me")
    LocalObjects(tmp_path).lock("writer.lock", "you").release()


# Fork


def run_in_fork(work) -> int:  # type: ignore[no-untyped-def]
    """Run `work` in a forked child; its exit status, 0 where it returned."""
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@posix_only
@forking
def test_hundred_forks_read_while_the_parent_reads(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path)
    for number in range(8):
        objects.write(f"c.{number}", [bytes([number]) * 5000])

    def read() -> None:
        for number in range(8):
            part = Range(f"c.{number}", 10 * number, 4000)
            assert objects.read_ranges([part]) == [bytes([number]) * (4000 - 10 * number)]

    for _ in range(100):
        read()
        assert run_in_fork(read) == 0
    read()


@posix_only
@forking
def test_a_lock_stays_with_the_parent(tmp_path: Path) -> None:
    """A child that lives on neither keeps the lock of a dead parent nor gives it back for a living one."""
    objects = LocalObjects(tmp_path)
    lock = objects.lock("writer.lock", "parent")

    def refused() -> None:
        lock.release()
        with contextlib.suppress(WriterLockedError):
            LocalObjects(tmp_path).lock("writer.lock", "child")
            raise AssertionError("the child took the lock")

    assert run_in_fork(refused) == 0
    with pytest.raises(WriterLockedError, match="parent"):
        LocalObjects(tmp_path).lock("writer.lock", "other")
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        os.read(reading, 1)  # until the parent lets go
        os._exit(0)
    os.close(reading)
    lock.release()
    LocalObjects(tmp_path).lock("writer.lock", "next").release()
    os.close(writing)
    os.waitpid(child, 0)


def test_exclusive_creation_is_not_fooled_by_what_looks_like_a_temporary(tmp_path: Path) -> None:
    (tmp_path / "x.tmp").write_bytes(b"somebody's")
    objects = LocalObjects(tmp_path)
    objects.create("x", b"ours")
    assert (tmp_path / "x.tmp").read_bytes() == b"somebody's"
    assert platform.usable_cores() >= 1
    assert local.LocalObjects(tmp_path).read("x") == b"ours"


def test_a_file_that_is_being_read_is_not_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may drop it from the cache before it is read: its number may be another's by then."""
    objects = LocalObjects(tmp_path)
    objects.write("a", [b"0123456789"])
    real = platform.read_at

    def read_at(descriptor: int, length: int, offset: int) -> bytes:
        local._open_files.clear()
        return real(descriptor, length, offset)

    monkeypatch.setattr(platform, "read_at", read_at)
    assert objects.read_end("a", 4) == b"6789"
    assert objects.read_ranges([Range("a", 1, 3), Range("a", 5, 6)]) == [b"12", b"5"]
