"""Rows of topics, whatever the recordings stand in."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.arrow import array_space
from unienv_data.formats.base import (
    DEFAULT_CHUNK_BYTES,
    Chunk,
    EncodedForm,
    Facts,
    Reader,
    SourceColumn,
    check_options,
    row_bytes,
)
from unienv_data.formats.episode_columns import episode_table
from unienv_data.formats.naming import nested_paths
from unienv_data.formats.ros.columns import AgeColumn, PictureColumn, TopicColumn, topic_columns
from unienv_data.formats.ros.decoding import Decoder
from unienv_data.formats.ros.latched import is_latched, plain_message
from unienv_data.formats.ros.recording import LOG, PUBLISH, Recording
from unienv_data.formats.ros.rows import (
    messages_of_rows,
    parse_rate,
    row_times_at_rate,
    row_times_of_topic,
)
from unienv_data.formats.source import Source

__all__ = ["RosReader"]

HEADER = "header"
TIME = "time"
_MOST_NAMED = 6


class RosReader(Reader):
    """Makes rows of topics: at a rate, or at the messages of a topic.

    Each row shows of each topic the last message at or before it, and how old that was. Rows begin where
    every
    topic has had a message. A topic that speaks once an episode, and a camera's calibration, go to the
    attributes, or to the table of episodes where they differ.
    """

    extra = "ros"
    option_help: ClassVar[Mapping[str, str]] = {
        "rate": "rows a second; or sync_to (--rate)",
        "sync_to": "the topic at whose messages rows are made (--sync-to)",
        "time": "by which clock: log (when a message arrived, the default), publish or header",
        "topics": "patterns of the topics to read, with commas between them; all by default",
    }

    def __init__(self, source: Source, options: Mapping[str, str]) -> None:
        self._source = source
        self._rate = parse_rate(options["rate"]) if "rate" in options else None
        self._sync_to = options.get("sync_to")
        self._clock = options.get("time", LOG)
        self._patterns = [text for text in options.get("topics", "").split(",") if text]
        if self._clock not in (LOG, PUBLISH, HEADER):
            raise ConversionError(f"time {self._clock!r}: log, publish or header was expected")
        if self._rate is not None and self._sync_to is not None:
            raise ConversionError(
                "rows are made either at a rate (--rate) or at a topic (--sync-to), not both"
            )
        self._decoders: dict[tuple[int, str], Decoder] = {}
        self._times: dict[tuple[int, str], tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    @classmethod
    def open(cls, source: Source, options: Mapping[str, str] | None = None) -> Self:
        """A reader of the recordings."""
        return cls(source, check_options(cls, options))

    @abstractmethod
    def _find(self) -> list[Recording]:
        """The recordings, an episode each, in order."""

    def facts(self) -> Facts:
        """What the recordings hold."""
        return self._facts

    @cached_property
    def _recordings(self) -> list[Recording]:
        return self._find()

    @cached_property
    def _topics(self) -> list[str]:
        """The topics to be read, those of the rows and the latched ones, all of which each recording has."""
        recordings = self._recordings
        known = sorted({name for each in recordings for name in each.topics})
        chosen = [name for name in known if not self._patterns or _matches(name, self._patterns)]
        unused = [text for text in self._patterns if not any(_matches(name, [text]) for name in known)]
        if unused or not chosen:
            raise ConversionError(
                f"{self._source.where()}: no topic matches {', '.join(unused) or 'anything'}; the topics are "
                f"{', '.join(known) or 'none'}"
            )
        for each in recordings:
            lost = [name for name in chosen if name not in each.topics]
            if lost:
                raise ConversionError(
                    f"{each.where}: there are no messages of {', '.join(lost)}, which other recordings have; "
                    f"choose those that all have with --option topics=..."
                )
            for name in chosen:
                first, other = recordings[0].topics[name].type, each.topics[name].type
                if other != first:
                    raise ConversionError(
                        f"{each.where}: {name} is {other}, in {recordings[0].label} {first}"
                    )
        return chosen

    @cached_property
    def _latched(self) -> list[str]:
        """The topics that are not of the rows."""
        counts = {name: [len(each.times(name)) for each in self._recordings] for name in self._topics}
        return [
            name
            for name in self._topics
            if name != self._sync_to and is_latched(self._recordings[0].topics[name].type, name, counts)
        ]

    @cached_property
    def _of_rows(self) -> list[str]:
        return [name for name in self._topics if name not in self._latched]

    def _decoder(self, episode: int, topic: str) -> Decoder:
        key = episode, topic
        if key not in self._decoders:
            recording = self._recordings[episode]
            same = self._decoders.get((0, topic))
            if same is not None and recording.topics[topic] == self._recordings[0].topics[topic]:
                self._decoders[key] = same
            else:
                self._decoders[key] = Decoder(recording.topics[topic], recording.where)
        return self._decoders[key]

    def _clocked(self, episode: int, topic: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Times of a topic's messages by the chosen clock, rising, and their numbers."""
        key = episode, topic
        if key not in self._times:
            recording = self._recordings[episode]
            if self._clock == HEADER:
                times = self._header_times(episode, topic)
            else:
                times = recording.times(topic, self._clock)
            order = np.argsort(times, kind="stable")
            self._times[key] = times[order], order
        return self._times[key]

    def _header_times(self, episode: int, topic: str) -> NDArray[np.int64]:
        recording, decoder = self._recordings[episode], self._decoder(episode, topic)
        if not decoder.has_header():
            raise ConversionError(
                f"{recording.where}: the messages of {topic} have no header, and so no time of one; choose "
                "other "
                f"topics (--option topics=...) or another clock (--option time=log)"
            )
        found = []
        count = len(recording.times(topic))
        for start in range(0, count, 256):
            numbers = range(start, min(start + 256, count))
            for message in recording.messages({topic: numbers})[topic]:
                stamp = decoder.decode(message).header.stamp
                found.append(stamp.sec * 10**9 + stamp.nanosec)
        return np.array(found, np.int64)

    def _row_times(self, episode: int) -> NDArray[np.int64]:
        times = {name: self._clocked(episode, name)[0] for name in self._of_rows}
        if self._rate is not None:
            return row_times_at_rate(times, self._rate)
        if self._sync_to is None and len(times) == 1:
            return row_times_of_topic(times, next(iter(times)))
        if self._sync_to is None:
            rates = [f"{name} ({_rate_of(each):.3g} Hz)" for name, each in times.items()]
            raise ConversionError(
                f"{self._source.where()}: its topics have rates of their own, so say where rows are to "
                "stand: at "
                f"a rate (--rate HZ) or at the messages of a topic (--sync-to TOPIC). The topics are "
                f"{', '.join(rates)}"
            )
        if self._sync_to not in times:
            raise ConversionError(
                f"{self._source.where()}: there is no topic {self._sync_to!r} to make rows at; the topics "
                "are "
                f"{', '.join(times)}"
            )
        return row_times_of_topic(times, self._sync_to)

    @cached_property
    def _columns(self) -> tuple[dict[str, TopicColumn], dict[str, str], list[str]]:
        columns: dict[str, TopicColumn] = {}
        lost: dict[str, str] = {}
        empty: list[str] = []
        for topic in self._of_rows:
            try:
                decoder = self._decoder(0, topic)
                where = f"{self._recordings[0].where}: {topic}"
                found, without, unused = topic_columns(topic, decoder, self._samples(topic), where)
            except ConversionError as exc:
                lost[topic] = str(exc)
                continue
            columns |= {column.name: column for column in found}
            lost |= without
            empty += unused
        return columns, lost, empty

    def _samples(self, topic: str) -> list[Any]:
        """The first message of each of some recordings, and the last one of the first."""
        found = []
        for episode, recording in list(enumerate(self._recordings))[:_MOST_NAMED]:
            last = len(recording.times(topic)) - 1
            numbers = [0, last] if not episode and last else [0]
            messages = recording.messages({topic: numbers})[topic]
            found += [self._decoder(episode, topic).decode(message) for message in messages]
        return found

    @cached_property
    def _lengths(self) -> list[int]:
        return [len(self._row_times(episode)) for episode in range(len(self._recordings))]

    @cached_property
    def _facts(self) -> Facts:
        if not self._recordings:
            raise ConversionError(f"{self._source.where()}: there are no recordings")
        lengths = self._lengths
        columns, lost, empty = self._columns
        paths = nested_paths([TIME, *columns])
        shared, about = self._said()
        topics = self._recordings[0].topics
        attributes: dict[str, Any] = {
            "topics": {name: topics[name].type for name in self._topics},
            "clock": self._clock,
            **shared,
        }
        if self._rate is not None:
            attributes["fps"] = float(self._rate)
        if self._sync_to is not None:
            attributes["sync_to"] = self._sync_to
        notes = [f"{name} is empty in the messages looked at, and left out." for name in empty]
        notes += [f"{name} speaks once an episode: it is kept with the attributes." for name in self._latched]
        if self._sync_to is not None:
            before = sum(len(each.times(self._sync_to)) for each in self._recordings) - sum(lengths)
            if before:
                notes.append(
                    f"{before} messages of {self._sync_to} came before all topics had spoken: no rows."
                )
        clock = SourceColumn(TIME, paths[TIME], _NANOSECONDS, None, {"unit": "ns", "clock": self._clock})
        return Facts(
            format=self.name,
            version="",
            columns=(clock, *(_source_column(column, paths[name]) for name, column in columns.items())),
            episodes=episode_table(lengths, [each.label for each in self._recordings], about),
            source_bytes=self._source.total_bytes,
            unreadable=lost,
            attributes=attributes,
            notes=tuple(notes),
        )

    def _said(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """What is said of all recordings alike, and of each."""
        each: list[dict[str, Any]] = []
        for episode, recording in enumerate(self._recordings):
            said: dict[str, Any] = dict(recording.about)
            for topic in self._latched:
                message = recording.messages({topic: [0]})[topic][0]
                said[topic] = plain_message(self._decoder(episode, topic).decode(message))
            rows = self._row_times(episode)
            each.append({**said, "start_time": int(rows[0]) if len(rows) else None})
        shared = {key: value for key, value in each[0].items() if all(o.get(key) == value for o in each)}
        shared.pop("start_time", None)
        return shared, [{key: value for key, value in said.items() if key not in shared} for said in each]

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """Read the first row of the first episode; the recordings themselves were looked at for the facts."""
        next(self.chunks(columns, episodes[:1], target_bytes=1), None)

    def chunks(
        self,
        columns: Sequence[str],
        episodes: Sequence[int],
        *,
        target_bytes: int = DEFAULT_CHUNK_BYTES,
        encoded: Collection[str] = (),
    ) -> Iterator[Chunk]:
        """The rows of the episodes; only messages that a row shows are read."""
        known = {name: self._columns[0][name] for name in columns if name != TIME}
        weight = row_bytes([column.space for name, column in known.items() if name not in encoded]) + 8
        weight += sum(_weight(known[name]) for name in encoded if name in known)
        rows_at_once = max(1, target_bytes // weight)
        for position in episodes:
            rows = self._row_times(position)
            try:
                for start in range(0, len(rows), rows_at_once):
                    stop = min(start + rows_at_once, len(rows))
                    found = self._values(position, rows[start:stop], known, encoded)
                    values = {name: found[name] for name in columns}
                    yield Chunk(position, start, stop - start, values, ends_episode=stop == len(rows))
            finally:
                self._recordings[position].close()

    def _values(
        self,
        episode: int,
        rows: NDArray[np.int64],
        known: Mapping[str, TopicColumn],
        encoded: Collection[str],
    ) -> dict[str, Any]:
        recording = self._recordings[episode]
        values: dict[str, Any] = {TIME: rows}
        places: dict[str, NDArray[np.int64]] = {}
        wanted: dict[str, list[int]] = {}
        for topic in dict.fromkeys(column.topic for column in known.values()):
            times, order = self._clocked(episode, topic)
            shown = messages_of_rows(times, rows)
            ages = rows - times[shown]
            values |= {c.name: ages for c in known.values() if isinstance(c, AgeColumn) and c.topic == topic}
            numbers, inverse = np.unique(order[shown], return_inverse=True)
            places[topic] = inverse
            if any(column.topic == topic and not isinstance(column, AgeColumn) for column in known.values()):
                wanted[topic] = numbers.tolist()
        for topic, packed in recording.messages(wanted).items():
            decoder, where = self._decoder(episode, topic), f"{recording.where}: {topic}"
            messages = [decoder.decode(message) for message in packed]
            for name, column in known.items():
                if column.topic != topic or isinstance(column, AgeColumn):
                    continue
                if isinstance(column, PictureColumn) and name in encoded:
                    values[name] = column.kept([messages[place] for place in places[topic]], where)
                else:
                    values[name] = column.values(messages, where)[places[topic]]
        return values

    def close(self) -> None:
        """Close the files that are open."""
        if "_recordings" in self.__dict__:
            for recording in self._recordings:
                recording.close()


_NANOSECONDS = array_space(np.dtype(np.int64), ())


def _matches(topic: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(topic, text) or fnmatchcase(topic.lstrip("/"), text) for text in patterns)


def _rate_of(times: NDArray[np.int64]) -> float:
    span = float(times[-1] - times[0]) / 1e9
    return (len(times) - 1) / span if span else 0.0


def _weight(column: TopicColumn) -> int:
    return column.file_bytes if isinstance(column, PictureColumn) else 0


def _source_column(column: TopicColumn, path: tuple[str, ...]) -> SourceColumn:
    form = None
    if isinstance(column, PictureColumn) and column.codec is not None:
        form = EncodedForm(column.codec, 1, column.file_bytes)
    return SourceColumn(column.name, path, column.space, column.lossy, column.attributes, form)
