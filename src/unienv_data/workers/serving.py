"""What a worker does: jobs, one after another, until nobody asks for more.

Messages to a worker are tuples whose first entry is one of `Order`; its answers, one to each request and in
their order, begin with one of `Answer`. Results go into the shared memory, at a place that comes with the
request.
"""

from __future__ import annotations

import contextlib
import enum
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

import cloudpickle

from unienv_data.store import pool
from unienv_data.store.outputs import LentMemory, reading_into
from unienv_data.workers.failures import tell
from unienv_data.workers.lifeline import Termination, end_with_parent
from unienv_data.workers.memory import SharedMemory
from unienv_data.workers.parcels import Parcel, pack
from unienv_data.workers.slots import Place

__all__ = ["Answer", "Order", "serve"]

Worker: TypeAlias = Callable[[Any], Any]


class Order(enum.IntEnum):
    """What a worker is told."""

    DO = 0  # job, request, and the place for the result
    LEARN = 1  # job; the next message is the pickled function that does it
    FORGET = 2  # job
    STOP = 3


class Answer(enum.IntEnum):
    """What it answers."""

    PLACED = 0  # where in the place the parts stand
    LOOSE = 1  # the number of parts, which did not fit in the place: a message each
    FAILED = 2  # the exception, told


def serve(channel: Connection[Any, Any], memory: SharedMemory, threads: int) -> None:
    """Work for the parent process until it says to stop, or ends.

    Args:
        channel: to the parent.
        memory: shared with it.
        threads: how many to use at most.
    """
    end_with_parent()
    pool.limit_threads(threads)
    with contextlib.suppress(EOFError, ConnectionError):  # there is nobody to work for any more
        _Serving(channel, memory, threads).run()


class _Serving:
    def __init__(self, channel: Connection[Any, Any], memory: SharedMemory, threads: int) -> None:
        self._channel = channel
        self._memory = memory
        self._threads = threads
        self._functions: dict[int, Worker] = {}
        self._places: dict[int, tuple[Place, memoryview]] = {}

    def run(self) -> None:
        while True:
            message = self._channel.recv()
            match message[0]:
                case Order.DO:
                    self._do(*message[1:])
                case Order.LEARN:
                    self._learn(message[1], self._channel.recv_bytes())
                case Order.FORGET:
                    self._functions.pop(message[1], None)
                case Order.STOP:
                    return

    def _learn(self, job: int, pickled: bytes) -> None:
        try:
            with _locks_without_names():
                self._functions[job] = cloudpickle.loads(pickled)
        except Termination:
            raise
        except BaseException as exc:
            self._functions[job] = _Unable(exc)
        _limit_torch(self._threads)

    def _do(self, job: int, request: Any, place: Place) -> None:
        function, target = self._functions[job], self._mapped(place)
        lent = LentMemory(target) if getattr(function, "keeps_nothing", False) else None
        try:
            with reading_into(lent):
                parcel = pack(function(request))
        except Termination:
            raise
        except BaseException as exc:
            self._channel.send((Answer.FAILED, tell(exc)))
            return
        where = parcel.write(target, lent)
        if where is None and lent is not None:  # what was read in between has taken the room
            where = parcel.copied().write(target)
        if where is None:
            self._send_loose(parcel)
        else:
            self._channel.send((Answer.PLACED, where))

    def _send_loose(self, parcel: Parcel) -> None:
        parts = parcel.parts
        self._channel.send((Answer.LOOSE, len(parts)))
        for part in parts:
            self._channel.send_bytes(part)

    def _mapped(self, place: Place) -> memoryview:
        known, view = self._places.get(place.slot, (None, None))
        if view is None or known != place:  # new, or the slot has moved to where it is larger
            view = self._memory.map(place.start, place.capacity)
            self._places[place.slot] = place, view
        return view


class _Unable:
    """Stands for a function that could not be unpickled."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __call__(self, request: Any) -> Any:
        raise self._error


@contextlib.contextmanager
def _locks_without_names() -> Iterator[None]:
    """Modules that make a lock as they are imported (numcodecs does) make one that leaves nothing behind.

    Where processes are spawned, locks have names in /dev/shm, which a killed process cannot remove.
    """
    method = multiprocessing.get_start_method()
    if sys.platform == "win32" or method == "fork":
        yield
        return
    multiprocessing.set_start_method("fork", force=True)
    try:
        yield
    finally:
        multiprocessing.set_start_method(method, force=True)


def _limit_torch(threads: int) -> None:
    """Where the work uses PyTorch, have that use as many threads, and not one a core in every worker."""
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)
