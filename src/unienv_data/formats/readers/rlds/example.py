"""tf.train.Example: which features a record has and where, and their values a piece at a time.

Source: TensorFlow's feature.proto. Example { Features features = 1 }, Features { map<string, Feature> = 1 },
Feature { BytesList = 1, FloatList = 2 or Int64List = 3 }, each list { repeated value = 1 }, numbers packed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unienv_data.formats.readers.rlds.records import Record
from unienv_data.formats.readers.rlds.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    LONGEST_VARINT,
    VARINT,
    fields,
    read_varint,
    varints,
)

__all__ = [
    "BYTES_LIST",
    "FLOAT_LIST",
    "INT64_LIST",
    "Feature",
    "bytes_values",
    "count_values",
    "features_of",
    "number_values",
]

BYTES_LIST, FLOAT_LIST, INT64_LIST = 1, 2, 3
KINDS: Mapping[int, str] = {BYTES_LIST: "bytes", FLOAT_LIST: "float32", INT64_LIST: "int64"}
_HEAD = 2 * LONGEST_VARINT
_PIECE = 1 << 18
_FLOAT = np.dtype("<f4")


@dataclass(frozen=True)
class Feature:
    """Where the values of a feature stand in a record.

    Args:
        kind: the list's field number: bytes, floats or integers; 0 where it is empty.
        start: of the list's message.
        size: of the list's message, in bytes.
    """

    kind: int
    start: int
    size: int


def features_of(record: Record) -> dict[str, Feature]:
    """The features of an Example by their names. What they hold is stepped over.

    Raises:
        ValueError: the record is no Example.
    """
    found: dict[str, Feature] = {}
    for number, start, size in _messages(record, 0, record.size):
        if number != 1:
            continue
        for entry, first, length in _messages(record, start, size):
            if entry == 1:
                name, feature = _entry(record, first, length)
                found[name] = feature
    return found


def _entry(record: Record, start: int, size: int) -> tuple[str, Feature]:
    name, feature = "", Feature(0, start, 0)
    for number, first, length in _messages(record, start, size):
        if number == 1:
            name = record.read(first, length).decode()
        elif number == 2:
            for kind, where, count in _messages(record, first, length):
                if kind in KINDS:
                    feature = Feature(kind, where, count)
    return name, feature


def _messages(record: Record, start: int, size: int) -> Iterator[tuple[int, int, int]]:
    """The fields of a message that are messages, or bytes: number, beginning and size."""
    end = start + size
    while start < end:
        head = record.read(start, min(_HEAD, end - start))
        tag, place = read_varint(head, 0)
        kind = tag & 7
        if kind == BYTES:
            length, place = read_varint(head, place)
            if start + place + length > end:
                raise ValueError(f"a field of {length} bytes where {end - start - place} are left")
            yield tag >> 3, start + place, length
            start += place + length
        elif kind == VARINT:
            start += read_varint(head, place)[1]
        elif kind in (FIXED32, FIXED64):
            start += place + (4 if kind == FIXED32 else 8)
        else:
            raise ValueError(f"a field of the wire type {kind}")


def bytes_values(record: Record, feature: Feature, count: int) -> Iterator[list[bytes]]:
    """The values of a list of bytes, `count` at a time (fewer at the end).

    Raises:
        ValueError: it is a list of numbers, or damaged.
    """
    if feature.kind not in (0, BYTES_LIST):
        raise ValueError(f"{KINDS[feature.kind]} numbers where bytes are expected")
    values: list[bytes] = []
    for number, start, size in _messages(record, feature.start, feature.size):
        if number == 1:
            values.append(record.read(start, size))
        if len(values) == count:
            yield values
            values = []
    if values:
        yield values


def number_values(record: Record, feature: Feature, count: int) -> Iterator[NDArray[np.float32 | np.int64]]:
    """The values of a list of numbers, (`count`,) at a time (fewer at the end), float32 or int64.

    Raises:
        ValueError: it is a list of bytes, or damaged.
    """
    if feature.kind == BYTES_LIST:
        raise ValueError("bytes where numbers are expected")
    rest: NDArray[np.float32 | np.int64] | None = None
    for piece in _number_pieces(record, feature):
        rest = piece if rest is None or not len(rest) else np.concatenate([rest, piece])
        while len(rest) >= count:
            yield rest[:count]
            rest = rest[count:]
    if rest is not None and len(rest):
        yield rest


def _number_pieces(record: Record, feature: Feature) -> Iterator[NDArray[np.float32 | np.int64]]:
    start, end = feature.start, feature.start + feature.size
    is_float = feature.kind == FLOAT_LIST
    while start < end:
        head = record.read(start, min(_HEAD, end - start))
        tag, place = read_varint(head, 0)
        if tag >> 3 == 1 and tag & 7 == BYTES:
            length, place = read_varint(head, place)
            if start + place + length > end:
                raise ValueError(f"{length} bytes of numbers where {end - start - place} are left")
            yield from (_floats if is_float else _integers)(record, start + place, length)
            start += place + length
        else:  # written one by one, which is allowed and rare
            yield _unpacked(record.read(start, end - start), is_float)
            return


def _floats(record: Record, start: int, size: int) -> Iterator[NDArray[np.float32]]:
    if size % 4:
        raise ValueError(f"{size} bytes are no list of float32")
    for first in range(0, size, _PIECE):
        yield np.frombuffer(record.read(start + first, min(_PIECE, size - first)), _FLOAT)


def _integers(record: Record, start: int, size: int) -> Iterator[NDArray[np.int64]]:
    done = 0
    while done < size:
        data = record.read(start + done, min(_PIECE, size - done))
        whole = len(data)
        if done + whole < size:
            while whole and data[whole - 1] > 0x7F:
                whole -= 1
        if not whole:
            raise ValueError("a number does not end")
        yield varints(data[:whole]).view(np.int64)
        done += whole


def _unpacked(data: bytes, is_float: bool) -> NDArray[np.float32 | np.int64]:
    parts: list[NDArray[np.float32 | np.int64]] = []
    for number, _, value in fields(data):
        if number != 1:
            continue
        if isinstance(value, int):
            parts.append(np.array([value], np.uint64).view(np.int64))
        elif is_float:
            parts.append(np.frombuffer(value, _FLOAT))
        else:
            parts.append(varints(value).view(np.int64))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32 if is_float else np.int64)


def count_values(record: Record, feature: Feature) -> int:
    """How many values a feature has.

    Raises:
        ValueError: it is damaged.
    """
    if feature.kind == BYTES_LIST:
        return sum(number == 1 for number, _, _ in _messages(record, feature.start, feature.size))
    return sum(len(piece) for piece in _number_pieces(record, feature))
