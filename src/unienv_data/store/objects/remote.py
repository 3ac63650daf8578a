"""Objects on any fsspec filesystem."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from unienv_data.errors import UniEnvError
from unienv_data.store.objects.base import Range
from unienv_data.store.objects.client import ClientObjects
from unienv_data.store.objects.failures import Failure, failure_of

__all__ = ["FsspecObjects"]

_memory_mutex = threading.Lock()
_copies_mutex = threading.Lock()


class FsspecObjects(ClientObjects):
    """Objects below a path of an fsspec filesystem.

    Args:
        fs: the filesystem.
        root: the path within it.
        url: what to call the place in messages, without credentials.
        assume_single_writer: the user's word that nobody else writes, for filesystems that cannot create
            an object exclusively.
    """

    def __init__(self, fs: Any, root: str, url: str, *, assume_single_writer: bool = False) -> None:
        super().__init__()
        self._filesystem, self._pid = _once(fs), os.getpid()
        self._root = root.rstrip("/")
        self.url = url.rstrip("/")
        self._single_writer = assume_single_writer
        # Filesystems that keep copies mix up what several threads ask for.
        self._turn: AbstractContextManager[Any] = _copies_mutex if _keeps_copies(fs) else nullcontext()
        self._create = _exclusive_creation(fs)
        self.exclusive_create = self._create is not None
        self.writes_refused = _refusal(fs)
        if self.writes_refused is None and not (self.exclusive_create or assume_single_writer):
            self.writes_refused = (
                f"{type(fs).__name__} cannot create an object exclusively, which keeps two writers apart; "
                "pass assume_single_writer=True if nobody else writes"
            )

    @property
    def _fs(self) -> Any:
        """The filesystem, opened anew in a forked child, which has no part in its parent's connections."""
        if self._pid != os.getpid():
            _parents.append(self._filesystem)
            self._filesystem, self._pid = _once(_reopened(self._filesystem)), os.getpid()
        return self._filesystem

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def read(self, name: str) -> bytes:
        with self._telling(name), self._turn:
            self.traffic.add(requests=1)
            data: bytes = self._fs.cat_file(self._path(name))
        self.traffic.add(bytes_read=len(data))
        return data

    def attempt_ranges(self, ranges: Sequence[Range]) -> list[bytes | Exception]:
        if not ranges:
            return []
        self.traffic.add(requests=len(ranges))
        with self._turn:
            found = self._fs.cat_ranges(
                [self._path(item.name) for item in ranges],
                [item.start for item in ranges],
                [item.stop for item in ranges],
                on_error="return",
            )
        return [self._checked(data, item) for data, item in zip(found, ranges, strict=True)]

    def _checked(self, found: Any, item: Range) -> bytes | Exception:
        """What came for a range."""
        if not isinstance(found, Exception):
            self.traffic.add(bytes_read=len(found))
            if len(found) > item.stop - item.start:  # of a server that knows no ranges: all of it
                return bytes(found[item.start : item.stop])
            return bytes(found)
        try:
            with self._telling(item.name):
                # A server refuses a range that begins beyond the end of the object.
                if _may_be_beyond(found) and self._info(item.name)["size"] <= item.start:
                    return b""
                raise found
        except Exception as exc:
            return exc

    def read_end(self, name: str, length: int) -> bytes:
        if _keeps_copies(self._fs):  # and cannot tell where a file ends
            size = self.size(name)
            return self.read_ranges([Range(name, max(size - length, 0), size)])[0] if size else b""
        with self._telling(name):
            self.traffic.add(requests=1)
            try:
                data: bytes = self._fs.cat_file(self._path(name), start=-length)
            except Exception as exc:
                # Servers refuse to give the end of an object that is empty.
                if not _may_be_beyond(exc) or self._info(name)["size"]:
                    raise
                return b""
        self.traffic.add(bytes_read=len(data))
        return data[-length:] if len(data) > length else data  # all of it, where a server knows no ranges

    def size(self, name: str) -> int:
        with self._telling(name):
            return int(self._info(name)["size"])

    def exists(self, name: str) -> bool:
        # Not the filesystem's own method, for which whatever goes wrong means that there is nothing.
        with self._telling(name):
            try:
                return bool(self._info(name)["type"] == "file")
            except (FileNotFoundError, NotADirectoryError):
                return False

    def _info(self, name: str) -> Any:
        self._fs.invalidate_cache()
        self.traffic.add(requests=1)
        return self._fs.info(self._path(name))

    def list(self, prefix: str) -> list[str]:
        path = self._path(prefix)
        self._fs.invalidate_cache()
        with self._telling(prefix):
            self.traffic.add(requests=1)
            try:
                found = self._fs.ls(path, detail=False)
            except (FileNotFoundError, NotADirectoryError):
                return []
        names = {str(name).rstrip("/").rsplit("/", 1)[-1] for name in found if str(name).rstrip("/") != path}
        return sorted(names)

    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        self._put(name, b"".join(parts))

    def create(self, name: str, data: bytes, *, durable: bool = True) -> None:
        self.check_writable()
        if self._create is not None:
            with self._telling(name):
                self._make_folder(name)
                self.traffic.add(requests=1, bytes_written=len(data))
                self._create(self._fs, self._path(name), data)
        elif self.exists(name):
            raise FileExistsError(f"{self.url}/{name}")
        else:
            self._put(name, data)

    def replace(self, name: str, data: bytes, *, durable: bool = True) -> None:
        self._put(name, data)

    def _put(self, name: str, data: bytes) -> None:
        if _refusal(self._filesystem) is not None:
            self.check_writable()
        with self._telling(name):
            self._make_folder(name)
            self.traffic.add(requests=1, bytes_written=len(data))
            self._fs.pipe_file(self._path(name), data)

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        """Have errors be OSErrors, and a missing object's say its name: not every filesystem sees to it."""
        place = f"{self.url}/{name}"
        try:
            yield
        except FileNotFoundError as exc:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), place) from exc
        except Exception as exc:
            # What is no builtin comes from a client library: no connection, no credentials.
            if isinstance(exc, OSError | UniEnvError) or type(exc).__module__ == "builtins":
                raise
            raise OSError(errno.EIO, f"{type(exc).__name__}: {exc}", place) from exc

    def sync(self) -> None:
        pass  # an object is durable once its write has been acknowledged

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            with self._telling(name), suppress(FileNotFoundError):
                self.traffic.add(requests=1)
                self._fs.rm_file(self._path(name))

    def delete_all(self) -> None:
        with self._telling(""), suppress(FileNotFoundError):
            self.traffic.add(requests=1)
            self._fs.rm(self._root, recursive=True)

    def close(self) -> None:
        pass  # nothing is kept open

    def after_fork(self) -> FsspecObjects:
        return self  # its filesystem is opened anew when it is used

    def below(self, prefix: str) -> FsspecObjects:
        inner = FsspecObjects(
            self._fs, self._path(prefix), f"{self.url}/{prefix}", assume_single_writer=self._single_writer
        )
        inner.traffic = self.traffic
        return inner

    def _make_folder(self, name: str) -> None:
        # Object stores have no folders; other filesystems must be told.
        if not _has_flat_names(self._fs):
            parent = self._path(name).rsplit("/", 1)[0]
            self._fs.makedirs(parent, exist_ok=True)


# Filesystems of parent processes: closing their connections is not for a child to do.
_parents: list[Any] = []


def _reopened(fs: Any) -> Any:
    options = {
        name: _reopened(value) if hasattr(value, "storage_options") else value
        for name, value in fs.storage_options.items()
    }
    return type(fs)(*fs.storage_args, **options)


def _once(fs: Any) -> Any:
    """The filesystem, which is to make each request once: repeating is seen to above."""
    for link in (fs, getattr(fs, "fs", None)):
        if (
            link is not None
            and _protocols(link) & {"s3", "s3a"}
            and isinstance(vars(type(link)).get("retries"), int)
        ):
            link.retries = 1
    return fs


def _keeps_copies(fs: Any) -> bool:
    found = type(fs).protocol
    return not {found, *found}.isdisjoint({"simplecache", "filecache", "blockcache"})


def _protocols(fs: Any) -> frozenset[str]:
    # Filesystems that keep copies pass themselves off as what they keep copies of.
    protocol = type(fs).protocol if _keeps_copies(fs) else fs.protocol
    return frozenset((protocol,) if isinstance(protocol, str) else protocol)


_READ_ONLY = {
    "http": "what http serves is read-only",
    "https": "what http serves is read-only",
    "zip": "a zip archive is read-only; unpack it to write",
    "simplecache": "what simplecache:: keeps is for reading; write to the URL without it",
    "filecache": "what filecache:: keeps is for reading; write to the URL without it",
    "blockcache": "what blockcache:: keeps is for reading; write to the URL without it",
}


def _refusal(fs: Any) -> str | None:
    """Why nothing is written on this filesystem; None where it is not known to be read-only."""
    for name in sorted(_protocols(fs)):
        if name in _READ_ONLY:
            return _READ_ONLY[name]
    return None


def _may_be_beyond(exc: BaseException) -> bool:
    """Whether this may be how a server refuses a range that begins beyond an object's end."""
    return not isinstance(exc, FileNotFoundError) and failure_of(exc) is Failure.ANSWER


def _has_flat_names(fs: Any) -> bool:
    return bool(_protocols(fs) & {"s3", "s3a", "gs", "gcs", "abfs", "az", "adl"})


def _exclusive_creation(fs: Any) -> Callable[[Any, str, bytes], None] | None:
    """How this filesystem creates an object only where there is none; None where it cannot."""
    protocols = _protocols(fs)
    if "memory" in protocols:
        return _create_in_memory
    if protocols & {"s3", "s3a"}:
        return _create_on_s3
    return None


def _create_in_memory(fs: Any, path: str, data: bytes) -> None:
    with _memory_mutex:
        if fs.exists(path):
            raise FileExistsError(path)
        fs.pipe_file(path, data)


def _create_on_s3(fs: Any, path: str, data: bytes) -> None:
    try:
        fs.pipe_file(path, data, mode="create")
    except OSError as exc:
        # By server: a refused If-None-Match comes as FileExistsError or as EINVAL, like other refusals.
        if isinstance(exc, FileExistsError) or (exc.errno == errno.EINVAL and fs.exists(path)):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from exc
        raise
