"""What reading and writing a place has cost in requests and bytes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = ["Traffic", "TrafficCount", "TrafficMeter", "TrafficOwner"]


class TrafficCount(NamedTuple):
    """Requests and bytes, up to a moment or between two.

    Attributes:
        requests: how many were sent, those that failed included.
        bytes_read: bytes of objects that came.
        bytes_written: bytes of objects that were sent.
    """

    requests: int = 0
    bytes_read: int = 0
    bytes_written: int = 0

    def __sub__(self, earlier: TrafficCount) -> TrafficCount:
        """What came since `earlier`."""
        return TrafficCount(
            self.requests - earlier.requests,
            self.bytes_read - earlier.bytes_read,
            self.bytes_written - earlier.bytes_written,
        )


class Traffic:
    """Counters that a client of a remote place moves, from any thread.

    What is counted is this process's own: a copy that was pickled, or came with a fork, begins at zero.

    >>> traffic = Traffic()
    >>> before = traffic.snapshot()
    >>> traffic.add(requests=2, bytes_read=512)
    >>> traffic.snapshot() - before
    TrafficCount(requests=2, bytes_read=512, bytes_written=0)
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._mutex = threading.Lock()
        self._count = TrafficCount()

    @property
    def requests(self) -> int:
        """Requests sent."""
        return self.snapshot().requests

    @property
    def bytes_read(self) -> int:
        """Bytes of objects that came."""
        return self.snapshot().bytes_read

    @property
    def bytes_written(self) -> int:
        """Bytes of objects that were sent."""
        return self.snapshot().bytes_written

    def snapshot(self) -> TrafficCount:
        """What has been counted until now."""
        if self._pid != os.getpid():
            self._begin()
        with self._mutex:
            return self._count

    def add(self, requests: int = 0, bytes_read: int = 0, bytes_written: int = 0) -> None:
        """Count these, too."""
        if self._pid != os.getpid():
            self._begin()
        with self._mutex:
            count = self._count
            self._count = TrafficCount(
                count.requests + requests, count.bytes_read + bytes_read, count.bytes_written + bytes_written
            )

    def __reduce__(self) -> tuple[type[Traffic], tuple[()]]:
        return Traffic, ()


class TrafficMeter:
    """What some counters have counted since they were first looked at, and what others have told."""

    def __init__(self) -> None:
        self._began: dict[Traffic, TrafficCount] = {}
        self._told: dict[int, TrafficCount] = {}

    def look_at(self, counters: Iterable[Traffic]) -> None:
        """Count from now on what these do, unless that is counted already."""
        for counter in counters:
            self._began.setdefault(counter, counter.snapshot())

    def tell(self, process: int, count: TrafficCount) -> None:
        """Another process has counted so much by now."""
        self._told[process] = max(count, self._told.get(process, count))

    def total(self) -> TrafficCount:
        """All of it together."""
        counts = [counter.snapshot() - began for counter, began in self._began.items()]
        return TrafficCount(*map(sum, zip(TrafficCount(), *counts, *self._told.values(), strict=True)))

    def __reduce__(self) -> tuple[type[TrafficMeter], tuple[()]]:
        return TrafficMeter, ()


class TrafficOwner:
    """A sampler's part that says what its epochs have cost.

    Attributes:
        data: what is sampled from.
    """

    data: Any
    _meter: TrafficMeter

    @property
    def traffic(self) -> TrafficCount:
        """Requests and bytes that reading `data` has cost since the sampler's first epoch began.

        Those of workers are among them. Where several samplers read the same data in one process, each counts
        what all of them cost.
        """
        self._meter.look_at(self.data._traffic())
        return self._meter.total()
