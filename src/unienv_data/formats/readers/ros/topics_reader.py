"""Rows of topics, whatever the recordings stand in."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
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
from unienv_data.formats.naming import nested_paths
from unienv_data.formats.readers.ros.columns import AgeColumn, PictureColumn, TopicColumn, topic_columns
from unienv_data.formats.readers.ros.latched import plain_message
from unienv_data.formats.readers.ros.recording import LOG, PUBLISH, Recording
from unienv_data.formats.readers.ros.rows import (
    messages_of_rows,
    parse_rate,
    row_times_at_rate,
    row_times_of_topic,
)
from unienv_data.formats.readers.ros.survey import HEADER, MOST_NAMED, Survey, told_together
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.arrow import array_space
from unienv_data.formats.tabular.episode_columns import episode_table

__all__ = ["RosReader"]

TIME = "time"


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
    def _survey(self) -> Survey:
        return Survey(self._source, self._recordings, self._patterns, self._sync_to, self._clock)

    def _row_times(self, episode: int) -> NDArray[np.int64]:
        times = {name: self._survey.clocked(episode, name)[0] for name in self._survey.of_rows}
        if self._rate is not None:
            return row_times_at_rate(times, self._rate)
        return row_times_of_topic(times, self._sync_to or self._survey.of_rows[0])

    def _require_choice(self) -> None:
        """Rows must stand somewhere."""
        topics = self._survey.of_rows
        if self._sync_to is not None and self._sync_to not in topics:
            raise ConversionError(
                f"{self._source.where()}: there is no topic {self._sync_to!r} to make rows at; the "
                f"topics are {', '.join(topics)}"
            )
        if self._rate is None and self._sync_to is None and len(topics) != 1:
            whole = self._recordings[self._survey.whole[0]]
            rates = [
                f"{name} ({_rate_of(whole.times(name)):.3g} Hz)" for name in topics if name in whole.topics
            ]
            raise ConversionError(
                f"{self._source.where()}: its topics have rates of their own, so say where rows are to "
                "stand: at a rate (--rate HZ) or at the messages of a topic (--sync-to TOPIC). The topics "
                "are "
                f"{', '.join(rates)}"
            )

    @cached_property
    def _columns(self) -> tuple[dict[str, TopicColumn], dict[str, str], list[str]]:
        columns: dict[str, TopicColumn] = {}
        lost: dict[str, str] = {}
        empty: list[str] = []
        for topic in self._survey.of_rows:
            try:
                decoder = self._survey.decoder(self._survey.whole[0], topic)
                where = f"{self._recordings[self._survey.whole[0]].where}: {topic}"
                found, without, unused = topic_columns(topic, decoder, self._samples(topic), where)
            except ConversionError as exc:
                lost[topic] = str(exc)
                continue
            twice = [column.name for column in found if column.name in columns]
            if twice:
                raise ConversionError(
                    f"{where} and {columns[twice[0]].topic} would both give a column {twice[0]}; choose "
                    "one of "
                    f"them with --option topics=..."
                )
            columns |= {column.name: column for column in found}
            lost |= without
            empty += unused
        return columns, lost, empty

    def _samples(self, topic: str) -> list[Any]:
        """The first message of each of some recordings, and the last one of the first."""
        found: list[Any] = []
        for episode in self._survey.whole[:MOST_NAMED]:
            recording = self._recordings[episode]
            last = len(recording.times(topic)) - 1
            numbers = [0, last] if not found and last else [0]
            try:
                messages = recording.messages({topic: numbers})[topic]
            except ConversionError as exc:
                self._survey.problems[episode] = str(exc)
                continue
            finally:
                recording.close()
            found += [self._survey.decoder(episode, topic).decode(message) for message in messages]
        if not found:
            raise ConversionError(told_together(self._survey.problems.values()))
        return found

    @cached_property
    def _lengths(self) -> list[int]:
        """Rows of each recording; nobody knows how many one has that cannot be read: it counts as one."""
        self._require_choice()
        lengths = []
        for episode in range(len(self._recordings)):
            length = 1
            if episode not in self._survey.problems:
                try:
                    length = len(self._row_times(episode))
                except ConversionError as exc:
                    self._survey.problems[episode] = str(exc)
                finally:
                    self._recordings[episode].close()
            lengths.append(length)
        return lengths

    @cached_property
    def _facts(self) -> Facts:
        lengths = self._lengths
        whole = self._survey.whole
        columns, lost, empty = self._columns
        paths = nested_paths([TIME, *columns])
        shared, about = self._said()
        attributes: dict[str, Any] = {
            "topics": {name: topic.type for name, topic in self._survey.topics.items()},
            "clock": self._clock,
            **shared,
        }
        if self._rate is not None:
            attributes["fps"] = float(self._rate)
        if self._sync_to is not None:
            attributes["sync_to"] = self._sync_to
        notes = [f"{name} is empty in the messages looked at, and left out." for name in empty]
        notes += [
            f"{name} speaks once an episode: it is kept with the attributes." for name in self._survey.latched
        ]
        if self._sync_to is not None:
            said = sum(len(self._recordings[number].times(self._sync_to)) for number in whole)
            before = said - sum(lengths[number] for number in whole)
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
            said: dict[str, Any] = {}
            if episode not in self._survey.problems:
                try:
                    said = self._said_of(episode, recording)
                except ConversionError as exc:
                    self._survey.problems[episode] = str(exc)
                finally:
                    recording.close()
            each.append(said)
        whole = [said for said in each if said]
        if not whole:
            raise ConversionError(told_together(self._survey.problems.values()))
        shared = {key: value for key, value in whole[0].items() if all(o.get(key) == value for o in whole)}
        shared.pop("start_time", None)
        return shared, [{key: value for key, value in said.items() if key not in shared} for said in each]

    def _said_of(self, episode: int, recording: Recording) -> dict[str, Any]:
        said: dict[str, Any] = dict(recording.about)
        for topic in self._survey.latched:
            message = recording.messages({topic: [0]})[topic][0]
            with suppress(ConversionError):  # its encoding or type is unknown, and nobody asked for it
                said[topic] = plain_message(self._survey.decoder(episode, topic).decode(message))
        rows = self._row_times(episode)
        return {**said, "start_time": int(rows[0]) if len(rows) else None}

    def check(self, columns: Sequence[str], episodes: Sequence[int]) -> None:
        """Tell of recordings that cannot be read, and read the first row of the first episode."""
        facts = self.facts()  # for which the recordings are looked at
        told = [self._survey.problems[episode] for episode in episodes if episode in self._survey.problems]
        if told:
            raise ConversionError(told_together(told))
        if facts.rows:
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
        self._survey.topics.keys()  # finds recordings that lack one
        for position in episodes:
            if position in self._survey.problems:
                raise ConversionError(self._survey.problems[position])
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
            times, order = self._survey.clocked(episode, topic)
            shown = messages_of_rows(times, rows)
            ages = rows - times[shown]
            values |= {c.name: ages for c in known.values() if isinstance(c, AgeColumn) and c.topic == topic}
            numbers, inverse = np.unique(order[shown], return_inverse=True)
            places[topic] = inverse
            if any(column.topic == topic and not isinstance(column, AgeColumn) for column in known.values()):
                wanted[topic] = numbers.tolist()
        for topic, packed in recording.messages(wanted).items():
            decoder, where = self._survey.decoder(episode, topic), f"{recording.where}: {topic}"
            messages = [decoder.decode(message) for message in packed]
            for name, column in known.items():
                if column.topic != topic or isinstance(column, AgeColumn):
                    continue
                if isinstance(column, PictureColumn) and name in encoded:
                    values[name] = column.kept(messages, places[topic].tolist(), where)
                else:
                    values[name] = column.values(messages, where)[places[topic]]
        return values

    def close(self) -> None:
        """Close the files that are open."""
        if "_recordings" in self.__dict__:
            for recording in self._recordings:
                recording.close()


_NANOSECONDS = array_space(np.dtype(np.int64), ())


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
