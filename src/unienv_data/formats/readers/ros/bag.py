"""A ROS 2 bag: a folder of metadata.yaml and SQLite or MCAP files, as rosbag2 writes them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import quote

import numpy as np
import zstandard
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.readers.ros.mcap_file import McapFile
from unienv_data.formats.readers.ros.recording import LOG, Recording, Topic
from unienv_data.formats.source import Source
from unienv_interface._optional import import_optional

__all__ = ["METADATA", "Bag", "SqliteFile"]

METADATA = "metadata.yaml"


class SqliteFile(Recording):
    """A .db3 file of a bag, on the local disk.

    Args:
        source: where it lies.
        name: its name within the source.
    """

    def __init__(self, source: Source, name: str) -> None:
        self.label = (name or source.label).rsplit("/", 1)[-1]
        self.where = source.where(name)
        self._source, self._name = source, name
        self._opened: sqlite3.Connection | None = None

    @property
    def _database(self) -> sqlite3.Connection:
        if self._opened is None:
            if self._source.local_root is None:
                raise ConversionError(
                    f"{self.where}: SQLite reads files of this machine only; fetch the bag first"
                )
            path = self._source.local_root / self._name if self._name else self._source.local_root
            if not path.is_file():
                raise ConversionError(f"{self.where}: the file is missing")
            with self._reading():
                self._opened = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        return self._opened

    def _rows(self, query: str, *values: int) -> list[Any]:
        with self._reading():
            return self._database.execute(query, values).fetchall()

    @cached_property
    def _numbers(self) -> dict[str, tuple[int, Topic]]:
        names = {row[0] for row in self._rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"topics", "messages"} <= names:
            raise ConversionError(
                f"{self.where}: there are no tables `topics` and `messages`, so it is no bag"
            )
        definitions: dict[str, tuple[str, str]] = {}
        if "message_definitions" in names:
            query = "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
            definitions = {kind: (language, text) for kind, language, text in self._rows(query)}
        counted = {row[0] for row in self._rows("SELECT DISTINCT topic_id FROM messages")}
        found = {}
        for number, name, kind, encoding in self._rows(
            "SELECT id, name, type, serialization_format FROM topics"
        ):
            language, text = definitions.get(kind, ("", ""))
            if number in counted:
                found[name] = number, Topic(name, kind, text, language, encoding)
        return found

    @cached_property
    def topics(self) -> Mapping[str, Topic]:
        return {name: topic for name, (_, topic) in self._numbers.items()}

    @property
    def about(self) -> Mapping[str, Any]:
        return {}

    @cached_property
    def _places(self) -> dict[str, NDArray[np.int64]]:
        """(N, 2) of each topic: time and row."""
        found = {}
        for name, (number, _) in self._numbers.items():
            rows = self._rows(
                "SELECT timestamp, id FROM messages WHERE topic_id = ? ORDER BY timestamp, id", number
            )
            found[name] = np.array(rows, np.int64).reshape(-1, 2)
        return found

    def times(self, topic: str, clock: str = LOG) -> NDArray[np.int64]:
        if clock != LOG:
            raise ConversionError(
                f"{self.where}: SQLite bags keep one time a message, that of its arrival; choose --option "
                f"time=log or time=header"
            )
        return self._places[topic][:, 0].copy()

    def messages(self, wanted: Mapping[str, Sequence[int]]) -> dict[str, list[bytes]]:
        return {
            topic: [
                bytes(
                    self._rows("SELECT data FROM messages WHERE id = ?", int(self._places[topic][n, 1]))[0][0]
                )
                for n in numbers
            ]
            for topic, numbers in wanted.items()
        }

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, IndexError, TypeError, UnicodeError) as exc:
            told = " ".join(str(exc).split())[:200]
            raise ConversionError(f"{self.where}: damaged SQLite file: {told}") from exc

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None


class Bag(Recording):
    """A bag: the files that its metadata.yaml names, one after the other.

    Args:
        source: where it lies.
        folder: its folder within the source, with a slash at the end or empty.
    """

    def __init__(self, source: Source, folder: str) -> None:
        self.label = folder.rstrip("/").rsplit("/", 1)[-1] or source.label
        self.where = source.where(folder.rstrip("/"))
        self._source, self._folder = source, folder

    @cached_property
    def _metadata(self) -> Mapping[str, Any]:
        yaml = import_optional("yaml", extra="ros")
        name = self._folder + METADATA
        if name not in self._source.files:
            raise ConversionError(
                f"{self.where}: there is no {METADATA}, which says what the bag's files are; `ros2 bag "
                "reindex` "
                f"writes it"
            )
        where = self._source.where(name)
        try:
            found = yaml.safe_load(self._source.read(name))["rosbag2_bagfile_information"]
            storage, files = found["storage_identifier"], found["relative_file_paths"]
        except (yaml.YAMLError, KeyError, TypeError, ValueError) as exc:
            raise ConversionError(f"{where}: no description of a bag: {' '.join(str(exc).split())}") from exc
        if storage not in ("sqlite3", "mcap") or not isinstance(files, list) or not files:
            raise ConversionError(
                f"{where}: files of the kind {storage!r}: {files!r}; bags of sqlite3 and mcap files can be "
                "read"
            )
        if str(found.get("compression_mode") or "").lower() == "file":
            raise ConversionError(
                f"{where}: the bag's files are compressed as a whole; unpack it: `ros2 bag convert`"
            )
        return dict(found)

    @cached_property
    def _parts(self) -> list[Recording]:
        kind = SqliteFile if self._metadata["storage_identifier"] == "sqlite3" else McapFile
        names = [
            self._folder + str(name).rsplit("/", 1)[-1] for name in self._metadata["relative_file_paths"]
        ]
        missing = [name for name in names if name not in self._source.files]
        if missing:
            raise ConversionError(
                f"{self._source.where(missing[0])}: the file is missing, which {METADATA} lists"
            )
        return [kind(self._source, name) for name in names]

    @cached_property
    def topics(self) -> Mapping[str, Topic]:
        found: dict[str, Topic] = {}
        for part in self._parts:
            for name, topic in part.topics.items():
                if found.setdefault(name, topic) != topic:
                    raise ConversionError(f"{self.where}: the topic {name} changes its type between files")
        said = self._metadata.get("message_count")
        counted = sum(len(self.times(name)) for name in found)
        if isinstance(said, int) and said != counted:
            raise ConversionError(
                f"{self.where}: {METADATA} counts {said} messages, {counted} are there: the bag was cut "
                "off, or "
                f"files of another one lie here. `ros2 bag reindex` describes what is there"
            )
        return found

    @property
    def about(self) -> Mapping[str, Any]:
        kept = {
            "ros_distro": self._metadata.get("ros_distro"),
            "custom_data": self._metadata.get("custom_data"),
        }
        return {key: value for key, value in kept.items() if value}

    @cached_property
    def _ends(self) -> dict[str, list[int]]:
        """How many messages each topic has up to the end of each file."""
        return {
            name: np.cumsum([len(p.times(name)) if name in p.topics else 0 for p in self._parts]).tolist()
            for name in {name for part in self._parts for name in part.topics}
        }

    def times(self, topic: str, clock: str = LOG) -> NDArray[np.int64]:
        return np.concatenate([part.times(topic, clock) for part in self._parts if topic in part.topics])

    def messages(self, wanted: Mapping[str, Sequence[int]]) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {topic: [] for topic in wanted}
        for number, part in enumerate(self._parts):
            here = {}
            for topic, numbers in wanted.items():
                ends = self._ends[topic]
                start = ends[number - 1] if number else 0
                here[topic] = [each - start for each in numbers if start <= each < ends[number]]
            for topic, messages in part.messages({t: n for t, n in here.items() if n}).items():
                found[topic] += [self._unpacked(message) for message in messages]
        return found

    def _unpacked(self, message: bytes) -> bytes:
        if str(self._metadata.get("compression_mode") or "").lower() != "message":
            return message
        try:
            return zstandard.ZstdDecompressor().decompressobj().decompress(message)
        except zstandard.ZstdError as exc:
            raise ConversionError(f"{self.where}: a compressed message is damaged: {exc}") from exc

    def close(self) -> None:
        if "_parts" in self.__dict__:
            for part in self._parts:
                part.close()
