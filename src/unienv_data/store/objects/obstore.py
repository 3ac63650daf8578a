"""Objects of a bucket through obstore, whose requests run outside of Python."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from unienv_data.errors import UniEnvError
from unienv_data.store import platform
from unienv_data.store.objects.base import Range, Sink
from unienv_data.store.objects.bucket import Bucket
from unienv_data.store.objects.client import ClientObjects
from unienv_data.store.objects.failures import Failure, failure_of
from unienv_interface._optional import import_optional

__all__ = ["ObstoreObjects", "can_use_obstore"]

_CONCURRENT = 256  # requests of one call at a time
_WHOLE_BYTES = 16 << 20  # larger objects are sent in parts of
_PART_BYTES = 8 << 20
_DELETED_AT_ONCE = 1000
_PIECE_BYTES = 512 << 10  # of an object that is written elsewhere as it comes
_ANSWERED = re.compile(r"status code: (\d{3}[\w ]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_NO_BUCKET = re.compile("status code: 404 |<Code>NoSuchBucket</Code>")
_EXPLANATION = re.compile(r"\s*Debug source:.*", re.DOTALL)


class ObstoreObjects(ClientObjects):
    """Objects below a path of a bucket.

    Args:
        bucket: the bucket.
        url: what to call the place in messages, without credentials.
        substitute: opens the place by other means, for forked children, which have none of obstore's threads.
        patience_seconds: how long a request may wait for the server to say something.

    Raises:
        MissingDependencyError: obstore is not installed.
    """

    def __init__(
        self,
        bucket: Bucket,
        url: str,
        substitute: Callable[[], ClientObjects],
        patience_seconds: float = 30.0,
    ) -> None:
        super().__init__()
        self._obstore = import_optional("obstore", extra="obstore")
        self._store = _open(bucket, patience_seconds)
        self._root = bucket.path
        self._has_suffixes = bucket.kind != "Azure"  # whether the end of an object can be asked for
        self._substitute = substitute
        self.url = url.rstrip("/")

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".strip("/")

    # Reading

    def read(self, name: str) -> bytes:
        return self._got(name, lambda: self._obstore.get(self._store, self._path(name)).bytes())

    def copy_to(self, name: str, sink: Sink) -> None:
        self.traffic.add(requests=1)
        count = 0
        with self._telling(name):
            sink.begin()
            found = self._obstore.get(self._store, self._path(name))
            for piece in found.stream(min_chunk_size=_PIECE_BYTES):
                sink.write(memoryview(piece))
                count += len(piece)
        self.traffic.add(bytes_read=count)

    def _got(self, name: str, get: Callable[[], Any]) -> bytes:
        self.traffic.add(requests=1)
        with self._telling(name):
            data = bytes(get())
        self.traffic.add(bytes_read=len(data))
        return data

    def attempt_ranges(self, ranges: Sequence[Range]) -> list[bytes | Exception]:
        if not ranges:
            return []
        from fsspec.asyn import get_loop, sync

        found: list[Any] = sync(get_loop(), self._fetch, ranges)
        data = [got if isinstance(got, Exception) else bytes(got) for got in found]
        sizes = [len(got) for got in data if isinstance(got, bytes)]
        self.traffic.add(requests=len(ranges), bytes_read=sum(sizes))
        if len(sizes) < len(data):
            pairs = zip(data, ranges, strict=True)
            return [got if isinstance(got, bytes) else self._failed(got, item) for got, item in pairs]
        return data

    async def _fetch(self, ranges: Sequence[Range]) -> list[Any]:
        """What the client gives for each range, or its exception."""
        get, store = self._obstore.get_range_async, self._store
        root = f"{self._root}/" if self._root else ""
        found: list[Any] = []
        for first in range(0, len(ranges), _CONCURRENT):
            # Without a coroutine around each, of which there would be hundreds.
            under_way = [
                get(store, f"{root}{name}", start=start, end=stop)
                for name, start, stop in ranges[first : first + _CONCURRENT]
            ]
            found += await asyncio.gather(*under_way, return_exceptions=True)
        return found

    def _failed(self, failure: Exception, item: Range) -> bytes | Exception:
        """What has come of a range: nothing where it begins beyond the end of the object."""
        try:
            with self._telling(item.name):
                raise failure
        except Exception as exc:
            if _may_be_beyond(exc):
                try:
                    if self.size(item.name) <= item.start:
                        return b""
                except Exception as other:
                    return other
            return exc

    def read_end(self, name: str, length: int) -> bytes:
        if not self._has_suffixes:
            size = self.size(name)
            return self._range(name, max(size - length, 0), size) if size else b""
        get, options = self._obstore.get, {"range": {"suffix": length}}
        try:
            return self._got(name, lambda: get(self._store, self._path(name), options=options).bytes())
        except OSError as exc:
            # Servers refuse to give the end of an object that is empty.
            if not _may_be_beyond(exc) or self.size(name):
                raise
            return b""

    def _range(self, name: str, start: int, stop: int) -> bytes:
        get = self._obstore.get_range
        return self._got(name, lambda: get(self._store, self._path(name), start=start, end=stop))

    def size(self, name: str) -> int:
        self.traffic.add(requests=1)
        with self._telling(name):
            return int(self._obstore.head(self._store, self._path(name))["size"])

    def exists(self, name: str) -> bool:
        if not self._path(name):  # the bucket itself
            return False
        try:
            self.size(name)
        except FileNotFoundError:
            return False
        return True

    def list(self, prefix: str) -> list[str]:
        path = self._path(prefix)
        self.traffic.add(requests=1)
        with suppress(FileNotFoundError), self._telling(prefix):
            found = self._obstore.list_with_delimiter(self._store, path or None)
            paths = {*found["common_prefixes"], *(item["path"] for item in found["objects"])} - {path}
            return sorted(name.rstrip("/").rsplit("/", 1)[-1] for name in paths)
        return []

    # Writing

    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        self._put(name, b"".join(parts))

    def replace(self, name: str, data: bytes, *, durable: bool = True) -> None:
        self._put(name, data)

    def _put(self, name: str, data: bytes) -> None:
        in_parts = len(data) > _WHOLE_BYTES
        requests = 2 + -(-len(data) // _PART_BYTES) if in_parts else 1
        self.traffic.add(requests=requests, bytes_written=len(data))
        with self._telling(name):
            self._obstore.put(
                self._store, self._path(name), data, use_multipart=in_parts, chunk_size=_PART_BYTES
            )

    def create(self, name: str, data: bytes, *, durable: bool = True) -> None:
        self.traffic.add(requests=1, bytes_written=len(data))
        with self._telling(name):
            self._obstore.put(self._store, self._path(name), data, mode="create", use_multipart=False)

    def sync(self) -> None:
        pass  # an object is durable once its write has been acknowledged

    def delete(self, names: Iterable[str]) -> None:
        self._delete([self._path(name) for name in names])

    def _delete(self, paths: Sequence[str]) -> None:
        for start in range(0, len(paths), _DELETED_AT_ONCE):
            some = paths[start : start + _DELETED_AT_ONCE]
            self.traffic.add(requests=1)
            try:
                with self._telling(""):
                    self._obstore.delete(self._store, some)
            except OSError as exc:
                if failure_of(exc) is not Failure.ANSWER:
                    raise
                for path in some:  # one is not there, or the server deletes only one by one
                    self.traffic.add(requests=1)
                    with suppress(FileNotFoundError), self._telling(""):
                        self._obstore.delete(self._store, path)

    def delete_all(self) -> None:
        self.traffic.add(requests=1)
        with self._telling(""):
            pages = self._obstore.list(self._store, self._root or None, chunk_size=_DELETED_AT_ONCE)
            paths = [item["path"] for page in pages for item in page]
        if self._root and self.exists(""):
            paths.append(self._root)
        self._delete(list(dict.fromkeys(paths)))

    # The place

    def close(self) -> None:
        pass  # nothing is kept open

    def after_fork(self) -> ClientObjects:
        substitute = self._substitute()
        substitute.traffic = self.traffic
        return substitute

    def below(self, prefix: str) -> ObstoreObjects:
        inner = object.__new__(ObstoreObjects)
        inner.__dict__.update(self.__dict__)
        inner._root, inner.url = self._path(prefix), f"{self.url}/{prefix}"
        outer = self._substitute
        inner._substitute = lambda: outer().below(prefix)
        return inner

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        """Have errors be OSErrors that name the object, in the server's words and none of the client's."""
        try:
            yield
        except UniEnvError:
            raise
        except Exception as exc:
            place, kind = f"{self.url}/{name}", type(exc).__name__
            if isinstance(exc, FileNotFoundError) or _NO_BUCKET.search(str(exc)):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), place) from None
            if kind == "AlreadyExistsError":
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place) from None
            if type(exc).__module__.partition(".")[0] != "obstore":
                raise
            said = _said(str(exc))
            refused = kind in {"PermissionDeniedError", "UnauthenticatedError"}
            raise _KINDS[refused](errno.EACCES if refused else errno.EIO, said, place) from None


def _said(text: str) -> str:
    """What an exception of obstore's says, without the address, the XML and the client's insides."""
    text = _EXPLANATION.sub("", text)
    answered = _ANSWERED.search(text)
    if answered is None:
        return text
    code = _CODE.search(text)
    return f"the server answered with status code: {answered[1].strip()}{f' ({code[1]})' if code else ''}"


_KINDS: dict[bool, type[OSError]] = {True: PermissionError, False: OSError}


def _may_be_beyond(exc: BaseException) -> bool:
    """Whether this may be how a server refuses a range that begins beyond an object's end."""
    return not isinstance(exc, FileNotFoundError) and failure_of(exc) is Failure.ANSWER


def _open(bucket: Bucket, patience_seconds: float) -> Any:
    stores: ModuleType = import_optional("obstore.store", extra="obstore")
    opened = {"S3": stores.S3Store, "GCS": stores.GCSStore, "Azure": stores.AzureStore}[bucket.kind]
    # Repeating is seen to above, and a large object may take its time as long as something comes.
    waits = {"connect_timeout": "10s", "read_timeout": f"{max(1, int(patience_seconds))}s", "timeout": "1day"}
    return opened(
        bucket.name,
        config=dict(bucket.config),
        client_options={**waits, **bucket.client},
        retry_config={"max_retries": 0},
    )


class _Forked:
    """Whether this process was forked from one that may have begun obstore's threads, and has none."""

    value = False


def _note_fork() -> None:
    _Forked.value = _Forked.value or "obstore" in sys.modules


platform.on_fork(_note_fork)


def can_use_obstore() -> bool:
    """Whether obstore works in this process, as far as forks go: it would wait for ever in a forked child."""
    return not _Forked.value
