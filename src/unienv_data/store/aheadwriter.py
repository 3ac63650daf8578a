"""A writer of rows that does not wait for them to be encoded: threads do that, while further rows come."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from numpy.typing import NDArray

from unienv_data.columns.data import EncodedRows
from unienv_data.store import pool
from unienv_data.store.array import StoredArray
from unienv_data.store.arraywriter import ArrayWriter, ShardSink
from unienv_data.store.partchunk import PartChunk

__all__ = ["AheadWriter", "Encoding"]


class Encoding:
    """Chunks of several arrays that are being encoded, and what is to be done with each, in order.

    One core is left to whoever makes the rows. The caller's thread, rather than wait, encodes too: so all
    cores are at it where encoding takes longest, and nobody is in the way where making the rows does.

    Args:
        most_bytes: of rows that may wait for it.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._begun: deque[_Job] = deque()
        self._lock = threading.Lock()
        self._todo: deque[_Job] = deque()
        self._helpers = 0

    def begin(
        self, encode: Callable[[], list[bytes]], take: Callable[[list[bytes]], None], nbytes: int
    ) -> None:
        """Have rows encoded, and `take` be given what they become after all that was begun before.

        Args:
            encode: does it, in any thread.
            take: is called in this one, now or by a later call.
            nbytes: what the rows hold.

        Raises:
            CodecError: rows that were begun before cannot be encoded.
        """
        job = _Job(encode, take, nbytes)
        self._begun.append(job)
        self._bytes += nbytes
        with self._lock:
            self._todo.append(job)
            wants_help = self._helpers < max(pool.thread_count() - 1, 1)
            self._helpers += wants_help
        if wants_help:
            pool.begin(self._help)
        while self._begun and self._begun[0].done.done():
            self._take_first()
        self._go_on(self._most)

    def finish(self) -> None:
        """Wait for all that was begun."""
        self._go_on(-1)

    def _go_on(self, most: int) -> None:
        while self._begun and self._bytes > most:
            if not self._begun[0].done.done() and (job := self._next()) is not None:
                job.run()
            else:
                self._take_first()

    def _take_first(self) -> None:
        job = self._begun.popleft()
        self._bytes -= job.nbytes
        job.take(job.done.result())

    def _help(self) -> None:
        while (job := self._next(leaves=True)) is not None:
            job.run()

    def _next(self, leaves: bool = False) -> _Job | None:
        with self._lock:
            if self._todo:
                return self._todo.popleft()
            self._helpers -= leaves
            return None


class _Job:
    def __init__(
        self, encode: Callable[[], list[bytes]], take: Callable[[list[bytes]], None], nbytes: int
    ) -> None:
        self.encode, self.take, self.nbytes = encode, take, nbytes
        self.done: Future[list[bytes]] = Future()

    def run(self) -> None:
        try:
            self.done.set_result(self.encode())
        except BaseException as exc:
            self.done.set_exception(exc)


class AheadWriter(ArrayWriter):
    """An ArrayWriter whose chunks are encoded by threads.

    What it holds is known once `encoding.finish()` has been called; shards go to the sink in between.

    Args:
        array: the array.
        sink: takes finished shards.
        position: the row at which to begin, the first of a shard.
        encoding: where the chunks are encoded.
    """

    def __init__(self, array: StoredArray, sink: ShardSink, position: int, encoding: Encoding) -> None:
        super().__init__(array, sink, position)
        self._encoding = encoding
        self._waiting = 0

    def append_pieces(self, rows: EncodedRows, start: int, stop: int) -> None:
        if self._waiting:
            self._encoding.finish()  # chunks that need no encoding come after those that do
        super().append_pieces(rows, start, stop)

    def _encode_whole(self, whole: NDArray[Any]) -> None:
        for span in self._spans_of(whole):
            self._begin(partial(self._array.codec.encode_each, span), span.nbytes)

    def _encode_part(self, part: PartChunk, nbytes: int) -> None:
        self._begin(lambda: [part.encoded()], nbytes)

    def _begin(self, encode: Callable[[], list[bytes]], nbytes: int) -> None:
        self._waiting += 1
        self._encoding.begin(encode, self._take, nbytes)

    def _take(self, chunks: list[bytes]) -> None:
        self._waiting -= 1
        self.append_encoded(chunks)
