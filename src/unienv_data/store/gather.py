"""Rows of an array out of shards, a tail and what is not yet written: each needed chunk once.

The one place where stored bytes become rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import CorruptDataError
from unienv_data.schema.commit import TailPart
from unienv_data.store import pool
from unienv_data.store.array import StoredArray
from unienv_data.store.lru import LruCache
from unienv_data.store.objects import ObjectStore, Range
from unienv_data.store.plan import Plan
from unienv_data.store.shard import TAG_BYTES, decode_index, decode_tag, index_bytes

__all__ = ["ArrayTail", "Gather", "PendingRows"]

_INDEX_CACHE_BYTES = 64 << 20
_READ_BYTES = 4 << 20  # neighbouring chunks are read together up to this size
_REMOTE_GAP = 64 << 10  # bytes cheaper to read than to ask for separately


@dataclass(frozen=True)
class ArrayTail:
    """The committed chunks of an array after its last full shard.

    Attributes:
        object: the tail object.
        part: where the array's part of it stands.
        first_chunk: number of its first chunk within the array.
    """

    object: str
    part: TailPart
    first_chunk: int


@dataclass(frozen=True)
class PendingRows:
    """A writer's chunks that stand in no full shard yet.

    Attributes:
        first_chunk: number of the first chunk within the array.
        chunks: encoded chunks.
        partial: the rows of the chunk after them, not yet encoded.
    """

    first_chunk: int
    chunks: Sequence[bytes]
    partial: NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Located:
    """Where chunk i of a plan stands: bytes of an object, or memory."""

    range: Range | None
    memory: bytes | NDArray[Any] | None = None


class Gather:
    """Reads rows of a dataset's arrays.

    Args:
        objects: where the storage stands.
        dataset: the dataset's uuid, 16 bytes; a shard tagged otherwise is refused.
    """

    def __init__(self, objects: ObjectStore, dataset: bytes) -> None:
        self._objects = objects
        self._dataset = dataset
        self._indexes: LruCache[Any, NDArray[np.int64]] = LruCache(
            _INDEX_CACHE_BYTES, lambda index: index.nbytes + 256
        )

    def read(
        self,
        array: StoredArray,
        plan: Plan,
        out: NDArray[Any],
        tail: ArrayTail | None = None,
        pending: PendingRows | None = None,
    ) -> None:
        """Carry out a plan.

        Args:
            array: what to read.
            plan: which chunks become which rows.
            out: (N, *shape), filled.
            tail: the array's committed tail, if there is one.
            pending: what a writer has not yet committed; stands in place of the tail.

        Raises:
            CorruptDataError: a shard or chunk is missing, damaged or another's.
        """
        if not array.row_bytes or not len(plan.chunks):
            return
        located = self._locate(array, plan.chunks, tail, pending)
        if self._objects.is_local:
            fetched, gap, least = None, 0, 64 if array.codec.cheap else 8
        else:
            # One round of requests for everything; threads then share the decoding.
            fetched, gap, least = self._fetch(located, gap=_REMOTE_GAP), _REMOTE_GAP, 8

        def carry_out(start: int, stop: int) -> None:
            data = self._fetch(located[start:stop], gap=gap) if fetched is None else fetched[start:stop]
            self._decode(array, plan, out, start, data)

        pool.in_spans(carry_out, len(located), least=least)

    def encoded(self, array: StoredArray, chunks: NDArray[np.int64], tail: ArrayTail | None) -> list[bytes]:
        """The bytes of committed chunks, (C,) ascending numbers, as they are stored."""
        located = self._locate(array, chunks, tail, None)
        return [bytes(data) for data in self._fetch(located, gap=0)]

    # Where chunks stand

    def _locate(
        self,
        array: StoredArray,
        chunks: NDArray[np.int64],
        tail: ArrayTail | None,
        pending: PendingRows | None,
    ) -> list[_Located]:
        beyond = pending.first_chunk if pending else tail.first_chunk if tail else None
        split = len(chunks) if beyond is None else int(np.searchsorted(chunks, beyond))
        located: list[_Located] = []
        start = 0
        shards = chunks[:split] // array.chunks_per_shard
        while start < split:
            shard = int(shards[start])
            stop = int(np.searchsorted(shards, shard, side="right"))
            name = array.shard_object(shard)
            index = self._indexes.get((array.name, shard), lambda _, s=shard: self._shard_index(array, s))
            within = chunks[start:stop] - shard * array.chunks_per_shard
            located += self._entries(array, name, index, within, 0)
            start = stop
        if pending:
            located += [_pending_chunk(pending, int(chunk)) for chunk in chunks[split:]]
        elif tail and split < len(chunks):
            part = tail.part
            index = self._indexes.get((tail.object, array.name), lambda _: self._tail_index(array, tail))
            located += self._entries(
                array, tail.object, index, chunks[split:] - tail.first_chunk, part.offset
            )
        return located

    def _entries(
        self, array: StoredArray, name: str, index: NDArray[np.int64], within: NDArray[np.int64], base: int
    ) -> list[_Located]:
        if int(within[-1]) >= len(index) or (index[within, 0] < 0).any():
            raise CorruptDataError(
                f"{self._objects.url}/{name}: a chunk of {array.name} that the commit counts is missing; "
                "restore the file from a copy"
            )
        starts = (index[within, 0] + base).tolist()
        lengths = index[within, 1].tolist()
        return [
            _Located(Range(name, start, start + length))
            for start, length in zip(starts, lengths, strict=True)
        ]

    def _shard_index(self, array: StoredArray, shard: int) -> NDArray[np.int64]:
        name = array.shard_object(shard)
        end = index_bytes(array.chunks_per_shard)
        data = self._guarded(name, lambda: self._objects.read_end(name, TAG_BYTES + end))
        try:
            tag = decode_tag(data[:TAG_BYTES])
            index = decode_index(data[TAG_BYTES:], array.chunks_per_shard)
        except ValueError as exc:
            raise CorruptDataError(f"{self._objects.url}/{name}: {exc}; restore it from a copy") from exc
        if (tag.dataset, tag.array, tag.shard) != (self._dataset, array.entry.id, shard):
            raise CorruptDataError(
                f"{self._objects.url}/{name}: this is shard {tag.shard} of array {tag.array} of dataset "
                f"{tag.dataset.hex()}, expected shard {shard} of array {array.entry.id} of "
                f"{self._dataset.hex()}"
            )
        return index

    def _tail_index(self, array: StoredArray, tail: ArrayTail) -> NDArray[np.int64]:
        part = tail.part
        end = part.offset + part.length
        wanted = Range(tail.object, end - index_bytes(part.chunks), end)
        data = self._guarded(tail.object, lambda: self._objects.read_ranges([wanted])[0])
        try:
            return decode_index(data, part.chunks)
        except ValueError as exc:
            raise CorruptDataError(f"{self._objects.url}/{tail.object}: {exc}") from exc

    def _guarded(self, name: str, read: Callable[[], bytes]) -> bytes:
        try:
            return read()
        except FileNotFoundError as exc:
            raise CorruptDataError(
                f"{self._objects.url}/{name}: missing, but the commit refers to it; restore it from a copy"
            ) from exc

    # Bytes

    def _fetch(self, located: Sequence[_Located], *, gap: int) -> list[Any]:
        """The bytes of every chunk, neighbours read together."""
        ranges: list[Range] = []
        places: list[tuple[int, int, int]] = []  # read, start and stop within it
        for item in located:
            wanted = item.range
            if wanted is None:
                places.append((-1, 0, 0))
                continue
            last = ranges[-1] if ranges else None
            if (
                last is not None
                and last.name == wanted.name
                and 0 <= wanted.start - last.stop <= gap
                and wanted.stop - last.start <= _READ_BYTES
            ):
                ranges[-1] = last = Range(last.name, last.start, wanted.stop)
            else:
                ranges.append(wanted)
                last = wanted
            places.append((len(ranges) - 1, wanted.start - last.start, wanted.stop - last.start))
        read = self._guarded_ranges(ranges)
        data: list[Any] = []
        for item, (number, start, stop) in zip(located, places, strict=True):
            if number < 0:
                data.append(item.memory)
            elif start == 0 and stop == len(read[number]):
                data.append(read[number])
            else:
                data.append(memoryview(read[number])[start:stop])
        return data

    def _guarded_ranges(self, ranges: Sequence[Range]) -> list[bytes]:
        try:
            return self._objects.read_ranges(ranges) if ranges else []
        except FileNotFoundError as exc:
            raise CorruptDataError(
                f"{self._objects.url}: {exc.filename or exc} is missing, but the commit refers to it; "
                "restore it from a copy"
            ) from exc

    # Rows

    def _decode(
        self, array: StoredArray, plan: Plan, out: NDArray[Any], first: int, data: Sequence[Any]
    ) -> None:
        """Decode consecutive chunks of a plan, from number `first` of it on, into the output."""
        decode = array.codec.decode
        pieces = plan.pieces
        scratch: NDArray[Any] | None = None
        number = first
        try:
            for number, encoded in enumerate(data, first):
                piece = pieces[number]
                if isinstance(encoded, np.ndarray):
                    out[piece.target] = encoded[piece.source]
                elif piece.whole:
                    decode(encoded, out[piece.target])
                else:
                    if scratch is None:
                        scratch = np.empty(array.chunk.full, dtype=array.dtype)
                    decode(encoded, scratch)
                    out[piece.target] = scratch[piece.source]
        except ValueError as exc:
            chunk = int(plan.chunks[number])
            rows = array.entry.chunk_rows
            raise CorruptDataError(
                f"{self._objects.url}/{array.shard_object(chunk // array.chunks_per_shard)}: rows "
                f"{chunk * rows} to {(chunk + 1) * rows - 1} of {array.name} cannot be decoded ({exc}); "
                "restore the file from a copy"
            ) from exc


def _pending_chunk(pending: PendingRows, chunk: int) -> _Located:
    within = chunk - pending.first_chunk
    if within < len(pending.chunks):
        return _Located(None, pending.chunks[within])
    return _Located(None, pending.partial)
