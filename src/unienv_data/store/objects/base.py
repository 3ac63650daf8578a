"""What the store asks of a place that holds named bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from unienv_data.base.expectation import Expectation
from unienv_data.store.objects.traffic import Traffic

__all__ = ["ObjectStore", "Range", "Run", "Sink", "StreamPlace", "WriterLock"]


class Range(NamedTuple):
    """Bytes [start, stop) of the object called `name`."""

    name: str
    start: int
    stop: int


class Run(NamedTuple):
    """Several ranges of the object called `name`: for each i, bytes [starts[i], stops[i])."""

    name: str
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]


class StreamPlace(NamedTuple):
    """Where processes keep what they stream.

    Attributes:
        path: a folder, which goes with its last user.
        buffer_bytes: how much it may hold.
    """

    path: str
    buffer_bytes: int


class Sink(Protocol):
    """Takes an object piece by piece."""

    def begin(self) -> None:
        """What came so far is void: the object begins anew."""

    def write(self, data: bytes | memoryview) -> None:
        """The next piece."""


class WriterLock(Protocol):
    """A lock held by a writer."""

    def release(self) -> None:
        """Give the lock back; doing so twice is fine."""


class ObjectStore(ABC):
    """Named immutable bytes below one root, on some filesystem.

    Names are relative, with `/` between parts. A missing object raises FileNotFoundError everywhere.

    Attributes:
        url: the root, for messages; never with credentials.
        is_local: reading costs a system call rather than a request.
        has_locks: `lock` takes one.
        exclusive_create: `create` is atomic. Where it is not, one writer must be promised by the user.
        traffic: requests and bytes of the client beneath, shared by `below`; what is local counts nothing.
    """

    url: str
    traffic: Traffic
    is_local: bool = False
    exclusive_create: bool = True
    has_locks: bool = False

    def __init__(self) -> None:
        self.traffic = Traffic()

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The whole object."""

    def copy_to(self, name: str, sink: Sink) -> None:
        """Have the whole object written elsewhere, piece by piece where that saves copies."""
        data = self.read(name)
        sink.begin()
        sink.write(data)

    @abstractmethod
    def read_ranges(self, ranges: Sequence[Range]) -> Sequence[bytes | memoryview]:
        """The bytes of each range, fetched together where that pays. A short object gives fewer bytes."""

    def views(self, runs: Sequence[Run]) -> list[NDArray[np.uint8]] | None:
        """All ranges in order, each a read-only view of memory, where that costs no reading.

        Returns:
            None where some are to be read, by `read_ranges`.
        """
        return None

    @abstractmethod
    def read_end(self, name: str, length: int) -> bytes:
        """The last `length` bytes, or the whole object where it is shorter."""

    @abstractmethod
    def size(self, name: str) -> int:
        """How many bytes the object has."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is an object of this name."""

    @abstractmethod
    def list(self, prefix: str) -> list[str]:
        """The names directly below `prefix`, sorted, without it; empty where there are none."""

    @abstractmethod
    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        """Write an object under a name that nobody else uses; durable after `sync`."""

    @abstractmethod
    def create(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Write an object, unless the name is taken.

        Args:
            name: its name.
            data: its content.
            durable: it must survive a loss of power from now on.

        Raises:
            FileExistsError: it is taken, and stays as it was.
        """

    @abstractmethod
    def replace(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Write an object, in place of what may be there, atomically; `durable` as for `create`."""

    @abstractmethod
    def sync(self) -> None:
        """Make everything that `write` wrote durable."""

    @abstractmethod
    def delete(self, names: Iterable[str]) -> None:
        """Remove objects; those that are not there are passed over."""

    @abstractmethod
    def delete_all(self) -> None:
        """Remove everything below the root, and the root."""

    @abstractmethod
    def below(self, prefix: str) -> ObjectStore:
        """The same place with `prefix` as its root."""

    def lock(self, name: str, holder: str) -> WriterLock | None:
        """Take the advisory lock of writers, leaving `holder` for others to read.

        Returns:
            None where this place has no locks.

        Raises:
            WriterLockedError: another writer holds it; the message names the holder.
        """
        return None

    def of_dataset(self, uuid: str) -> ObjectStore:
        """The same place, known to hold this dataset: copies of its objects may be kept nearby."""
        return self

    def stream(
        self, buffer_bytes: int, place: StreamPlace | None = None, *, shared: bool = False
    ) -> StreamPlace | None:
        """Have what is expected kept in this machine's memory, where it is not near anyway.

        Args:
            buffer_bytes: how many bytes of it.
            place: where another process keeps it; None for a place of its own.
            shared: other processes are to find it there.

        Returns:
            Where it is kept, for processes that are to share it; None where nothing is.
        """
        return None

    def expect(self, names: Sequence[str]) -> Expectation:
        """Have whole objects brought near ahead of being read, in this order, without waiting for them.

        Returns:
            What keeps them near until it is released.
        """
        return Expectation()

    def forget(self, names: Sequence[str]) -> None:  # noqa: B027 - most places keep nothing
        """Drop what is kept of objects nearby: they have turned out damaged."""

    @abstractmethod
    def close(self) -> None:
        """Let go of open files and connections; the store can be used again afterwards."""
