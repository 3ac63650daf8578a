"""An MCAP file by its index: https://mcap.dev/spec."""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from io import BytesIO
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError, MissingDependencyError
from unienv_data.formats.readers.ros.recording import LOG, Recording, Topic
from unienv_data.formats.source import Source
from unienv_interface._optional import import_optional

__all__ = ["McapFile"]

MAGIC = b"\x89MCAP0\r\n"
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _MESSAGE_INDEX, _DATA_END = 0x03, 0x04, 0x05, 0x06, 0x07, 0x0F
_RECORD = struct.Struct("<BQ")
_MESSAGE_HEAD = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time
_KEPT_CHUNKS = 4
_LOOSE = -1
"""Stands for the chunk of messages that are in none."""


class McapFile(Recording):
    """An MCAP file, finished and with an index or, slower, without.

    Args:
        source: where it lies.
        name: its name within the source.
    """

    def __init__(self, source: Source, name: str) -> None:
        self.label = (name or source.label).rsplit("/", 1)[-1]
        self.where = source.where(name)
        self._source, self._name = source, name
        self._opened: IO[bytes] | None = None
        self._chunks: OrderedDict[int, bytes] = OrderedDict()

    @property
    def _file(self) -> IO[bytes]:
        if self._opened is None:
            self._opened = self._source.open(self._name)
        return self._opened

    def _library_reader(self) -> Any:
        self._file.seek(0)
        return import_optional("mcap.reader", extra="ros").make_reader(self._file)

    @cached_property
    def _summary(self) -> Any:
        """What stands at the end of the file."""
        size = self._source.files.get(self._name, 0)
        self._file.seek(0)
        if self._file.read(len(MAGIC)) != MAGIC:
            raise ConversionError(f"{self.where}: this is no MCAP file: it does not begin as one")
        self._file.seek(max(0, size - len(MAGIC)))
        if size < 2 * len(MAGIC) or self._file.read() != MAGIC:
            raise ConversionError(
                f"{self.where}: the MCAP file does not end as one, so it was cut off or never finished by "
                "its "
                f"writer. `mcap recover` (https://mcap.dev) makes a whole file of what is there"
            )
        with self._reading():
            return self._library_reader().get_summary()

    @cached_property
    def _index(self) -> tuple[dict[int, Any], dict[int, Any], dict[int, NDArray[np.int64]]]:
        """Schemas and channels by their numbers, and of each channel (N, 3): log time, chunk, place in it."""
        summary = self._summary
        statistics = summary.statistics if summary is not None else None
        counted = statistics is not None and not statistics.message_count
        if summary is not None and (summary.chunk_indexes or counted) and summary.channels:
            found: dict[int, list[NDArray[np.int64]]] = {}
            with self._reading():
                for chunk in summary.chunk_indexes:
                    for channel, entries in self._entries(chunk).items():
                        found.setdefault(channel, []).append(entries)
            places = {channel: np.concatenate(parts) for channel, parts in found.items()}
            total = sum(map(len, places.values()))
            if statistics is None or statistics.message_count == total:
                return dict(summary.schemas), dict(summary.channels), _ordered(places)
        with self._reading():
            return self._scanned()

    def _entries(self, chunk: Any) -> dict[int, NDArray[np.int64]]:
        """The MessageIndex records after a chunk, which stand together: (N, 3) of each channel."""
        start = chunk.chunk_start_offset + chunk.chunk_length
        self._file.seek(start)
        data = self._file.read(chunk.message_index_length)
        found = {}
        for channel, place in chunk.message_index_offsets.items():
            opcode, size = _RECORD.unpack_from(data, place - start)
            content = data[place - start + _RECORD.size : place - start + _RECORD.size + size]
            if opcode != _MESSAGE_INDEX or len(content) != size or size < 6:
                raise ValueError(f"there is no index at byte {place}")
            pairs = np.frombuffer(content, "<i8", offset=6).reshape(-1, 2)
            places = np.full(len(pairs), chunk.chunk_start_offset)
            found[channel] = np.stack([pairs[:, 0], places, pairs[:, 1]], axis=1)
        return found

    def _scanned(self) -> tuple[dict[int, Any], dict[int, Any], dict[int, NDArray[np.int64]]]:
        """The same for a file without an index, all of which is read."""
        records = import_optional("mcap.records", extra="ros")
        streams = import_optional("mcap.data_stream", extra="ros")
        schemas: dict[int, Any] = {}
        channels: dict[int, Any] = {}
        found: dict[int, list[tuple[int, int, int]]] = {}

        def note(opcode: int, content: bytes, chunk: int, place: int) -> None:
            if opcode == _SCHEMA:
                schema = records.Schema.read(streams.ReadDataStream(BytesIO(content)))
                schemas[schema.id] = schema
            elif opcode == _CHANNEL:
                channel = records.Channel.read(streams.ReadDataStream(BytesIO(content)))
                channels[channel.id] = channel
            elif opcode == _MESSAGE:
                number, _, logged, _ = _MESSAGE_HEAD.unpack_from(content)
                found.setdefault(number, []).append((logged, chunk, place))

        size = self._source.files.get(self._name, 0)
        place = len(MAGIC)
        while place + _RECORD.size < size:
            self._file.seek(place)
            opcode, length = _RECORD.unpack(self._file.read(_RECORD.size))
            if opcode == _DATA_END:
                break
            if opcode == _CHUNK:
                for inner, content, start in _records_in(self._chunk(place)):
                    note(inner, content, place, start)
            elif opcode in (_SCHEMA, _CHANNEL, _MESSAGE):
                note(opcode, self._file.read(length), _LOOSE, place)
            place += _RECORD.size + length
        arrays = {number: np.array(rows, np.int64).reshape(-1, 3) for number, rows in found.items()}
        return schemas, channels, _ordered(arrays)

    @cached_property
    def topics(self) -> Mapping[str, Topic]:
        schemas, channels, places = self._index
        found: dict[str, Topic] = {}
        for number in sorted(places):
            channel = channels.get(number)
            if channel is None:
                raise ConversionError(
                    f"{self.where}: there are messages of a channel {number}, which is not there"
                )
            schema = schemas.get(channel.schema_id)
            topic = Topic(
                channel.topic,
                schema.name if schema else "",
                schema.data.decode(errors="replace") if schema else "",
                schema.encoding if schema else "",
                channel.message_encoding,
            )
            if found.setdefault(channel.topic, topic) != topic:
                raise ConversionError(
                    f"{self.where}: the topic {channel.topic} has messages of two types, "
                    f"{found[channel.topic].type} and {topic.type}"
                )
        return found

    @cached_property
    def about(self) -> Mapping[str, Any]:
        summary = self._summary
        with self._reading():
            header = self._library_reader().get_header()
            records = []
            if summary is not None and summary.metadata_indexes:
                records = list(self._library_reader().iter_metadata())
        kept: dict[str, Any] = {"profile": header.profile, "library": header.library}
        kept |= {f"metadata.{record.name}": dict(record.metadata) for record in records}
        return {key: value for key, value in kept.items() if value}

    @cached_property
    def _places(self) -> dict[str, NDArray[np.int64]]:
        """(N, 3) of each topic, whose messages may have come over several channels."""
        _, channels, places = self._index
        parts: dict[str, list[NDArray[np.int64]]] = {}
        for number, rows in places.items():
            parts.setdefault(channels[number].topic, []).append(rows)
        return _ordered({topic: np.concatenate(rows) for topic, rows in parts.items()})

    def times(self, topic: str, clock: str = LOG) -> NDArray[np.int64]:
        places = self._places[topic]
        if clock == LOG:
            return places[:, 0].copy()
        with self._reading():
            heads = [self._head(chunk, place) for _, chunk, place in places.tolist()]
        return np.array([head[3] for head in heads], np.int64)

    def messages(self, wanted: Mapping[str, Sequence[int]]) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {topic: [b""] * len(numbers) for topic, numbers in wanted.items()}
        asked = [
            (*self._places[topic][number].tolist(), topic, position)
            for topic, numbers in wanted.items()
            for position, number in enumerate(numbers)
        ]
        with self._reading():
            for logged, chunk, place, topic, position in sorted(asked, key=lambda each: each[1:3]):
                _, content = self._record(chunk, place)
                if _MESSAGE_HEAD.unpack_from(content)[2] != logged:
                    raise ValueError(f"the index of {topic} names another message")
                found[topic][position] = content[_MESSAGE_HEAD.size :]
        return found

    def _head(self, chunk: int, place: int) -> tuple[int, int, int, int]:
        _, content = self._record(chunk, place)
        channel, sequence, logged, published = _MESSAGE_HEAD.unpack_from(content)
        return channel, sequence, logged, published

    def _record(self, chunk: int, place: int) -> tuple[int, bytes]:
        if chunk == _LOOSE:
            self._file.seek(place)
            opcode, size = _RECORD.unpack(self._file.read(_RECORD.size))
            content = self._file.read(size)
        else:
            data = self._chunk(chunk)
            opcode, size = _RECORD.unpack_from(data, place)
            content = data[place + _RECORD.size : place + _RECORD.size + size]
        if opcode != _MESSAGE or len(content) != size:
            raise ValueError(f"there is no message at byte {place} of the chunk at {chunk}")
        return opcode, content

    def _chunk(self, place: int) -> bytes:
        """The records of a chunk, decompressed; the last few are kept."""
        if place in self._chunks:
            self._chunks.move_to_end(place)
            return self._chunks[place]
        records = import_optional("mcap.records", extra="ros")
        streams = import_optional("mcap.data_stream", extra="ros")
        reader = import_optional("mcap.stream_reader", extra="ros")
        self._file.seek(place)
        opcode, size = _RECORD.unpack(self._file.read(_RECORD.size))
        content = self._file.read(size)
        if opcode != _CHUNK or len(content) != size:
            raise ValueError(f"there is no chunk at byte {place}")
        chunk = records.Chunk.read(streams.ReadDataStream(BytesIO(content)))
        stream, length = reader.get_chunk_data_stream(chunk, validate_crc=True)
        data: bytes = stream.read(length)
        self._chunks[place] = data
        if len(self._chunks) > _KEPT_CHUNKS:
            self._chunks.popitem(last=False)
        return data

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Whatever goes wrong within is told with the file's address: each decompressor has its own "
        "errors."""
        try:
            yield
        except (ConversionError, MissingDependencyError):
            raise
        except Exception as exc:
            raise ConversionError(
                f"{self.where}: damaged MCAP file: {' '.join(str(exc).split()) or type(exc).__name__}"
            ) from exc

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        self._chunks.clear()


def _records_in(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    place = 0
    while place < len(data):
        opcode, size = _RECORD.unpack_from(data, place)
        yield opcode, data[place + _RECORD.size : place + _RECORD.size + size], place
        place += _RECORD.size + size


def _ordered(places: Mapping[Any, NDArray[np.int64]]) -> dict[Any, NDArray[np.int64]]:
    """By log time; those of the same time as they stand in the file."""
    return {key: rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))] for key, rows in places.items()}
