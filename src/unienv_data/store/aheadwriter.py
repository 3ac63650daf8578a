"""A writer of rows that does not wait for them to be encoded: threads do that, while further rows come."""

from __future__ import annotations

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

    Args:
        most_bytes: of rows that may wait for it.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._begun: deque[tuple[Future[list[bytes]], Callable[[list[bytes]], None], int]] = deque()

    def begin(
        self, encode: Callable[[], list[bytes]], take: Callable[[list[bytes]], None], nbytes: int
    ) -> None:
        """Have rows encoded, and `take` be given what they become after all that was begun before.

        Args:
            encode: does it, in another thread.
            take: is called in this one, now or by a later call.
            nbytes: what the rows hold.

        Raises:
            CodecError: rows that were begun before cannot be encoded.
        """
        self._begun.append((pool.begin(encode), take, nbytes))
        self._bytes += nbytes
        while self._begun and (self._bytes > self._most or self._begun[0][0].done()):
            self._take_first()

    def finish(self) -> None:
        """Wait for all that was begun."""
        while self._begun:
            self._take_first()

    def _take_first(self) -> None:
        future, take, nbytes = self._begun.popleft()
        self._bytes -= nbytes
        take(future.result())


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
