"""Calls that differ between platforms, with portable fall-backs. Linux, macOS and Windows."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from io import FileIO

__all__ = [
    "HAS_MAPS",
    "allocate",
    "anonymous_file",
    "create_exclusive",
    "disk_faults",
    "filesystem_of",
    "has_ended",
    "is_own_disk",
    "memory_bytes",
    "on_fork",
    "open_file_limit",
    "process_exists",
    "process_handle",
    "process_identity",
    "read_at",
    "sync_descriptor",
    "sync_directory",
    "sync_file",
    "try_lock",
    "try_lock_shared",
    "unlock",
    "usable_cores",
    "write_parts",
]


def usable_cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int:
    """How much memory this process may use: the machine's, or what its container is given."""
    try:
        known = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):
        known = [4 << 30]  # a platform that does not tell
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(limit) as file:
            known.append(int(file.read()))
    return min(known)


def process_exists(pid: int) -> bool:
    """Whether a process of this number runs on this machine; True where the platform does not tell."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, and there
    return True


def process_identity() -> str | None:
    """This process as others on the machine can recognize it; None where the platform does not tell.

    Numbers of processes are given again, and each container counts its own: the boot of the machine, the
    container's numbering and the moment of the start belong to it.
    """
    started = _start_of(os.getpid())
    return None if started is None else f"{_numbering()} {os.getpid()} {started}"


def has_ended(identity: str | None) -> bool:
    """Whether the process that `process_identity` named has ended; False where nobody can tell."""
    numbering, _, process = (identity or "").partition(" ")
    pid, _, started = process.partition(" ")
    if not pid.isdigit() or _start_of(os.getpid()) is None or numbering != _numbering():
        return False
    return _start_of(int(pid)) != started


def _start_of(pid: int) -> str | None:
    """When a process that runs started, in ticks of the machine; None where none does, or nothing tells."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name, in parentheses, may hold anything; after it comes the state, then 18 more (proc(5)).
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    # One that is only waiting for its parent to notice its end has ended.
    return None if fields[0] in {b"Z", b"X"} else fields[19].decode()


def _numbering() -> str:
    """What process numbers count within: this boot of the machine, and the container."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return f"{file.read().strip()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return "unknown"


def open_file_limit() -> int:
    """How many files this process may have open at once."""
    if sys.platform == "win32":
        return 8192
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 20


def process_handle(pid: int) -> int | None:
    """A descriptor that becomes readable when a process ends; None where there is no such thing."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # an old kernel; or the process has ended already
            return os.pidfd_open(pid)
    return None


def anonymous_file(label: str) -> int:
    """The descriptor of an empty file without a name, which ends with the last process that has it open.

    Args:
        label: what the file is shown as, where memory is listed.
    """
    if sys.platform == "linux":
        # Not below /dev/shm, which containers keep small.
        with contextlib.suppress(OSError):
            return os.memfd_create(label, os.MFD_CLOEXEC)
    descriptor, path = tempfile.mkstemp(prefix=f"{label}-")
    os.unlink(path)
    return descriptor


HAS_MAPS = sys.platform == "linux"
"""Whether files may be read through memory maps: elsewhere nothing tells a disk from a network."""

_OWN_DISKS = re.compile(
    "bcachefs|btrfs|erofs|ext[234]|f2fs|jfs|overlay|ramfs|reiserfs|squashfs|tmpfs|xfs|zfs"
)
_own_disks: dict[int, bool] = {}


def is_own_disk(path: str, device: int) -> bool:
    """Whether a file is on a disk of this machine: on others', a map of it may break, and end the process.

    Args:
        path: the file.
        device: its device, as `os.stat` says it.
    """
    if device not in _own_disks:
        try:
            with open("/proc/self/mountinfo", errors="surrogateescape") as mounts:
                kind = filesystem_of(os.path.realpath(path), mounts)
        except OSError:
            kind = ""
        _own_disks[device] = _OWN_DISKS.fullmatch(kind) is not None
    return _own_disks[device]


def filesystem_of(path: str, mounts: Iterable[str]) -> str:
    """The kind of filesystem that a path without links is on; empty where nothing tells.

    Args:
        path: the path.
        mounts: the lines of Linux's /proc/self/mountinfo (proc(5)); later mounts hide earlier ones.
    """
    found, kind = "", ""
    for line in mounts:
        mount, separator, rest = line.partition(" - ")
        fields = mount.split()
        if not separator or len(fields) < 5:
            continue
        # Blanks and the like are written as octal numbers.
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(found):
            found, kind = point, rest.split()[0]
    return kind


def disk_faults() -> int:
    """How often this process has waited for a page of a mapped file to be read; 0 where nothing tells."""
    return 0 if sys.platform == "win32" else resource.getrusage(resource.RUSAGE_SELF).ru_majflt


def on_fork(after_in_child: Callable[[], None]) -> None:
    """Have `after_in_child` called in every forked child, where the platform forks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=after_in_child)


def allocate(descriptor: int, start: int, length: int) -> None:
    """Give part of an open file its place on the disk, so that writing to it by a memory map cannot fail.

    Raises:
        OSError: there is no room, or the platform has no such call.
    """
    if not hasattr(os, "posix_fallocate"):
        raise OSError(errno.ENOTSUP, "space cannot be allocated on this platform")
    os.posix_fallocate(descriptor, start, length)


if sys.platform != "win32":
    import resource

    def read_at(descriptor: int, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`, without moving the file's position."""
        return os.pread(descriptor, length, offset)

else:  # pragma: no cover - exercised on Windows only
    import threading

    _positioned = threading.Lock()

    def read_at(descriptor: int, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`; readers take turns, as they share the file's position."""
        with _positioned:
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.read(descriptor, length)


if hasattr(os, "writev"):

    def write_parts(file: FileIO, parts: Iterable[bytes | memoryview]) -> None:
        """Write all of the parts, one after another: many of them by one call, where there is one for it."""
        left = [part for part in parts if len(part)]
        while left:
            written = os.writev(file.fileno(), _at_once(left))
            done = 0
            while done < len(left) and written >= len(left[done]):
                written -= len(left[done])
                done += 1
            del left[:done]
            if written:  # of one a part only
                left[0] = memoryview(left[0])[written:]

    def _at_once(parts: Sequence[bytes | memoryview]) -> list[bytes | memoryview]:
        """The first of the parts, or of the only one: no more than one call should write."""
        room = _MOST_BYTES
        for count, part in enumerate(parts[:_MOST_PARTS]):
            if len(part) > room:
                return [*parts[:count]] or [memoryview(part)[:room]]
            room -= len(part)
        return [*parts[:_MOST_PARTS]]

else:

    def write_parts(file: FileIO, parts: Iterable[bytes | memoryview]) -> None:
        """Write all of the parts, one after another."""
        for part in parts:
            view = memoryview(part)
            while len(view):
                view = view[file.write(view) :]


_MOST_PARTS = 1024  # IOV_MAX of Linux and macOS
_MOST_BYTES = 1 << 20  # of one call; with 2 MiB and more Linux may look for huge pages (docs/performance.md)


def sync_descriptor(descriptor: int) -> None:
    """Have the operating system write an open file to the disk."""
    os.fsync(descriptor)


def sync_file(path: str) -> None:
    """Have the operating system write the file at `path` to the disk."""
    # Windows flushes only what was opened for writing.
    descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        sync_descriptor(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: str) -> None:
    """Make the names in the directory at `path` durable, where the platform has such a call."""
    if sys.platform != "win32":
        sync_file(path)


def create_exclusive(temporary: str, path: str) -> None:
    """Give the complete file at `temporary` the name `path`, unless that name is taken.

    Raises:
        FileExistsError: it is taken; `temporary` stays.
    """
    if sys.platform != "win32":
        try:
            os.link(temporary, path)
        except OSError as exc:
            if exc.errno not in _NO_LINKS:
                raise
            # A filesystem without hard links: creating the name is still exclusive.
            _copy_exclusive(temporary, path)
        os.unlink(temporary)
    else:  # pragma: no cover - exercised on Windows only
        os.rename(temporary, path)  # refuses an existing name on Windows


# What FAT, SMB and FUSE filesystems say instead of making a link.
_NO_LINKS = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def _copy_exclusive(source: str, path: str) -> None:
    with open(source, "rb") as file:
        data = file.read()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(path)
        raise


if sys.platform != "win32":
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Take the lock of an open file, which ends with the process; False where another has it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def try_lock_shared(descriptor: int) -> bool:
        """Share the lock of an open file, which ends with the process; False where another has it alone."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(descriptor: int) -> None:
        """Give the lock of an open file back."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)

else:  # pragma: no cover - exercised on Windows only
    import msvcrt

    # Far beyond the note that the lock file holds, which others must be able to read.
    _LOCK_BYTE = 1 << 30

    def try_lock(descriptor: int) -> bool:
        """Take the lock of an open file, which ends with the process; False where another has it."""
        os.lseek(descriptor, _LOCK_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def try_lock_shared(descriptor: int) -> bool:
        """Nobody takes part in a lock here."""
        raise OSError(errno.ENOTSUP, "locks cannot be shared on this platform")

    def unlock(descriptor: int) -> None:
        """Give the lock of an open file back."""
        os.lseek(descriptor, _LOCK_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
