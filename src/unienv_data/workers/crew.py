"""Worker processes as whoever asks sees them: jobs, tickets, and results in the order that one likes."""

from __future__ import annotations

import contextlib
import itertools
import time
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np

from unienv_data.errors import WorkerDiedError, WorkerError
from unienv_data.store import platform
from unienv_data.workers.failures import retell
from unienv_data.workers.parcels import Span, spans, unpack
from unienv_data.workers.serving import Answer, Order, serve
from unienv_data.workers.slots import Place, Slots
from unienv_data.workers.starting import MAIN_GUARD, UNGUARDED_EXIT_CODE, known_children, start_process

__all__ = ["Job", "Ticket", "WorkerCrew"]

_PATIENCE = 2.0  # seconds for workers to end what they are doing
_HEADROOM = 1.25  # of a slot over the largest result so far

_numbers = itertools.count()


@dataclass(frozen=True)
class Job:
    """Something to do, for whoever asks.

    Attributes:
        function: what does it, pickled: a callable of one argument, a request.
        number: tells it from all other jobs.
    """

    function: bytes
    number: int = field(default_factory=lambda: next(_numbers))


class Ticket:
    """What is given for a request: the right to its result."""

    def __init__(self, worker: _Worker, place: Place) -> None:
        self.worker = worker
        self.place = place
        self.answer: tuple[Any, ...] | None = None
        self.is_wanted = True


class _Worker:
    """A process, and what it has been asked for."""

    def __init__(self, process: BaseProcess, channel: Connection[Any, Any]) -> None:
        self.process = process
        self.channel = channel
        self.asked: deque[Ticket] = deque()
        self.knows: set[int] = set()


class WorkerCrew:
    """Worker processes that do jobs, and slots in shared memory for their results.

    Results are arrays in these slots, as long as anybody refers to them. Where more than half of the slots
    are held so, they are copied, so that keeping results never stops the work.

    Args:
        workers: how many processes.
        slots: how many results there are room for.
        slot_bytes: bytes of a slot at first; they become larger where results do.
        context: how processes are started.
        daemon: whether `multiprocessing` ends them with this one.
    """

    def __init__(
        self, workers: int, slots: int, slot_bytes: int, context: BaseContext, *, daemon: bool = True
    ) -> None:
        self._slots = Slots(slots, slot_bytes)
        self.slot_count = slots
        self._most_lent = slots // 2
        self._largest = 0
        self._workers: list[_Worker] = []
        self._is_closed = False
        threads = max(platform.usable_cores() // workers, 1)
        with self._ended_on_failure():
            for number in range(workers):
                self._workers.append(self._started(context, number, threads, daemon))
        _crews.add(self)  # not before: a forked worker needs what other children are to let go of

    def _started(self, context: BaseContext, number: int, threads: int, daemon: bool) -> _Worker:
        maker: Any = context
        ours, theirs = maker.Pipe()
        try:
            arguments = (theirs, self._slots.memory, threads)
            process = start_process(context, serve, arguments, number, daemon=daemon)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return _Worker(process, ours)

    @property
    def is_usable(self) -> bool:
        """Whether it can be asked: not once it is closed, a worker has died, or this is a forked child."""
        return not self._is_closed

    # Asking

    def ask(self, job: Job, request: Any) -> Ticket | None:
        """Have the least busy worker call the job's function with `request`; None where no slot is free.

        Raises:
            WorkerDiedError: a worker has died.
        """
        place = self._slots.take(int(self._largest * _HEADROOM))
        if place is None:
            return None
        with self._ended_on_failure():
            worker = min(self._workers, key=lambda worker: len(worker.asked))
            if job.number not in worker.knows:
                self._teach(worker, job)
            ticket = Ticket(worker, place)
            worker.asked.append(ticket)
            self._send(worker, (Order.DO, job.number, request, place))
        return ticket

    def forget(self, jobs: set[int]) -> None:
        """Workers need not remember these jobs."""
        with self._ended_on_failure():
            for worker in self._workers:
                for number in worker.knows & jobs:
                    self._send(worker, (Order.FORGET, number))
                worker.knows -= jobs

    def _teach(self, worker: _Worker, job: Job) -> None:
        # Not while it may be sending something large itself: both would wait for the other to listen.
        while worker.asked:
            self._listen()
        self._send(worker, (Order.LEARN, job.number))
        self._send_bytes(worker, job.function)
        worker.knows.add(job.number)

    def _send(self, worker: _Worker, message: tuple[Any, ...]) -> None:
        try:
            worker.channel.send(message)
        except ConnectionError:
            raise self._death(worker) from None

    def _send_bytes(self, worker: _Worker, message: bytes) -> None:
        try:
            worker.channel.send_bytes(message)
        except ConnectionError:
            raise self._death(worker) from None

    # Results

    def wait(self, ticket: Ticket) -> Any:
        """The result of a request, or the exception that its work raised.

        Raises:
            WorkerDiedError: a worker has died.
        """
        with self._ended_on_failure():
            self._listen(block=False)
            while ticket.answer is None:
                self._listen()
        kind, *details = ticket.answer
        if kind == Answer.FAILED:
            self._slots.put_back(ticket.place)
            raise retell(*details)
        if kind == Answer.LOOSE:
            self._slots.put_back(ticket.place)
            return unpack(*details)
        return self._unpacked(ticket.place, *details)

    def drop(self, ticket: Ticket) -> None:
        """Nobody wants the result of a request any more."""
        ticket.is_wanted = False
        if ticket.answer is not None:
            self._slots.put_back(ticket.place)

    def listen(self) -> None:
        """Wait until a worker has answered."""
        with self._ended_on_failure():
            self._listen()

    def _unpacked(self, place: Place, where: Sequence[Span]) -> Any:
        if self._slots.lent < self._most_lent:
            view = self._slots.lend(place)
            return unpack([view[start:stop] for start, stop in where])
        view = self._slots.view(place)
        copies: list[Any] = [np.array(view[start:stop]) for start, stop in where]
        self._slots.put_back(place)
        return unpack([memoryview(copy) for copy in copies])

    def _listen(self, *, block: bool = True) -> None:
        """Take in what has been answered; with `block`, at least one answer."""
        watched: dict[Any, _Worker] = {worker.channel: worker for worker in self._workers}
        watched |= {worker.process.sentinel: worker for worker in self._workers}
        for found in connection.wait(list(watched), None if block else 0):
            worker = watched[found]
            if found is not worker.channel:
                raise self._death(worker)
            try:
                self._take_in(worker)
            except (EOFError, ConnectionError):
                raise self._death(worker) from None

    def _take_in(self, worker: _Worker) -> None:
        kind, details = worker.channel.recv()
        if kind == Answer.LOOSE:
            parts = [memoryview(bytearray(worker.channel.recv_bytes())) for _ in range(details)]
            self._largest = max(self._largest, spans([len(part) for part in parts])[-1][1])
            details = parts
        ticket = worker.asked.popleft()
        ticket.answer = (kind, details)
        if not ticket.is_wanted:
            self._slots.put_back(ticket.place)

    # Ends

    def _death(self, worker: _Worker) -> WorkerError:
        """What to say of a worker that is gone."""
        worker.process.join(1.0)
        code = worker.process.exitcode
        if code == UNGUARDED_EXIT_CODE:
            return WorkerError(MAIN_GUARD)
        name = f"{worker.process.name} (pid {worker.process.pid})"
        if code is None:
            return WorkerDiedError(f"{name} no longer answers")
        reason = f"has been ended by signal {-code}" if code < 0 else f"has ended with exit code {code}"
        if code == -9:
            reason += ", perhaps because the machine ran out of memory"
        elif code > 0:
            reason += f"; what it wrote to the standard error says why. Remember that {MAIN_GUARD}"
        return WorkerDiedError(f"{name} {reason} (exit code {code})" if code < 0 else f"{name} {reason}")

    @contextlib.contextmanager
    def _ended_on_failure(self) -> Iterator[None]:
        """Whatever interrupts a conversation with workers ends it: nobody knows where it stood."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the workers. A second call does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._dismiss()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """Hold nothing any more: in a forked child, where the workers are the parent's."""
        self._is_closed = True
        for worker in self._workers:
            worker.channel.close()
            known_children.discard(worker.process)
        self._slots.close()

    def _dismiss(self) -> None:
        processes = [worker.process for worker in self._workers]
        try:
            for worker in self._workers:
                with contextlib.suppress(OSError):  # it has died
                    worker.channel.send((Order.STOP,))
                    worker.channel.close()
            deadline = time.monotonic() + _PATIENCE
            for process in processes:
                process.join(max(deadline - time.monotonic(), 0))
        finally:
            for process in processes:
                if process.is_alive():
                    process.kill()
            for process in processes:
                process.join(_PATIENCE)


_crews: weakref.WeakSet[WorkerCrew] = weakref.WeakSet()


def _let_go_of_all() -> None:
    for crew in list(_crews):
        crew._let_go()


platform.on_fork(_let_go_of_all)
