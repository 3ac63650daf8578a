"""The commit document, as frozen values. `schemas/dataset.schema.json` describes its JSON form."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unienv_data.errors import CorruptDataError, DocumentError, UnsupportedVersionError
from unienv_data.schema.consistency import inconsistencies
from unienv_data.schema.document import CHECKSUM, check_document, decode_document, encode_document
from unienv_data.schema.validation import validate

__all__ = [
    "FORMAT_VERSION",
    "ROWS_LOG",
    "ArrayEntry",
    "BufferState",
    "Commit",
    "EpisodePart",
    "LogEntry",
    "Tail",
    "TailPart",
]

FORMAT_VERSION = 1
FORMAT_NAME = "unienv-data"
ROWS_LOG = "rows"
"""The log that fixed columns share; a ragged column's values have a log named after their array."""


@dataclass(frozen=True)
class ArrayEntry:
    """One Zarr array.

    Attributes:
        id: its number within the dataset, never used again.
        log: the log whose rows it holds.
        dtype: NumPy's name of its data type.
        shape: shape of one entry.
        chunk_rows: rows in an inner chunk.
        shard_rows: rows in a shard, a power of two.
        codec: the specification that a person wrote, or the default.
        codecs: the inner codecs, as in Zarr's own metadata.
        lossy: whether what is read may differ from what was written.
        stored_bytes: encoded bytes so far.
        raw_bytes: decoded bytes so far.
    """

    id: int
    log: str
    dtype: str
    shape: tuple[int, ...]
    chunk_rows: int
    shard_rows: int
    codec: str
    codecs: tuple[Mapping[str, Any], ...]
    lossy: bool = False
    stored_bytes: int = 0
    raw_bytes: int = 0


@dataclass(frozen=True)
class LogEntry:
    """One append-only log of rows.

    Attributes:
        block_rows: rows in a block, which one writer owns.
        length: position after the last committed row.
        start: where the block began that `length` lies in.
    """

    block_rows: int
    length: int = 0
    start: int = 0


@dataclass(frozen=True)
class TailPart:
    """Where an array's chunks after its last full shard stand in the tail object.

    Attributes:
        offset: first byte of the part.
        length: bytes of the part, its index included.
        chunks: number of chunks; the last may be filled in part.
    """

    offset: int
    length: int
    chunks: int


@dataclass(frozen=True)
class Tail:
    """The object that holds every array's rows after its last full shard."""

    object: str
    parts: Mapping[str, TailPart]


@dataclass(frozen=True)
class EpisodePart:
    """An immutable part of the episode table.

    Attributes:
        object: its name below the dataset's root.
        episodes: how many rows it has.
    """

    object: str
    episodes: int


@dataclass(frozen=True)
class BufferState:
    """What a replay buffer hands to the commit.

    Attributes:
        count: rows in the buffer.
        offset: slot of the oldest row.
        capacity: slots of a ring; None where the buffer grows.
        appended: rows ever appended: the next sequence number.
        evicted: the first sequence number that a ring has not evicted, nor `clear` removed.
        removed: ranges (start, stop) of sequence numbers of removed rows.
        removed_object: the object that holds them where they are many; `removed` is then empty in the
            document.
        open_start: sequence number at which the open segment began; None where none is open.
        open_owner: the process that opened it, where several share the buffer.
        segments: whether segments are kept.
        episodes: parts of the episode table, oldest first.
        statistics: the object that holds the statistics of the rows up to some sequence number, the document
            says which; None where there are none, or a row that they count has changed since.
    """

    count: int = 0
    offset: int = 0
    capacity: int | None = None
    appended: int = 0
    evicted: int = 0
    removed: tuple[tuple[int, int], ...] = ()
    removed_object: str | None = None
    open_start: int | None = None
    open_owner: str | None = None
    segments: bool = True
    episodes: tuple[EpisodePart, ...] = ()
    statistics: str | None = None


@dataclass(frozen=True)
class Commit:
    """One immutable state of a dataset.

    Attributes:
        uuid: the dataset's, 32 hexadecimal digits.
        number: counts from 0; commit N exists once its object does.
        writer: token of the writer, 24 hexadecimal digits.
        time: when it was made, UTC, ISO 8601.
        storage: id of the storage's kind.
        path: where the storage stands below the root.
        group: the Zarr group of the arrays, below the storage; compaction begins another.
        space: the space of one row; authoritative.
        length: number of slots.
        capacity: fixed number of slots, or None.
        runs: (first slot, first log row, count).
        runs_object: the object that holds the runs where they are many; then `runs` is empty in the document.
        logs: by name.
        arrays: by name below `columns/`.
        tail: None where every row stands in a shard.
        released: the writer has finished; the next may continue where it stopped.
        sealed: plain Zarr readers see every row.
        buffer: what the replay buffer handed over.
        attributes: what users and converters said of the data.
    """

    uuid: str
    number: int
    writer: str
    time: str
    storage: str
    path: str
    group: str
    space: Mapping[str, Any]
    length: int
    capacity: int | None
    runs: tuple[tuple[int, int, int], ...]
    logs: Mapping[str, LogEntry]
    arrays: Mapping[str, ArrayEntry]
    runs_object: str | None = None
    tail: Tail | None = None
    released: bool = False
    sealed: bool = False
    buffer: BufferState = field(default_factory=BufferState)
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The document, strict JSON in UTF-8, with its checksum."""
        return encode_document({"format": FORMAT_NAME, "version": FORMAT_VERSION, **vars(self)})

    @staticmethod
    def from_bytes(data: bytes, source: str) -> Commit:
        """The commit that `data` describes.

        Args:
            data: a JSON document.
            source: what to call it in errors.

        Raises:
            CorruptDataError: it is not JSON, no document of this format, or not what was written.
            UnsupportedVersionError: a later version of the library wrote it.
            DocumentError: it breaks the schema; every problem is named.
        """
        document = decode_document(data, source)
        if not isinstance(document, dict) or document.get("format") != FORMAT_NAME:
            raise CorruptDataError(f"{source}: not a document of {FORMAT_NAME}")
        version = document.get("version")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise UnsupportedVersionError(
                f"{source}: format version {version}, this library reads up to {FORMAT_VERSION}; "
                "pip install --upgrade unienv-data"
            )
        check_document(data, source)
        _check_once(data, document, source)
        return _from_document(document)

    @property
    def is_in_order(self) -> bool:
        """Whether the written slots are the first ones, and each shows the log row of its own number."""
        return not self.runs or (len(self.runs) == 1 and self.runs[0][:2] == (0, 0))


_REMEMBERED = 16
_found_valid: tuple[bytes, ...] = ()  # digests of the documents that were last found so; replaced as a whole


def _check_once(data: bytes, document: dict[str, Any], source: str) -> None:
    """Check a document against the schema, unless that has just been done: who opens reads hint and commit.

    Raises:
        DocumentError: it breaks the schema; every problem is named.
    """
    global _found_valid
    digest = hashlib.sha256(data).digest()
    if digest in _found_valid:
        return
    validate(document, "dataset", source)
    problems = inconsistencies(document)
    if problems:
        raise DocumentError(source, problems)
    _found_valid = (digest, *_found_valid)[:_REMEMBERED]


def _from_document(document: Mapping[str, Any]) -> Commit:
    around = ("format", "version", CHECKSUM)
    fields = {key: value for key, value in document.items() if key not in around}
    tail = fields["tail"]
    buffer = fields["buffer"]
    return Commit(
        **{
            **fields,
            "runs": tuple((slot, row, count) for slot, row, count in fields["runs"]),
            "logs": {name: LogEntry(**entry) for name, entry in fields["logs"].items()},
            "arrays": {
                name: ArrayEntry(
                    **{**entry, "shape": tuple(entry["shape"]), "codecs": tuple(entry["codecs"])}
                )
                for name, entry in fields["arrays"].items()
            },
            "tail": tail
            and Tail(tail["object"], {name: TailPart(**part) for name, part in tail["parts"].items()}),
            "buffer": BufferState(
                **{
                    **buffer,
                    "removed": tuple((start, stop) for start, stop in buffer["removed"]),
                    "episodes": tuple(EpisodePart(**part) for part in buffer["episodes"]),
                }
            ),
        }
    )
