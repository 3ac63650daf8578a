"""The episodes: where their records stand, how long they are, what is said of each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import IO, Any, overload

import pyarrow as pa

from unienv_data.errors import ConversionError
from unienv_data.formats.readers.rlds.columns import NumberColumn, as_dtype
from unienv_data.formats.readers.rlds.example import (
    BYTES_LIST,
    FLOAT_LIST,
    Feature,
    bytes_values,
    count_values,
    features_of,
    number_values,
)
from unienv_data.formats.readers.rlds.features import Leaf, Structure
from unienv_data.formats.readers.rlds.framing import Place, record_places
from unienv_data.formats.readers.rlds.metadata import INFO, Dataset, Shard
from unienv_data.formats.readers.rlds.records import Record, framed_record, naming
from unienv_data.formats.readers.rlds.riegeli import ChunkedRecord, chunk_records, chunked_records
from unienv_data.formats.source import Source

__all__ = ["Episode", "EpisodeIndex", "Records", "episode_table"]

FIRST = "steps/is_first"
RESERVED = ("length", "source_episode", "split")


@dataclass(frozen=True)
class Episode:
    """One record.

    Args:
        shard: its file.
        number: which record of the file.
        place: where it stands there.
        length: how many steps it has.
        about: what is said of it, by the features' keys.
        longest: of the lists of varying length: how long the longest is, by the features' keys.
        problem: why it cannot be read, where that is known from the start. Nobody knows then how many steps
        it
            has: it counts as one.
    """

    shard: Shard
    number: int
    place: Place | ChunkedRecord
    length: int
    about: Mapping[str, Any]
    longest: Mapping[str, int]
    problem: str = ""

    @property
    def label(self) -> str:
        """What TFDS calls the example."""
        return f"{self.shard.name.rsplit('/', 1)[-1]}__{self.number}"


class Records:
    """Records of files, of which one is open at a time.

    Args:
        source: the dataset.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._file: IO[bytes] | None = None
        self._name: str | None = None
        self._chunk: tuple[int, list[bytes]] | None = None

    def get(self, name: str, number: int, place: Place | ChunkedRecord, *, checked: bool = True) -> Record:
        """A record.

        Args:
            name: of its file.
            number: which of the file's records it is.
            place: where.
            checked: whether its checksum is looked at, for which all of it is read.

        Raises:
            ConversionError: it is missing or damaged.
        """
        if self._file is None or self._name != name:
            self.close()
            self._file, self._name = self._source.open(name), name
        if isinstance(place, ChunkedRecord):
            if self._chunk is None or self._chunk[0] != place.chunk:
                self._chunk = place.chunk, chunk_records(self._source, name, self._file, place.chunk)
            if place.number >= len(self._chunk[1]):
                raise ConversionError(f"{self._source.where(name)}: record {number} is not there")
            return Record.of(self._chunk[1][place.number])
        if checked:
            return framed_record(self._source, name, self._file, place, number)
        return Record(self._file, place)

    def close(self) -> None:
        """Close the open file. May be called twice."""
        if self._file is not None:
            self._file.close()
        self._file = self._name = self._chunk = None


class EpisodeIndex(Sequence[Episode]):
    """All episodes, in the order of the files, each looked at when it is first asked for.

    Where episodes stand is known by how many each file should have; of a file the headers of its records are
    read,
    of a record little more than what stands between its values. What is wrong with a file or a record is
    kept with
    its episodes, so that others can be read.

    Args:
        source: where the files lie.
        dataset: which files there should be.
        structure: of the records.
    """

    def __init__(self, source: Source, dataset: Dataset, structure: Structure) -> None:
        self._source, self._dataset, self._structure = source, dataset, structure
        self._ends = list(accumulate(shard.records for shard in dataset.shards))
        self._places: dict[int, tuple[Sequence[Place | ChunkedRecord], str]] = {}
        self._found: dict[int, Episode] = {}
        self._records = Records(source)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, position: int) -> Episode: ...

    @overload
    def __getitem__(self, position: slice) -> Sequence[Episode]: ...

    def __getitem__(self, position: int | slice) -> Episode | Sequence[Episode]:
        """An episode.

        Raises:
            ConversionError: its file holds more records than is said, so that it is no file of this dataset.
        """
        if isinstance(position, slice):
            return [self[each] for each in range(len(self))[position]]
        position = range(len(self))[position]
        if position not in self._found:
            self._found[position] = self._look(position)
        return self._found[position]

    def _look(self, position: int) -> Episode:
        which = bisect_right(self._ends, position)
        shard = self._dataset.shards[which]
        number = position - (self._ends[which] - shard.records)
        if which not in self._places:
            self._places[which] = self._places_of(shard)
        places, problem = self._places[which]
        if number >= len(places):
            return Episode(shard, number, Place(0, 0), 1, {}, {}, problem)
        try:
            record = self._records.get(shard.name, number, places[number], checked=False)
            with naming(f"{self._source.where(shard.name)}: record {number}"):
                return _episode(record, shard, number, places[number], self._structure)
        except ConversionError as exc:
            return Episode(shard, number, places[number], 1, {}, {}, str(exc))

    def _places_of(self, shard: Shard) -> tuple[Sequence[Place | ChunkedRecord], str]:
        """Where the records of a file stand, as far as it goes, and why it goes no further."""
        where = self._source.where(shard.name)
        if shard.name not in self._source.files:
            return [], f"{where}: the file is missing, which {INFO} lists"
        places: Sequence[Place | ChunkedRecord]
        problem = ""
        if self._dataset.file_format == "tfrecord":
            places, problem = record_places(self._source, shard.name)
        else:
            try:
                places = chunked_records(self._source, shard.name)
            except ConversionError as exc:
                places, problem = [], str(exc)
        if len(places) > shard.records or (len(places) < shard.records and not problem):
            said = f"{where}: it has {len(places)} records, {INFO} gives it {shard.records}"
            if len(places) > shard.records:
                raise ConversionError(f"{said}; it is another dataset's")
            problem = f"{said}; it was cut off"
        return places, problem

    def close(self) -> None:
        """Close the open file. May be called twice."""
        self._records.close()


def _episode(
    record: Record, shard: Shard, number: int, place: Place | ChunkedRecord, structure: Structure
) -> Episode:
    features = features_of(record)
    length = _length(record, features, structure)
    about = {
        leaf.key: _value(record, features[leaf.key], leaf)
        for leaf in structure.episode
        if leaf.key in features and leaf.kind in ("number", "text")
    }
    longest = {}
    for leaf in structure.steps:
        feature = features.get(f"{leaf.key}/ragged_row_lengths_0")
        if leaf.listed is not None and feature is not None:
            counts = [int(piece.max()) for piece in number_values(record, feature, 1 << 16)]
            longest[leaf.key] = max(counts, default=0)
    return Episode(shard, number, place, length, about, longest)


def _length(record: Record, features: Mapping[str, Feature], structure: Structure) -> int:
    """How many steps there are: by `is_first`, else by what is quickest to count."""
    if FIRST in features:
        return count_values(record, features[FIRST])
    known = [
        (leaf, features[leaf.key])
        for leaf in structure.steps
        if leaf.key in features and leaf.listed is None and leaf.kind != "none"
    ]
    known.sort(key=lambda pair: (pair[1].kind != FLOAT_LIST, pair[1].kind == BYTES_LIST, pair[1].size))
    for leaf, feature in known:
        size = 1 if feature.kind == BYTES_LIST else prod(size or 0 for size in leaf.shape)
        if size:
            return count_values(record, feature) // size
    raise ValueError(f"it has none of the features of a step, but {', '.join(sorted(features)) or 'nothing'}")


def _value(record: Record, feature: Feature, leaf: Leaf) -> Any:
    """A number, a text or a nested list."""
    if leaf.kind == "text":
        texts = [data.decode() for part in bytes_values(record, feature, 1) for data in part]
        return (texts[0] if texts else None) if leaf.listed is None else texts
    if leaf.encoding:
        unpacked = next(NumberColumn(leaf).values(record, {leaf.key: feature}, 1, ""), None)
        return None if unpacked is None else unpacked[0].tolist()
    flat = next(number_values(record, feature, max(count_values(record, feature), 1)), None)
    if flat is None:
        return None
    values = as_dtype(flat, leaf.dtype)
    shape = tuple(size or 0 for size in leaf.shape)
    return values.reshape(shape if leaf.listed is None else (-1, *shape)).tolist()


def episode_table(episodes: Sequence[Episode], structure: Structure) -> pa.Table:
    """One row an episode: length, what TFDS calls it, split, and what is said of it."""
    columns: dict[str, Any] = {
        "length": pa.array([episode.length for episode in episodes], pa.int64()),
        "source_episode": pa.array([episode.label for episode in episodes], pa.string()),
        "split": pa.array([episode.shard.split for episode in episodes], pa.string()),
    }
    for leaf in structure.episode:
        if leaf.kind in ("number", "text"):
            columns[_column_name(leaf, columns)] = pa.array(
                [episode.about.get(leaf.key) for episode in episodes]
            )
    return pa.table(columns)


def _column_name(leaf: Leaf, taken: Mapping[str, Any]) -> str:
    short = ".".join(leaf.path[1:] if len(leaf.path) > 1 else leaf.path)
    return leaf.key.replace("/", ".") if short in taken else short


def chunk_sizes(length: int, rows_at_once: int) -> Iterator[tuple[int, int]]:
    """The beginnings and ends of an episode's chunks."""
    for start in range(0, length, rows_at_once):
        yield start, min(start + rows_at_once, length)
