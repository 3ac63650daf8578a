"""Who writes the spans of a conversion: this process, worker processes of this machine, or a Dask cluster.

All do the same (`spans.write_span`) and leave the same receipts; only the one that converts commits.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import cloudpickle

from unienv_data.conversion.writing.collecting import Collector
from unienv_data.conversion.writing.spans import SpanJob, Told, write_span
from unienv_data.conversion.writing.units import Unit
from unienv_data.errors import ConversionError, WorkerError
from unienv_data.formats import Reader
from unienv_data.store import pool
from unienv_data.store.objects import ObjectStore, open_objects
from unienv_data.store.platform import usable_cores
from unienv_data.workers import Job, Ticket, WorkerCrew, default_context
from unienv_interface._optional import import_optional

__all__ = ["Hand", "by_cluster", "by_this_process", "by_workers"]

Span = Sequence[Unit]

_SLOT_BYTES = 4096  # what comes back is two numbers

CONNECT_SECONDS = 10
_PATIENCE = 60.0  # seconds for workers of a cluster to end what they are doing
_LOOK_EVERY = 1.0


class Hand:
    """Writes spans in a process that is handed them one after another, for which it stays open.

    Args:
        job: of which conversion.
        location: where the dataset stands.
        sharing: how many work on a machine; None where somebody else sees to its cores being shared.
    """

    def __init__(self, job: SpanJob, location: str, sharing: int | None = None) -> None:
        self._job, self._location, self._sharing = job, location, sharing
        self._reader: Reader | None = None
        self._root: ObjectStore | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_reader": None, "_root": None}

    def __call__(self, span: Span, look: Callable[[], None] = lambda: None) -> tuple[int, int]:
        """Write a span, and call `look` now and then; gives how many rows and bytes."""
        if self._sharing is not None:
            pool.limit_threads(max(usable_cores() // self._sharing, 1))
        if self._root is None or self._reader is None:
            options = self._job.options
            self._root = open_objects(
                self._location,
                options.storage_options,
                assume_single_writer=options.assume_single_writer,
            )
            self._reader = self._job.opened()
        done = [0, 0]

        def count(rows: int, size: int) -> None:
            done[0] += rows
            done[1] += size
            look()

        write_span(self._job, self._reader, self._root, span, count)
        return done[0], done[1]

    def close(self) -> None:
        """Give back what is open."""
        if self._reader is not None:
            self._reader.close()
        if self._root is not None:
            self._root.close()
        self._reader = self._root = None


def by_this_process(
    job: SpanJob, root: ObjectStore, spans: Iterable[Span], told: Told, collector: Collector | None = None
) -> None:
    """Write the spans here, one after another; the collector, if any, is given their rows."""
    with job.opened() as reader:
        for span in spans:
            write_span(job, reader, root, span, told, collector)


def by_workers(job: SpanJob, location: str, spans: Sequence[Span], workers: int, told: Told) -> None:
    """Have worker processes of this machine write the spans.

    Raises:
        WorkerDiedError: one of them has died.
        ConversionError: an episode cannot be read; or no other process can write there.
    """
    _require_common(location)
    crew = WorkerCrew(min(workers, len(spans)) or 1, 2 * workers, _SLOT_BYTES, default_context())
    try:
        task = Job(cloudpickle.dumps(Hand(job, location)))
        todo = iter(spans)
        asked = [crew.ask(task, span) for span in _first(todo, workers)]
        waiting: list[Ticket] = [ticket for ticket in asked if ticket is not None]
        while waiting:
            if all(ticket.answer is None for ticket in waiting):
                crew.listen()
            for ticket in [ticket for ticket in waiting if ticket.answer is not None]:
                waiting.remove(ticket)
                told(*crew.wait(ticket))
                for span in _first(todo, 1):
                    following = crew.ask(task, span)
                    if following is not None:
                        waiting.append(following)
    finally:
        crew.close()


def _first(spans: Iterator[Span], count: int) -> Iterator[Span]:
    for _ in range(count):
        span = next(spans, None)
        if span is not None:
            yield span


def by_cluster(job: SpanJob, location: str, spans: Sequence[Span], address: str, told: Told) -> None:
    """Have the workers of a Dask cluster write the spans.

    They must see the source and the destination under the same addresses.

    Args:
        job: of which conversion.
        location: where the dataset stands.
        spans: what is to be written.
        address: of the cluster's scheduler, as `tcp://HOST:PORT`.
        told: is told of spans that have been written.

    Raises:
        ConversionError: an episode cannot be read; or the cluster cannot be reached.
        MissingDependencyError: distributed is not installed.
    """
    _require_common(location)
    distributed = import_optional("distributed", extra="distributed")
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as exc:
        raise ConversionError(f"the Dask scheduler {address} cannot be reached: {exc}") from exc
    with client, client.as_current():
        sent = _Sent(cloudpickle.dumps(Hand(job, location, _most_on_a_machine(client.nthreads()))))
        hand = client.scatter(sent, broadcast=True, hash=False)
        over = distributed.Event(f"unienv-data-{secrets.token_hex(8)}")
        futures = [
            client.submit(_write_there, hand, tuple(span), over.name, pure=False, retries=0) for span in spans
        ]
        try:
            for _, result in distributed.as_completed(futures, with_results=True):
                told(*result)
        except BaseException:
            # Nobody may be writing any more when what has been written is removed.
            over.set()
            with contextlib.suppress(distributed.TimeoutError):
                distributed.wait(futures, timeout=_PATIENCE)
            raise


def _most_on_a_machine(threads: Mapping[str, int]) -> int:
    """How many threads of a cluster's workers, given by their addresses, share a machine at most."""
    together: Counter[str] = Counter()
    for address, count in threads.items():
        together[address.rpartition(":")[0]] += count
    return max(together.values(), default=1)


class _Sent:
    """A hand on its way to a cluster, whose workers unpickle it once a thread."""

    def __init__(self, pickled: bytes) -> None:
        self.pickled = pickled


_here = threading.local()


def _write_there(sent: _Sent, span: Span, over: str) -> tuple[int, int]:
    """What a worker of a cluster does, until the event `over` happens."""
    distributed = import_optional("distributed", extra="distributed")
    known = getattr(_here, "hand", None)
    if known is None or known[0] != sent.pickled:
        if known is not None:
            known[1].close()
        known = _here.hand = (sent.pickled, cloudpickle.loads(sent.pickled))
    event = distributed.Event(over)
    asked = [-math.inf]

    def look() -> None:
        now = time.monotonic()
        if now - asked[0] >= _LOOK_EVERY:
            asked[0] = now
            if event.is_set():
                raise WorkerError("the conversion is over")

    look()
    result: tuple[int, int] = known[1](span, look)
    return result


def _require_common(location: str) -> None:
    if location.startswith("memory://"):
        raise ConversionError(f"{location}: no other process can write to this one's memory; use one worker")
