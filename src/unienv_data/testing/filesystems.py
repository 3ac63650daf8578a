"""Filesystems that are slow, or fail as networks and servers do, over any other fsspec filesystem.

    plan = FaultPlan({3: "503", 7: "truncated"})
    url = "faulty::memory://somewhere/data.zarr"
    buffer = unienv_data.open(url, storage_options={"faulty": {"plan": plan}})

Importing this module makes the protocols `delayed` and `faulty` known to fsspec.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Literal, TypeVar

import fsspec
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.chained import ChainedFileSystem

__all__ = ["FAULTS", "DelayingFileSystem", "Fault", "FaultPlan", "FaultyFileSystem"]

T = TypeVar("T")

Fault = Literal["timeout", "503", "reset", "truncated", "wrong", "lost"]
"""What can befall a request:

- "timeout": it is carried out, and the answer does not come;
- "503": the server has too much to do, and does nothing;
- "reset": the connection breaks before the request has arrived;
- "truncated": of what is read, only the first half comes;
- "wrong": of what is read, a byte in the middle is another;
- "lost": the network is gone, for this request and all that follow.
"""
FAULTS: tuple[Fault, ...] = ("timeout", "503", "reset", "truncated", "wrong", "lost")


class _RequestFileSystem(AsyncFileSystem, ChainedFileSystem):  # type: ignore[misc] # fsspec has no types
    """Another filesystem, each of whose requests goes through `_request`.

    Args:
        fs: the other filesystem; None where `target_protocol` names it.
        target_protocol: its protocol.
        target_options: what it is made with.
        fo: nothing; fsspec hands over the path of a chain here.
    """

    cachable = False
    own_protocol: ClassVar[str]

    def __init__(
        self,
        fs: Any = None,
        target_protocol: str | None = None,
        target_options: Mapping[str, Any] | None = None,
        fo: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.fs = fs or fsspec.filesystem(target_protocol, **(target_options or {}))
        inner = self.fs.protocol
        # What the other filesystem can do, such as creating an object exclusively, this one can, too.
        self.protocol = (self.own_protocol, *((inner,) if isinstance(inner, str) else inner))
        self._strip_protocol = self.fs._strip_protocol

    @abstractmethod
    async def _request(self, what: str, path: str, send: Callable[[], Awaitable[T]]) -> T:
        """Carry out a request: "read", "write", "list", "info" or "remove"."""

    async def _call(self, name: str, *arguments: Any, **options: Any) -> Any:
        if self.fs.async_impl:
            return await getattr(self.fs, f"_{name}")(*arguments, **options)
        return getattr(self.fs, name)(*arguments, **options)

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **kw: Any) -> Any:
        return await self._request(
            "read", path, lambda: self._call("cat_file", path, start=start, end=end, **kw)
        )

    async def _pipe_file(self, path: str, value: bytes, **kw: Any) -> None:
        await self._request("write", path, lambda: self._call("pipe_file", path, value, **kw))

    async def _rm_file(self, path: str, **kw: Any) -> None:
        await self._request("remove", path, lambda: self._call("rm_file", path, **kw))

    async def _info(self, path: str, **kw: Any) -> Any:
        return await self._request("info", path, lambda: self._call("info", path, **kw))

    async def _ls(self, path: str, detail: bool = True, **kw: Any) -> Any:
        return await self._request("list", path, lambda: self._call("ls", path, detail=detail, **kw))

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:
        await self._call("makedirs", path, exist_ok=exist_ok)

    async def _rm(self, path: Any, recursive: bool = False, **kw: Any) -> None:
        # The other filesystem's may be one request for many objects, or remove folders with them.
        await self._request("remove", path, lambda: self._call("rm", path, recursive=recursive, **kw))

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget what has been listed."""
        self.fs.invalidate_cache(path)

    def created(self, path: str) -> Any:
        """When an object was made."""
        return self.fs.created(path)

    def modified(self, path: str) -> Any:
        """When an object was changed."""
        return self.fs.modified(path)


class DelayingFileSystem(_RequestFileSystem):
    """A filesystem that is further away: each request takes longer, concurrent ones at the same time.

    Args:
        seconds: how much longer.
        **options: `fs`, or `target_protocol` and `target_options`.
    """

    own_protocol = "delayed"
    protocol: Any = "delayed"

    def __init__(self, seconds: float = 0.03, **options: Any) -> None:
        super().__init__(**options)
        self.seconds = float(seconds)

    async def _request(self, what: str, path: str, send: Callable[[], Awaitable[T]]) -> T:
        await asyncio.sleep(self.seconds)
        return await send()


class FaultPlan:
    """Which requests fail, and how. Requests are numbered from 0 in the order in which they are made.

    Args:
        faults: by the request's number.

    Attributes:
        requests: how many there have been.
    """

    def __init__(self, faults: Mapping[int, Fault] | None = None) -> None:
        self.faults = dict(faults or {})
        self.requests = 0
        self._is_lost = False
        self._mutex = threading.Lock()

    def next(self) -> Fault | None:
        """What befalls the next request; None where nothing does."""
        with self._mutex:
            fault = self.faults.get(self.requests)
            self.requests += 1
            self._is_lost = self._is_lost or fault == "lost"
            return "lost" if self._is_lost else fault


class FaultyFileSystem(_RequestFileSystem):
    """A filesystem whose requests fail by plan.

    Args:
        plan: which requests fail, and how; shared by all filesystems that are given it.
        **options: `fs`, or `target_protocol` and `target_options`.
    """

    own_protocol = "faulty"
    protocol: Any = "faulty"

    def __init__(self, plan: FaultPlan | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.plan = plan or FaultPlan()

    async def _request(self, what: str, path: str, send: Callable[[], Awaitable[T]]) -> T:
        fault = self.plan.next()
        if fault in {"reset", "lost"}:
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer", path)
        if fault == "503":
            raise OSError(errno.EBUSY, "Please reduce your request rate.", path)
        answer: Any = await send()
        if fault == "timeout":
            raise TimeoutError(errno.ETIMEDOUT, "The read operation timed out", path)
        if what == "read" and fault == "truncated":
            return answer[: len(answer) // 2]  # type: ignore[no-any-return]
        if what == "read" and fault == "wrong" and len(answer):
            changed = bytearray(answer)
            changed[len(changed) // 2] ^= 0x10
            return bytes(changed)  # type: ignore[return-value]
        return answer  # type: ignore[no-any-return]


for _filesystem in (DelayingFileSystem, FaultyFileSystem):
    fsspec.register_implementation(_filesystem.own_protocol, _filesystem, clobber=True)
