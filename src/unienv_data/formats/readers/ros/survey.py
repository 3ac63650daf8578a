"""What several recordings have together: topics, clocks, and which of them cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.readers.ros.decoding import Decoder, Field
from unienv_data.formats.readers.ros.latched import is_latched
from unienv_data.formats.readers.ros.recording import Recording, Topic
from unienv_data.formats.source import Source

__all__ = ["HEADER", "MOST_NAMED", "Survey", "told_together"]

HEADER = "header"
"""The clock of messages' own headers."""

MOST_NAMED = 6


class Survey:
    """What recordings, an episode each, have together.

    Args:
        source: where they lie.
        recordings: in order.
        patterns: of the topics to read; none is all.
        sync_to: the topic at whose messages rows are made, if one is chosen.
        clock: by which.
    """

    def __init__(
        self,
        source: Source,
        recordings: Sequence[Recording],
        patterns: Sequence[str],
        sync_to: str | None,
        clock: str,
    ) -> None:
        self._source = source
        self.recordings = recordings
        self._patterns = patterns
        self._sync_to = sync_to
        self._clock = clock
        self._decoders: dict[tuple[int, str], Decoder] = {}
        self._times: dict[tuple[int, str], tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    @cached_property
    def problems(self) -> dict[int, str]:
        """Recordings that cannot be read, and why; more are found where their rows are counted."""
        found: dict[int, str] = {}
        for number, recording in enumerate(self.recordings):
            try:
                for name in recording.topics:
                    recording.times(name)
            except ConversionError as exc:
                found[number] = str(exc)
            finally:
                recording.close()
        return found

    @property
    def whole(self) -> list[int]:
        """The numbers of the recordings that can be read.

        Raises:
            ConversionError: there are none.
        """
        if not self.recordings:
            raise ConversionError(f"{self._source.where()}: there are no recordings")
        found = [number for number in range(len(self.recordings)) if number not in self.problems]
        if not found:
            raise ConversionError(told_together(self.problems.values()))
        return found

    @cached_property
    def topics(self) -> dict[str, Topic]:
        """The topics to be read, those of the rows and the latched ones; whatever recording lacks one is "
        "bad."""
        recordings = {number: self.recordings[number] for number in self.whole}
        first = next(iter(recordings.values()))
        known: dict[str, Topic] = {}
        for each in recordings.values():
            known = {**each.topics, **known}
        chosen = {
            name: known[name]
            for name in sorted(known)
            if not self._patterns or _matches(name, self._patterns)
        }
        unused = [text for text in self._patterns if not any(_matches(name, [text]) for name in known)]
        if unused or not chosen:
            raise ConversionError(
                f"{self._source.where()}: no topic matches {', '.join(unused) or 'anything'}; the topics are "
                f"{', '.join(known) or 'none'}"
            )
        for number, each in recordings.items():
            problem = _difference(each, first, chosen)
            if problem:
                self.problems[number] = f"{each.where}: {problem}"
        return chosen

    @cached_property
    def latched(self) -> list[str]:
        """The topics that are not of the rows."""
        whole = [self.recordings[number] for number in self.whole]
        counts = {
            name: [len(each.times(name)) for each in whole if name in each.topics] for name in self.topics
        }
        return [
            name
            for name, topic in self.topics.items()
            if name != self._sync_to and is_latched(topic.type, name, counts)
        ]

    @cached_property
    def of_rows(self) -> list[str]:
        """The topics that are."""
        return [name for name in self.topics if name not in self.latched]

    def decoder(self, episode: int, topic: str) -> Decoder:
        """What decodes a topic's messages in a recording.

        Raises:
            ConversionError: it cannot be decoded.
        """
        key = episode, topic
        if key not in self._decoders:
            recording = self.recordings[episode]
            same = self._decoders.get((self.whole[0], topic))
            if same is not None and recording.topics[topic] == self.recordings[self.whole[0]].topics[topic]:
                self._decoders[key] = same
            else:
                self._decoders[key] = Decoder(recording.topics[topic], recording.where)
        return self._decoders[key]

    def clocked(self, episode: int, topic: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Times of a topic's messages by the chosen clock, rising, and their numbers.

        Raises:
            ConversionError: it has no such clock, or is damaged.
        """
        key = episode, topic
        if key not in self._times:
            recording = self.recordings[episode]
            if self._clock == HEADER:
                times = self._header_times(episode, topic)
            else:
                times = recording.times(topic, self._clock)
            order = np.argsort(times, kind="stable")
            self._times[key] = times[order], order
        return self._times[key]

    def _header_times(self, episode: int, topic: str) -> NDArray[np.int64]:
        recording, decoder = self.recordings[episode], self.decoder(episode, topic)
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


def told_together(problems: Iterable[str]) -> str:
    """Some of what is wrong, in one sentence."""
    told = list(dict.fromkeys(problems))
    more = f"; and {len(told) - MOST_NAMED} more" if len(told) > MOST_NAMED else ""
    return "; ".join(told[:MOST_NAMED]) + more


def _matches(topic: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(topic, text) or fnmatchcase(topic.lstrip("/"), text) for text in patterns)


def _difference(recording: Recording, first: Recording, chosen: Mapping[str, Topic]) -> str:
    """What keeps a recording from being read as the first one is, or ""."""
    lost = [name for name in chosen if name not in recording.topics]
    if lost:
        return (
            f"there are no messages of {', '.join(lost)}, which other recordings have; choose those that all "
            f"have with --option topics=..."
        )
    for name, topic in chosen.items():
        mine = recording.topics[name]
        if mine.type != topic.type:
            return f"{name} is {mine.type!r}, in {first.label} {topic.type!r}"
        if mine != topic and _fields(mine, recording) != _fields(topic, first):
            return (
                f"the messages of {name} have other fields than in {first.label}, though both are "
                f"{topic.type}"
            )
    return ""


def _fields(topic: Topic, recording: Recording) -> list[Field]:
    try:
        return Decoder(topic, recording.where).fields()
    except ConversionError:  # whoever reads the topic is told
        return []
