"""The one writer of a storage: rows into blocks that it has claimed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData, EncodedRows, Ragged
from unienv_data.schema.commit import ROWS_LOG, ArrayEntry, Commit, LogEntry, Tail, TailPart
from unienv_data.store.array import StoredArray, stored_arrays
from unienv_data.store.arraywriter import ArrayWriter
from unienv_data.store.claims import Claims
from unienv_data.store.gather import PendingRows
from unienv_data.store.objects import ObjectStore
from unienv_data.store.ragged import INDEX, VALUES, SharedValues
from unienv_data.store.reader import CommitReader
from unienv_data.store.shard import ShardTag, encode_shard

__all__ = ["LogWriter", "Region", "ceil_to"]


@dataclass
class Region:
    """Where a log may be written at present: it began at `start`, and what lies before `end` is claimed."""

    block_rows: int
    start: int
    end: int


class LogWriter:
    """Appends rows to the logs of a storage.

    Nothing is claimed or written before the first row. How the writer begins depends on the commit that it
    follows: in the same block where that was released, in a new block otherwise, into which the rows of
    the unfinished block are copied, encoded as they are.

    Args:
        objects: where the storage stands.
        base: the commit to follow.
        writer: the writer's token, 24 hexadecimal digits.
        reader: reads rows of `base`.
    """

    def __init__(self, objects: ObjectStore, base: Commit, writer: str, reader: CommitReader) -> None:
        self._objects = objects
        self._base = base
        self._token = bytes.fromhex(writer)
        self._dataset = bytes.fromhex(base.uuid)
        self._claims = Claims(objects, base.group, writer)
        self._reader = reader
        self._arrays = stored_arrays(base)
        self._writers: dict[str, ArrayWriter] = {}
        self._regions: dict[str, Region] = {}
        self._shared: dict[str, SharedValues] = {}
        self._row = base.logs[ROWS_LOG].length
        self._room = 0  # rows that complete no chunk of any array, nor the block
        self.changes = 0  # counts what a commit would have to hold

    @property
    def group(self) -> str:
        """The group of the arrays."""
        return self._base.group

    @property
    def has_begun(self) -> bool:
        """Whether anything has been claimed."""
        return bool(self._regions)

    @property
    def row(self) -> int:
        """The log row that comes next."""
        return self._row

    # Beginning

    def begin(self) -> tuple[int, int] | None:
        """Claim where to write.

        Returns:
            (first row, shift) where the rows from `first row` on have been copied into a new block, `shift`
            rows further on; None where no row moved.
        """
        try:
            return self._begin()
        except BaseException:
            self._regions, self._writers = {}, {}
            raise

    def _begin(self) -> tuple[int, int] | None:
        base, rows = self._base, self._base.logs[ROWS_LOG]
        self.changes += 1
        self._regions = {
            name: Region(log.block_rows, log.start, ceil_to(log.length, log.block_rows))
            for name, log in base.logs.items()
        }
        self._shared = {name: SharedValues() for name in self._value_logs()}
        for name, array in self._arrays.items():
            length = base.logs[array.entry.log].length
            first = length - length % array.entry.shard_rows
            self._writers[name] = ArrayWriter(array, self._write_shard, first)
        if base.tail is None:
            self._begin_afresh()
            return None
        if base.released and self._claims.succeed(ROWS_LOG, rows.start // rows.block_rows, base.number):
            for name, array in self._arrays.items():
                self._resume(name, self._reader.tail_chunks(array))
            return None
        return self._copy_block(rows)

    def _begin_afresh(self) -> None:
        """After whole shards only: nothing is claimed until a row comes."""
        self._regions[ROWS_LOG].end = self._row
        for name in self._value_logs():
            # What follows in the same block of values may be somebody's who has not committed it.
            region = self._regions[name]
            region.start = region.end
            self._writers[name].finish_shard(region.end)

    def _resume(self, name: str, tail: list[bytes]) -> None:
        array = self._arrays[name]
        length = self._base.logs[array.entry.log].length
        self._writers[name].resume(tail, length % array.entry.shard_rows)

    def _copy_block(self, rows: LogEntry) -> tuple[int, int]:
        """Copy the committed rows of the unfinished block into one of our own."""
        block = self._claims.claim_from(ROWS_LOG, rows.start // rows.block_rows + 1)
        shift = block * rows.block_rows - rows.start
        shifts = {ROWS_LOG: shift}
        self._regions[ROWS_LOG] = Region(rows.block_rows, rows.start + shift, (block + 1) * rows.block_rows)
        for name in self._value_logs():
            log = self._base.logs[name]
            region = self._new_region(name, log.length - log.start, ceil_to(log.length, log.block_rows))
            shifts[name] = region.start - log.start
        for name, array in self._arrays.items():
            log = self._base.logs[array.entry.log]
            writer = ArrayWriter(array, self._write_shard, log.start + shifts[array.entry.log])
            self._writers[name] = writer
            values = name.removesuffix(INDEX) + VALUES
            if name.endswith(INDEX) and values in shifts:
                # The values have moved, so that the rows that point at them change.
                index = self._reader.read_array(array, range(log.start, log.length))
                index[:, 0] += shifts[values]
                writer.append(index)
                continue
            for chunks in self._reader.shard_chunks(array, log.start, log.length):
                writer.append_encoded(chunks)
            writer.resume(self._reader.tail_chunks(array), log.length % array.entry.shard_rows)
        self._row += shift
        return rows.start, shift

    def _value_logs(self) -> Iterator[str]:
        return (name for name in self._base.logs if name != ROWS_LOG)

    # Appending

    def append(self, columns: Mapping[str, ColumnData], count: int) -> list[tuple[int, int]]:
        """Add rows.

        Args:
            columns: `count` rows of every column, by name.
            count: number of rows.

        Returns:
            (first log row, number of rows) of each run of consecutive log rows that they became.
        """
        row = self._row
        self.changes += 1
        if count <= self._room:
            for name, data in columns.items():
                self._writers[name].fill(cast("NDArray[Any]", data))
            self._row += count
            self._room -= count
            return [(row, count)]
        marks = {name: writer.mark() for name, writer in self._writers.items()}
        regions = {name: replace(region) for name, region in self._regions.items()}
        self._room = 0
        try:
            pieces = self._append(columns, count)
            self._room = self._common_room()
            return pieces
        except BaseException:
            for name, mark in marks.items():
                self._writers[name].restore(mark)
            self._regions, self._row = regions, row
            for shared in self._shared.values():
                shared.clear()
            raise

    def _append(self, columns: Mapping[str, ColumnData], count: int) -> list[tuple[int, int]]:
        pieces: list[tuple[int, int]] = []
        done = 0
        while done < count:
            if self._row == self._regions[ROWS_LOG].end:
                self._next_block()
            stop = min(count, done + self._regions[ROWS_LOG].end - self._row)
            if not self._reserve_values(columns, done, stop):
                self._next_block()
                continue
            for name, data in columns.items():
                if isinstance(data, Ragged):
                    self._append_ragged(name, data, done, stop)
                elif isinstance(data, EncodedRows):
                    self._writers[name].append_pieces(data, done, stop)
                else:
                    self._writers[name].append(data[done:stop])
            if pieces and sum(pieces[-1]) == self._row:
                pieces[-1] = (pieces[-1][0], pieces[-1][1] + stop - done)
            else:
                pieces.append((self._row, stop - done))
            self._row += stop - done
            done = stop
        if self._row == self._regions[ROWS_LOG].end:
            self._finish_values()
        return pieces

    def _common_room(self) -> int:
        if len(self._regions) > 1:  # ragged columns take room in logs of their own
            return 0
        room = min((writer.room for writer in self._writers.values()), default=0)
        return min(room, self._regions[ROWS_LOG].end - self._row - 1)

    def _append_ragged(self, name: str, data: Ragged, start: int, stop: int) -> None:
        values = self._writers[name + VALUES]
        starts, fresh = self._shared[name + VALUES].place(data, start, stop, values.position)
        for part in fresh:
            values.append(part)
        index = np.concatenate([starts[:, None], data.shapes[start:stop]], axis=1)
        self._writers[name + INDEX].append(index)

    def _next_block(self) -> None:
        """Go on in a block of our own, whose values begin at a shard of their own."""
        region = self._regions[ROWS_LOG]
        block = self._claims.claim_from(ROWS_LOG, ceil_to(self._row, region.block_rows) // region.block_rows)
        start = block * region.block_rows
        self._finish_rows(start)
        self._finish_values()
        self._row = start
        self._regions[ROWS_LOG] = Region(region.block_rows, start, start + region.block_rows)

    def _finish_rows(self, position: int) -> None:
        for name, array in self._arrays.items():
            if array.entry.log == ROWS_LOG:
                self._writers[name].finish_shard(position)

    def _finish_values(self) -> None:
        """End the values of a block: what comes next begins at a new shard."""
        for name in self._value_logs():
            writer, region = self._writers[name], self._regions[name]
            position = ceil_to(writer.position, self._arrays[name].entry.shard_rows)
            writer.finish_shard(position)
            region.start = position
            self._shared[name].clear()

    def _reserve_values(self, columns: Mapping[str, ColumnData], start: int, stop: int) -> bool:
        """Claim room for the values of rows [start, stop); False where that needs a new block of rows."""
        for column, data in columns.items():
            if not isinstance(data, Ragged):
                continue
            name = column + VALUES
            region, writer = self._regions[name], self._writers[name]
            end = writer.position + data.distinct_values(start, stop)
            while region.end < end:
                if self._claims.claim(name, region.end // region.block_rows):
                    region.end += region.block_rows
                elif writer.position == region.start:  # nothing in it yet: it can begin elsewhere
                    region = self._new_region(name, end - writer.position, region.end + region.block_rows)
                    writer.finish_shard(region.start)
                    break
                else:
                    return False
        return True

    def _new_region(self, log: str, count: int, position: int) -> Region:
        """Claim consecutive blocks of a values log, room for `count` values, from `position` on."""
        size = self._regions[log].block_rows
        first = self._claims.claim_from(log, position // size)
        last = first
        while (last + 1 - first) * size < count:
            if self._claims.claim(log, last + 1):
                last += 1
            else:
                first = last = self._claims.claim_from(log, last + 2)
        self._regions[log] = Region(size, first * size, (last + 1) * size)
        return self._regions[log]

    def _write_shard(self, array: StoredArray, shard: int, chunks: list[bytes], rows: int) -> None:
        tag = ShardTag(self._dataset, array.entry.id, shard, self._token, rows)
        self._objects.write(array.shard_object(shard), encode_shard(chunks, array.chunks_per_shard, tag))

    def end_run(self) -> None:
        """What comes next has nothing to do with what has been appended: an episode has ended."""
        for writer in self._writers.values():
            writer.end_run()

    # Reading and committing what has been appended

    def pending(self, array: str) -> PendingRows | None:
        """The rows of an array that stand in no full shard yet."""
        return self._writers[array].pending() if array in self._writers else None

    def seal(self) -> None:
        """Write the part-filled shards to their places; the next row begins a new block."""
        region = self._regions[ROWS_LOG]
        self.changes += 1
        self._room = 0
        for name, array in self._arrays.items():
            if array.entry.log == ROWS_LOG:
                writer = self._writers[name]
                writer.finish_shard(ceil_to(writer.position, array.entry.shard_rows))
        self._finish_values()
        region.end = self._row

    def write_tail(self, number: int) -> Tail | None:
        """Write the rows after the last full shards as a tail object for commit `number`.

        Every attempt writes an object of its own: an earlier one may have become a commit unnoticed.
        """
        pieces: list[bytes] = []
        parts: dict[str, TailPart] = {}
        offset = 0
        for name in self._arrays:
            data, chunks = self._writers[name].tail()
            length = sum(map(len, data))
            if chunks:
                parts[name] = TailPart(offset, length, chunks)
                pieces += data
                offset += length
        if not parts:
            return None
        name = f"tails/{number:020d}-{secrets.token_hex(12)}"
        self._objects.write(name, pieces)
        return Tail(name, parts)

    def logs(self) -> dict[str, LogEntry]:
        """The logs as they are now."""
        lengths = {name: self._writers[name].position for name in self._value_logs()}
        lengths[ROWS_LOG] = self._row
        return {
            name: LogEntry(region.block_rows, lengths[name], region.start)
            for name, region in self._regions.items()
        }

    def entries(self) -> dict[str, ArrayEntry]:
        """The arrays as they are now."""
        return {
            name: replace(
                array.entry,
                stored_bytes=self._writers[name].stored_bytes,
                raw_bytes=self._writers[name].raw_bytes,
            )
            for name, array in self._arrays.items()
        }


def ceil_to(value: int, step: int) -> int:
    """The least multiple of `step` that is no less than `value`."""
    return -(-value // step) * step
