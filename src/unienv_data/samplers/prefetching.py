"""Results that are asked for ahead of their turn, and given out in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from unienv_data.workers import Job, Ticket, WorkerCrew

__all__ = ["Prefetcher", "Stream"]

# A stream of which nothing has been taken while others gave so many results a slot makes way for them.
_IDLE_ROUNDS = 2


@dataclass(eq=False)
class Stream:
    """Results in order: those of `request(0)`, `request(1)` ...

    Attributes:
        job: what gives them.
        request: from a result's number to what is asked of the job.
        count: how many there are; None for endless.
        next: number of the result that is given out next.
        tickets: of results from there on that have been asked for.
        crew: whose tickets these are.
        taken_at: when a result was taken last, counted in results of all streams.
    """

    job: Job
    request: Callable[[int], Any]
    count: int | None = None
    next: int = 0
    tickets: deque[Ticket] = field(default_factory=deque)
    crew: WorkerCrew | None = None
    taken_at: int = 0

    @property
    def is_asked_for(self) -> bool:
        """Whether everything that there is has been asked for."""
        return self.count is not None and self.next + len(self.tickets) >= self.count


class Prefetcher:
    """Streams that share a crew, which is there when the first result is wanted.

    Requests are answered alike whoever answers them, and as often as one likes: so streams may give up what
    they have asked for when another needs the slots, and go on with another crew where one has died.

    Args:
        start: starts a crew.
    """

    def __init__(self, start: Callable[[], WorkerCrew]) -> None:
        self._start = start
        self._crew: WorkerCrew | None = None
        self._streams: list[Stream] = []
        self._jobs: set[int] = set()
        self._taken = 0

    def take(self, stream: Stream) -> Any:
        """The next result of a stream, or the exception that it is.

        Raises:
            WorkerDiedError: a worker has died.
        """
        crew = self._ready_crew()
        if stream.crew is not crew:
            stream.crew, stream.tickets = crew, deque()
        self._admit(crew, stream)
        self._ask_ahead(crew, stream)
        if not stream.tickets:
            self._make_room(crew)
        while not stream.tickets:
            self._ask_ahead(crew, stream)
            if not stream.tickets:
                crew.listen()
        try:
            result = crew.wait(stream.tickets.popleft())
        except BaseException:
            self.end(stream)
            raise
        stream.next += 1
        return result

    def end(self, stream: Stream) -> None:
        """Nothing more of a stream is wanted."""
        self._give_up(stream)
        self._streams = [other for other in self._streams if other is not stream]

    def close(self) -> None:
        """End the crew."""
        self._streams.clear()
        if self._crew is not None:
            self._crew.close()

    def _ready_crew(self) -> WorkerCrew:
        if self._crew is None or not self._crew.is_usable:
            if self._crew is not None:
                self._crew.close()  # a forked child lets go of its parent's
            self._streams.clear()
            self._crew = self._start()
        return self._crew

    def _admit(self, crew: WorkerCrew, stream: Stream) -> None:
        """Count a stream among those that results are taken from, and others no more that are left alone."""
        self._taken += 1
        stream.taken_at = self._taken
        since = self._taken - _IDLE_ROUNDS * crew.slot_count
        for idle in [other for other in self._streams if other.taken_at < since]:
            self.end(idle)
        if stream not in self._streams:
            self._streams.append(stream)
            needed = {other.job.number for other in self._streams}
            crew.forget(self._jobs - needed)
            self._jobs = needed

    def _ask_ahead(self, crew: WorkerCrew, stream: Stream) -> None:
        share = max(crew.slot_count // len(self._streams), 1)
        while len(stream.tickets) < share and not stream.is_asked_for:
            ticket = crew.ask(stream.job, stream.request(stream.next + len(stream.tickets)))
            if ticket is None:
                return
            stream.tickets.append(ticket)

    def _make_room(self, crew: WorkerCrew) -> None:
        """Have a slot become free sooner or later, with what another stream has asked for last."""
        richest = max(self._streams, key=lambda other: len(other.tickets))
        if richest.tickets:
            crew.drop(richest.tickets.pop())

    def _give_up(self, stream: Stream) -> None:
        if stream.crew is not None and stream.crew is self._crew:
            for ticket in stream.tickets:
                stream.crew.drop(ticket)
        stream.tickets = deque()
