"""What readers of HDF5 files share: episodes are groups, or ranges of rows, of which columns are datasets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import pyarrow as pa

from unienv_data.errors import ConversionError
from unienv_data.formats.base import (
    DEFAULT_CHUNK_BYTES,
    Chunk,
    Facts,
    Reader,
    check_options,
    row_bytes,
)
from unienv_data.formats.hdf5.columns import Hdf5Column
from unienv_data.formats.hdf5.datasets import OpenDataset, open_dataset
from unienv_data.formats.hdf5.files import EXTENSIONS, OpenFile, reading
from unienv_data.formats.source import Source

__all__ = ["Hdf5Reader", "Span", "Survey"]

MOST_PROBLEMS = 8


@dataclass(frozen=True)
class Span:
    """Where an episode lies.

    Args:
        file: the file's name within the source.
        group: the group below which its datasets stand; "" for the file itself.
        length: its rows.
        ranges: where its rows lie in these datasets, from and to before; by default there is nothing else in
            them. Given, other episodes lie in the same datasets.
        problem: why it cannot be read, where that is known from the start. Nobody knows then how many rows it
            has: it counts as one, and whoever wants that is told.
    """

    file: str
    group: str
    length: int
    ranges: tuple[tuple[int, int], ...] = ()
    problem: str | None = None

    @property
    def shares(self) -> bool:
        """Whether other episodes lie in the same datasets."""
        return bool(self.ranges)

    def slices(self, rows: int) -> Iterator[tuple[int, int, int]]:
        """The rows in slices: the first one's number in the episode, and where they begin and end on disk."""
        done = 0
        for first, last in self.ranges or ((0, self.length),):
            for start in range(first, last, rows):
                stop = min(start + rows, last)
                yield done, start, stop
                done += stop - start


@dataclass(frozen=True, eq=False)
class Survey:
    """What a look at the headers gives: the facts, and where everything lies.

    Args:
        columns: how each column is read.
        spans: where each episode lies, in the order of `episodes`.
        episodes: the episode table.
        version: the format's version, or "".
        unreadable: columns that no store can hold, each with the reason.
        attributes: of the whole source, strict JSON.
        notes: what a person should know.
    """

    columns: Sequence[Hdf5Column]
    spans: Sequence[Span]
    episodes: pa.Table
    version: str = ""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()


class Hdf5Reader(Reader):
    """Reads formats that lie in HDF5 files; a subclass says where what lies.

    Datasets are read in slices that hold as many whole chunks as fit, each into the array that is handed on.

    Args:
        source: the recording.
        options: those given, all of them known.
    """

    extensions = EXTENSIONS
    extra = "hdf5"

    def __init__(self, source: Source, options: Mapping[str, str]) -> None:
        self._source = source
        self._options = options

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the recording."""
        return cls(source, check_options(cls, options))

    @abstractmethod
    def _survey(self) -> Survey:
        """Look at the headers."""

    @cached_property
    def _surveyed(self) -> Survey:
        survey = self._survey()
        if not survey.spans:
            raise ConversionError(f"{self._source.where()}: it holds no episodes")
        return survey

    @cached_property
    def _columns(self) -> dict[str, Hdf5Column]:
        return {column.name: column for column in self._surveyed.columns}

    @cached_property
    def _facts(self) -> Facts:
        survey = self._surveyed
        return Facts(
            format=self.name,
            version=survey.version,
            columns=tuple(column.described() for column in survey.columns),
            episodes=survey.episodes,
            source_bytes=self._source.total_bytes,
            unreadable=survey.unreadable,
            attributes=survey.attributes,
            notes=tuple(survey.notes),
        )

    def facts(self) -> Facts:
        """What the recording holds."""
        return self._facts

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """Find missing datasets, and those of other lengths, shapes and types, by their headers."""
        problems: list[str] = []
        seen: set[tuple[str, str]] = set()
        checked: set[str] = set()
        with closing(OpenFile(self._source)) as files:
            for position in episodes:
                span = self._surveyed.spans[position]
                if span.shares and (span.file, span.group) in seen:
                    continue
                seen.add((span.file, span.group))
                try:
                    for name, dataset in self._datasets(files, span, columns).items():
                        if name not in checked and span.length:
                            self._try(span, self._columns[name], dataset)
                            checked.add(name)
                except ConversionError as exc:
                    problems.append(str(exc))
        if problems:
            more = f"; and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
            raise ConversionError("; ".join(problems[:MOST_PROBLEMS]) + more)

    def _try(self, span: Span, column: Hdf5Column, dataset: OpenDataset) -> None:
        """Read one row of what is decoded, so that a missing decoder is told before anything is written."""
        if column.lossy is not None:
            where = self._where(span, column)
            with reading(self._source, span.file, where):
                _, start, stop = next(span.slices(1))
                column.read(dataset, start, stop, f"{self._source.where(span.file)}, {where}")

    def _datasets(self, files: OpenFile, span: Span, columns: Sequence[str]) -> dict[str, OpenDataset]:
        """The datasets of some columns of an episode, by the columns' names; every problem told at once."""
        if span.problem is not None:
            raise ConversionError(span.problem)
        found: dict[str, OpenDataset] = {}
        problems: list[str] = []
        file = files.get(span.file)
        for name in columns:
            column = self._columns[name]
            within = self._where(span, column)
            place = f"{span.group}/{column.place}" if span.group else column.place
            with reading(self._source, span.file, within):
                dataset = open_dataset(file, place)
                problem = (
                    "the dataset is missing" if dataset is None else self._problem(span, column, dataset)
                )
            if dataset is not None and problem is None:
                found[name] = dataset
            else:
                problems.append(f"{within}: {problem}")
        if problems:
            raise ConversionError(f"{self._source.where(span.file)}: {', '.join(problems[:MOST_PROBLEMS])}")
        return found

    @staticmethod
    def _problem(span: Span, column: Hdf5Column, dataset: OpenDataset) -> str | None:
        if dataset.lies_elsewhere:
            return "its values lie in other files, which are not followed"
        rows = int(dataset.shape[0]) if dataset.shape else 0
        ends = [stop for _, stop in span.ranges] or [span.length]
        needed = max(ends) + column.has_final
        if rows < needed or (rows > needed and not span.shares):
            return f"it has {rows} rows, where {needed} are expected"
        return column.problem(dataset)

    @staticmethod
    def _where(span: Span, column: Hdf5Column) -> str:
        return f"{span.group}/{column.place}" if span.group else column.place

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The rows of the episodes; each file is opened once where the episodes are in order."""
        weight = 0
        for name in columns:
            column = self._columns[name]
            form = column.encoded if name in encoded else None
            weight += row_bytes([column.space]) if form is None else form.row_bytes
        rows_at_once = max(1, target_bytes // max(1, weight))
        spans = self._surveyed.spans
        ends = _ends([spans[position] for position in episodes])
        last: Span | None = None
        with closing(OpenFile(self._source)) as files:
            for position, end in zip(episodes, ends, strict=True):
                span = spans[position]
                if span.length == 0:
                    continue
                if last is None or not span.shares or (last.file, last.group) != (span.file, span.group):
                    datasets = self._datasets(files, span, columns)
                    step = _whole_chunks(rows_at_once, datasets.values())
                    ahead = {name: _ReadAhead(step) for name in datasets if span.shares}
                else:
                    self._require_rows(span, datasets)
                last = span
                for start, first, stop in span.slices(step):
                    values = {}
                    for name, dataset in datasets.items():
                        reads = self._reads(span, name, dataset, name in encoded)
                        if span.shares and name not in encoded:
                            values[name] = ahead[name].get(reads, first, stop, end)
                        else:
                            values[name] = reads(first, stop)
                    rows = stop - first
                    yield Chunk(position, start, rows, values, ends_episode=start + rows == span.length)

    def _require_rows(self, span: Span, datasets: Mapping[str, OpenDataset]) -> None:
        for name, dataset in datasets.items():
            problem = self._problem(span, self._columns[name], dataset)
            if problem is not None:
                where = self._where(span, self._columns[name])
                raise ConversionError(f"{self._source.where(span.file)}: {where}: {problem}")

    def _reads(self, span: Span, name: str, dataset: OpenDataset, encoded: bool) -> Callable[[int, int], Any]:
        """Reads rows of a dataset, from and to before, and one more where the column has a final value."""
        column = self._columns[name]
        within = self._where(span, column)
        where = f"{self._source.where(span.file)}, {within}"
        read = column.read_encoded if encoded else column.read

        def reads(first: int, stop: int) -> Any:
            last = stop + column.has_final
            with reading(self._source, span.file, f"{within}, rows {first} to {last - 1}"):
                return read(dataset, first, last, where)

        return reads

    def close(self) -> None:
        """Nothing stays open between calls."""


class _ReadAhead:
    """Rows of a dataset that several short episodes share: read many at a time.

    Args:
        rows: how many to read at a time.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._start = 0
        self._held: Any = ()

    def get(self, reads: Callable[[int, int], Any], first: int, stop: int, end: int) -> Any:
        """The rows from `first` to before `stop`; those after them, to before `end`, will be asked for."""
        if not self._start <= first <= stop <= self._start + len(self._held):
            self._held = reads(first, max(stop, min(first + self._rows, end)))
            self._start = first
        return self._held[first - self._start : stop - self._start]


def _ends(spans: Sequence[Span]) -> list[int]:
    """Of each episode, to where rows follow it on disk that are asked for after it."""
    ends: list[int] = []
    following: Span | None = None
    for span in reversed(spans):
        end = span.ranges[-1][1] if span.ranges else span.length
        follows = (
            following is not None
            and following.shares
            and span.shares
            and ((following.file, following.group, following.ranges[0][0]) == (span.file, span.group, end))
        )
        ends.append(ends[-1] if follows else end)
        following = span
    return ends[::-1]


def _whole_chunks(rows: int, datasets: Collection[OpenDataset]) -> int:
    """At most so many rows; where they are as many, a multiple of those in a chunk of the largest dataset."""
    largest = max(datasets, key=lambda dataset: dataset.nbytes, default=None)
    if largest is None or largest.chunks is None or rows < largest.chunks[0]:
        return rows
    return rows - rows % largest.chunks[0]
