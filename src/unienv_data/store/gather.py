"""Rows of an array out of shards, a tail and what is not yet written: each needed chunk once.

The one place where stored bytes become rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import CorruptDataError
from unienv_data.schema.commit import TailPart
from unienv_data.store import pool
from unienv_data.store.array import StoredArray
from unienv_data.store.located import Located
from unienv_data.store.lru import LruCache
from unienv_data.store.objects import ObjectStore, Range
from unienv_data.store.plan import SCATTERED, Piece, Plan
from unienv_data.store.shard import TAG_BYTES, ShardTag, decode_index, decode_tag, index_bytes

__all__ = ["ArrayTail", "Gather", "PendingRows", "check_tag"]

T = TypeVar("T")

_INDEX_CACHE_BYTES = 64 << 20
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
            out: (N, *shape), contiguous, filled.
            tail: the array's committed tail, if there is one.
            pending: what a writer has not yet committed; stands in place of the tail.

        Raises:
            CorruptDataError: a shard or chunk is missing, damaged or another's.
        """
        if not array.row_bytes or not len(plan.chunks):
            return
        self._twice(lambda: self._carry_out(array, plan, out, tail, pending))

    def _carry_out(
        self,
        array: StoredArray,
        plan: Plan,
        out: NDArray[Any],
        tail: ArrayTail | None,
        pending: PendingRows | None,
    ) -> None:
        located = self._locate(array, plan.chunks, tail, pending)
        data = self._fetch(located)
        least = -(-array.codec.thread_bytes // array.chunk.nbytes)

        def carry_out(start: int, stop: int) -> None:
            self._decode(array, plan, out, start, data[start:stop], located)

        pool.in_spans(carry_out, len(plan.chunks), least=least)

    def encoded(self, array: StoredArray, chunks: NDArray[np.int64], tail: ArrayTail | None) -> list[bytes]:
        """The bytes of committed chunks, (C,) ascending numbers, as they are stored."""
        return self._twice(lambda: self._encoded(array, chunks, tail))

    def _encoded(self, array: StoredArray, chunks: NDArray[np.int64], tail: ArrayTail | None) -> list[bytes]:
        located = self._locate(array, chunks, tail, None)
        found = [bytes(data) for data in self._fetch(located)]
        if not self._objects.is_local:  # what has come a long way is not handed on unseen
            for number, data in enumerate(found):
                try:
                    array.codec.check_encoded(data)
                except ValueError as exc:
                    raise self._undecodable(array, int(chunks[number]), located.name_of(number), exc) from exc
        return found

    def _twice(self, read: Callable[[], T]) -> T:
        """What `read` gives, at the second attempt where an object came damaged and may yet come whole."""
        try:
            return read()
        except CorruptDataError as exc:
            if exc.object is None or self._objects.is_local:
                raise
            self._objects.forget([exc.object])
            self._indexes.clear()
        return read()

    # Where chunks stand

    def _locate(
        self,
        array: StoredArray,
        chunks: NDArray[np.int64],
        tail: ArrayTail | None,
        pending: PendingRows | None,
    ) -> Located:
        """Where each of the chunks, ascending, stands."""
        beyond = pending.first_chunk if pending else tail.first_chunk if tail else None
        split = len(chunks) if beyond is None else int(np.searchsorted(chunks, beyond))
        names: list[str] = []
        found: list[NDArray[np.int64]] = []
        shards = chunks[:split] // array.chunks_per_shard
        within = chunks[:split] - shards * array.chunks_per_shard
        bounds = [0, *(np.flatnonzero(shards[1:] != shards[:-1]) + 1).tolist(), split] if split else []
        for start, stop in pairwise(bounds):
            shard = int(shards[start])
            key = (array.group, array.name, shard)
            index = self._indexes.get(key, lambda key: self._shard_index(array, key[2]))
            names += [array.shard_object(shard)] * (stop - start)
            found.append(index[within[start:stop]])
        memory: list[Any] = []
        if pending:
            memory = [_pending_chunk(pending, chunk) for chunk in chunks[split:].tolist()]
        elif tail and split < len(chunks):
            names += [tail.object] * (len(chunks) - split)
            found.append(self._in_tail(array, tail, chunks[split:]))
        places = np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)
        starts = places[:, 0]
        if len(starts) and starts.min() < 0:
            self._refuse_missing(array, names[int(np.argmax(starts < 0))])
        return Located(names, starts, starts + places[:, 1], memory)

    def _in_tail(self, array: StoredArray, tail: ArrayTail, chunks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where chunks stand in a tail: (C, 2), first byte and length, or -1 where one is missing."""
        index = self._indexes.get((tail.object, array.name), lambda _: self._tail_index(array, tail))
        within = chunks - tail.first_chunk
        if int(within[-1]) >= len(index):
            self._refuse_missing(array, tail.object)
        places = index[within]
        places[places[:, 0] >= 0, 0] += tail.part.offset
        return places

    def _refuse_missing(self, array: StoredArray, name: str) -> NoReturn:
        # Its index has come whole and says so: fetching it again would change nothing.
        raise CorruptDataError(
            f"{self._objects.url}/{name}: a chunk of {array.name} that the commit counts is missing; "
            "restore the file from a copy"
        )

    def _damaged(self, name: str, said: str) -> CorruptDataError:
        damaged = CorruptDataError(f"{self._objects.url}/{name}: {said}")
        damaged.object = name
        return damaged

    def _undecodable(self, array: StoredArray, chunk: int, name: str, exc: ValueError) -> CorruptDataError:
        rows = array.entry.chunk_rows
        return self._damaged(
            name,
            f"rows {chunk * rows} to {(chunk + 1) * rows - 1} of {array.name} cannot be decoded ({exc}); "
            "restore the file from a copy",
        )

    def _shard_index(self, array: StoredArray, shard: int) -> NDArray[np.int64]:
        name = array.shard_object(shard)
        end = index_bytes(array.chunks_per_shard)
        data = self._guarded(lambda: self._objects.read_end(name, TAG_BYTES + end))
        try:
            tag = decode_tag(data[:TAG_BYTES])
            index = decode_index(data[TAG_BYTES:], array.chunks_per_shard)
        except ValueError as exc:
            raise self._damaged(name, f"{exc}; restore it from a copy") from exc
        try:
            check_tag(tag, self._dataset, array, shard, f"{self._objects.url}/{name}")
        except CorruptDataError as exc:
            exc.object = name
            raise
        return index

    def _tail_index(self, array: StoredArray, tail: ArrayTail) -> NDArray[np.int64]:
        end = tail.part.offset + tail.part.length
        wanted = Range(tail.object, end - index_bytes(tail.part.chunks), end)
        data = self._guarded(lambda: self._objects.read_ranges([wanted]))[0]
        try:
            return decode_index(bytes(data), tail.part.chunks)  # the file may be mapped
        except ValueError as exc:
            raise self._damaged(tail.object, f"{exc}; restore it from a copy") from exc

    # Bytes

    def _fetch(self, located: Located) -> list[Any]:
        """The bytes (or, of rows not yet encoded, the rows) of all chunks."""
        views = self._guarded(lambda: self._objects.views(located.runs()))
        if views is not None:
            return [*views, *located.memory]
        # Elsewhere one round of requests brings everything.
        ranges, cuts = located.ranges(0 if self._objects.is_local else _REMOTE_GAP)
        read = self._guarded(lambda: self._objects.read_ranges(ranges)) if ranges else []
        if not any(cuts):  # of random rows, each chunk is a range
            return [*read, *located.memory]
        data: list[Any] = []
        for found, parts in zip(read, cuts, strict=True):
            if parts is None:
                data.append(found)
            else:
                view = memoryview(found)
                data += [view[a:b] for a, b in parts]
        return [*data, *located.memory]

    def _guarded(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except FileNotFoundError as exc:
            raise CorruptDataError(
                f"{exc.filename or exc}: missing, but the commit refers to it; restore it from a copy"
            ) from exc

    # Rows

    def _decode(
        self,
        array: StoredArray,
        plan: Plan,
        out: NDArray[Any],
        first: int,
        data: Sequence[Any],
        located: Located,
    ) -> None:
        """Decode consecutive chunks of a plan, from its number `first` on, into the output."""
        if located.ends_in_rows and first + len(data) == len(plan.chunks):
            piece = _piece(plan, len(plan.chunks) - 1, array.entry.chunk_rows)
            out[piece.target] = data[-1][piece.source]
            data = data[:-1]
        numbers: Sequence[int] = range(first, first + len(data))
        flat = out.reshape(-1).view(np.uint8)
        if not array.codec.reads_rows:
            # Those that become rows as they are, at one go: all of them where a chunk is a frame.
            numbers = [number for number in numbers if number in plan.pieces]
            starts = [target * array.row_bytes for target in plan.targets[first : first + len(data)]]
            whole = data
            if numbers:
                kept = [i for i in range(len(data)) if first + i not in plan.pieces]
                whole, starts = [data[i] for i in kept], [starts[i] for i in kept]
            try:
                array.codec.decode_each(whole, flat, starts)
            except ValueError:  # which one it was turns out below
                numbers = range(first, first + len(data))
        scratch = np.empty(array.chunk.full if numbers else 0, dtype=array.dtype)
        for number in numbers:
            encoded = memoryview(data[number - first])
            piece = _piece(plan, number, array.entry.chunk_rows)
            try:
                if array.codec.reads_rows:
                    array.codec.decode_rows(encoded, piece.source, out, piece.target)
                else:
                    array.codec.decode(encoded, scratch.reshape(-1).view(np.uint8))
                    out[piece.target] = scratch[piece.source]
            except ValueError as exc:
                chunk, name = int(plan.chunks[number]), located.name_of(number)
                raise self._undecodable(array, chunk, name, exc) from exc


def check_tag(tag: ShardTag, dataset: bytes, array: StoredArray, shard: int, place: str) -> None:
    """Refuse a shard that stands in another's place.

    Raises:
        CorruptDataError: the tag names another shard than this one.
    """
    if (tag.dataset, tag.array, tag.shard) != (dataset, array.entry.id, shard):
        raise CorruptDataError(
            f"{place}: this is shard {tag.shard} of array {tag.array} of dataset {tag.dataset.hex()}, not "
            f"shard {shard} of array {array.entry.id} of {dataset.hex()}; restore it from a copy"
        )


def _piece(plan: Plan, number: int, chunk_rows: int) -> Piece:
    """What the chunk at this place of a plan gives, though it be all of it."""
    target = plan.targets[number]
    if target == SCATTERED:
        return plan.pieces[number]
    return Piece(slice(0, chunk_rows), slice(target, target + chunk_rows))


def _pending_chunk(pending: PendingRows, chunk: int) -> bytes | NDArray[Any]:
    within = chunk - pending.first_chunk
    return pending.chunks[within] if within < len(pending.chunks) else pending.partial
