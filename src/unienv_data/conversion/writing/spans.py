"""Writing a span of a conversion's rows: read and decoded by one thread, encoded and written by others.

Works in any process: of the one that converts, of a worker, of a cluster. Nothing comes back but receipts,
which are left beside the shards.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns import columns_of
from unienv_data.columns.data import EncodedRows
from unienv_data.conversion.appending.sums import EpisodeSums
from unienv_data.conversion.options import ConversionOptions
from unienv_data.conversion.shaping import open_shaped
from unienv_data.conversion.writing.collecting import Collector
from unienv_data.conversion.writing.readahead import reading_ahead
from unienv_data.conversion.writing.receipts import Receipt, write_receipt
from unienv_data.conversion.writing.units import Unit
from unienv_data.errors import ConversionError, SpaceValueError
from unienv_data.formats import Reader, Source
from unienv_data.formats.base import TEXT_BYTES, Chunk
from unienv_data.formats.naming import Path, nest
from unienv_data.store.blockwriter import BlockWriter
from unienv_data.store.lending import Loan
from unienv_data.store.objects import ObjectStore
from unienv_interface.space import GraphInstance
from unienv_interface.space.space import AnySpace

__all__ = ["SpanJob", "write_span"]

Told = Callable[[int, int], None]
"""Is told of rows that have been written, and of the bytes that they had."""


@dataclass(frozen=True, eq=False)
class SpanJob:
    """What whoever writes a span of a conversion must know. Pickles.

    Attributes:
        source: the recording.
        options: what was chosen about the conversion.
        format: the source's.
        paths: source name -> place in a row, of what is converted.
        space: one row.
        copied: source names of the columns that are stored as they are encoded.
        episodes: (E,) positions in the source's episode table, of what is converted.
        told_by: the store's names of the columns that tell episodes apart.
        offsets: (E + 1,) the first row of each in the conversion, and the number of rows.
        loan: the blocks.
        chunk_bytes: how much to read at once.
        ahead_bytes: how much of what has been read may wait.
    """

    source: Source
    options: ConversionOptions
    format: str
    paths: Mapping[str, Path]
    space: AnySpace
    copied: Sequence[str]
    told_by: Sequence[str]
    episodes: NDArray[np.int64]
    offsets: NDArray[np.int64]
    loan: Loan
    chunk_bytes: int
    ahead_bytes: int

    def opened(self) -> Reader:
        """A reader of the source, in the shape that was chosen."""
        return open_shaped(self.source, self.options, self.format)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of an episode, by source name; `episode` counts those that are converted."""

    episode: int
    start: int
    rows: int
    values: Mapping[str, Any]
    bytes: int


@dataclass(frozen=True)
class _Bad:
    """An episode that cannot be read."""

    episode: int
    reason: str
    bytes: int = 0


def write_span(
    job: SpanJob,
    reader: Reader,
    root: ObjectStore,
    units: Sequence[Unit],
    told: Told | None = None,
    collector: Collector | None = None,
) -> None:
    """Write consecutive units, and their receipts.

    Args:
        job: of which conversion.
        reader: as `job.opened()`.
        root: where the dataset stands.
        units: which units, each following the one before.
        told: is told how far it has come.
        collector: is given the rows that are written.

    Raises:
        ConversionError: an episode cannot be read, and is not to be skipped; or the source has changed.
        OSError: something cannot be written.
    """
    span = Unit(units[0].start, units[-1].stop)
    first = int(np.searchsorted(job.offsets, span.start, side="right")) - 1
    last = int(np.searchsorted(job.offsets, span.stop, side="left"))
    writer = BlockWriter(root, job.loan, span.start, job.chunk_bytes)
    writing = _Writing(job, reader, writer, units, told, collector)
    rows = _rows_of(job, reader, first, last)
    with reading_ahead(rows, lambda item: item.bytes, job.ahead_bytes) as items:
        for item in items:
            if isinstance(item, _Bad):
                writing.skip(item)
            else:
                writing.add(item)
            if writing.is_done:
                return
    raise ConversionError(
        f"{job.source.shown}: the rows ended after {writing.position} of {job.offsets[-1]}: did it change?"
    )


class _Writing:
    """Units on their way to shards and receipts."""

    def __init__(
        self,
        job: SpanJob,
        reader: Reader,
        writer: BlockWriter,
        units: Sequence[Unit],
        told: Told | None,
        collector: Collector | None,
    ) -> None:
        self._job, self._reader, self._writer, self._told = job, reader, writer, told
        self._collector = collector
        self._node = columns_of(job.space)
        self._units = list(units)
        self._begin()

    def _begin(self) -> None:
        self._bad: dict[int, str] = {}
        self._sums = EpisodeSums(self._job.told_by)

    @property
    def position(self) -> int:
        """The row that comes next."""
        return self._writer.position

    @property
    def is_done(self) -> bool:
        """Whether every unit has been written."""
        return not self._units

    def add(self, item: _Rows) -> None:
        """Write rows, as far as they are of these units and not there yet."""
        base = int(self._job.offsets[item.episode]) + item.start
        end = int(self._job.offsets[item.episode + 1])
        done = max(self.position - base, 0)
        if done >= item.rows:
            return  # of an episode that is begun elsewhere, or has turned out bad
        try:
            value = nest({self._job.paths[name]: values for name, values in item.values.items()})
            columns = self._node.encode(value, item.rows)
        except SpaceValueError as exc:
            self.skip(_Bad(item.episode, _refused(self._job, self._reader, item.episode, exc)))
            return
        while done < item.rows and self._units:
            stop = min(item.rows, self._units[0].stop - base)
            self._writer.append(columns, done, stop)
            self._sums.add(item.episode, columns, item.start + done, done, stop)
            if self._collector is not None:
                self._collector.add(columns, done, stop)
            if base + stop == end:
                self._writer.end_run()
                if self._collector is not None:
                    self._collector.end_episode(item.start + stop)
            self._tell(stop - done, item.bytes * (stop - done) // item.rows)
            done = stop
            self._finish_if_full()

    def skip(self, item: _Bad) -> None:
        """Leave a gap where an episode should be."""
        if self._collector is not None:
            self._collector.give_up()
        end = int(self._job.offsets[item.episode + 1])
        while self._units and self.position < end:
            self._bad[item.episode] = item.reason
            stop = min(end, self._units[0].stop)
            rows = stop - self.position
            self._writer.append_nothing(rows)
            if stop == end:
                self._writer.end_run()
            self._tell(rows, 0)
            self._finish_if_full()

    def _tell(self, rows: int, size: int) -> None:
        if self._told is not None:
            self._told(rows, size)

    def _finish_if_full(self) -> None:
        unit = self._units[0]
        if self.position < unit.stop:
            return
        ragged, weights = self._writer.finish()
        write_receipt(self._writer.objects, Receipt(unit, weights, ragged, self._bad, self._sums.of_each()))
        del self._units[0]
        self._begin()


def _rows_of(job: SpanJob, reader: Reader, first: int, last: int) -> Generator[_Rows | _Bad, None, None]:
    """The rows of episodes [first, last).

    Raises:
        ConversionError: an episode cannot be read, and is not to be skipped.
    """
    options: dict[str, Any] = {"encoded": job.copied} if job.copied else {}
    episode = first
    while episode < last:
        wanted = job.episodes[episode:last].tolist()
        done = 0
        try:
            chunks = reader.chunks(list(job.paths), wanted, target_bytes=job.chunk_bytes, **options)
            for chunk in chunks:
                _check(job, episode, done, chunk)
                size = sum(map(_bytes_of, chunk.columns.values()))
                yield _Rows(episode, chunk.start, chunk.rows, chunk.columns, size)
                done += chunk.rows
                if chunk.ends_episode:
                    episode, done = episode + 1, 0
            if episode < last:
                raise ConversionError(f"{job.source.shown}: there are no rows: did it change?")
        except ConversionError as exc:
            yield _Bad(episode, _refused(job, reader, episode, exc))
            episode += 1


def _check(job: SpanJob, episode: int, done: int, chunk: Chunk) -> None:
    """See that a chunk is what is due."""
    length = int(job.offsets[episode + 1] - job.offsets[episode])
    end = chunk.start + chunk.rows
    is_due = chunk.episode == job.episodes[episode] and chunk.start == done
    if not is_due or end > length or chunk.ends_episode != (end == length):
        raise ConversionError(
            f"{job.source.shown}: {length} rows were planned for an episode, but others came: did it change?"
        )


def _refused(job: SpanJob, reader: Reader, episode: int, exc: Exception) -> str:
    """Why an episode is bad, where such are to be skipped.

    Raises:
        ConversionError: they are not; names the episode.
    """
    if job.options.skip_bad:
        return str(exc)
    name = reader.facts().episodes["source_episode"][int(job.episodes[episode])].as_py()
    raise ConversionError(f"episode {name}: {exc}. To convert the others, leave it out: --skip-bad") from exc


def _bytes_of(values: Any) -> int:
    """What the values of a column hold, about."""
    if isinstance(values, EncodedRows):
        return sum(map(len, values.pieces))
    if isinstance(values, np.ndarray):
        return values.nbytes + (TEXT_BYTES * len(values) if values.dtype.kind == "O" else 0)
    if isinstance(values, Mapping):
        return sum(map(_bytes_of, values.values()))
    if isinstance(values, (list, tuple)):
        return sum(map(_bytes_of, values))
    return sum(map(_bytes_of, vars(values).values())) if isinstance(values, GraphInstance) else 0
