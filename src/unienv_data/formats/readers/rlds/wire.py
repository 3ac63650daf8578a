"""The wire format of protocol buffers: varints, and fields by their numbers.

Source: the protocol buffers' own description of their encoding. Only what tf.train.Example and Riegeli's
footers are made of: varints, fixed 64 and 32 bits, and lengths of bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BYTES",
    "FIXED32",
    "FIXED64",
    "LONGEST_VARINT",
    "VARINT",
    "fields",
    "packed_varints",
    "read_varint",
    "varint",
    "varints",
]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""

LONGEST_VARINT = 10
_WIDTHS = {FIXED64: 8, FIXED32: 4}


def read_varint(data: bytes | memoryview, place: int) -> tuple[int, int]:
    """The number at `place`, and where it ends.

    Raises:
        ValueError: the data end within it, or it is longer than 64 bits.
    """
    value = 0
    for number, byte in enumerate(data[place : place + LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * number)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place + number + 1
    raise ValueError("a number does not end")


def fields(data: bytes | memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """The fields of a message: number, wire type, and the value of a varint or the bytes of anything else.

    Raises:
        ValueError: the data are no such message.
    """
    view = memoryview(data)
    place = 0
    while place < len(view):
        tag, place = read_varint(view, place)
        kind = tag & 7
        if kind == VARINT:
            value, place = read_varint(view, place)
            yield tag >> 3, kind, value
            continue
        if kind == BYTES:
            size, place = read_varint(view, place)
        elif kind in _WIDTHS:
            size = _WIDTHS[kind]
        else:
            raise ValueError(f"a field of the wire type {kind}")
        if place + size > len(view):
            raise ValueError(f"a field of {size} bytes where {len(view) - place} are left")
        yield tag >> 3, kind, view[place : place + size]
        place += size


def varints(data: bytes | memoryview) -> NDArray[np.uint64]:
    """(N,) the numbers that follow one another in `data`.

    Raises:
        ValueError: the last one does not end, or one is longer than 64 bits.

    Example:
        >>> varints(bytes([1, 0x96, 0x01, 0]))
        array([  1, 150,   0], dtype=uint64)
    """
    octets = np.frombuffer(data, np.uint8)
    if not len(octets):
        return np.zeros(0, np.uint64)
    ends = np.flatnonzero(octets < 0x80)
    if not len(ends) or ends[-1] != len(octets) - 1:
        raise ValueError("a number does not end")
    if len(ends) == len(octets):
        return octets.astype(np.uint64)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > LONGEST_VARINT:
        raise ValueError("a number is longer than 64 bits")
    within = np.arange(len(octets)) - np.repeat(starts, lengths)
    shifted = (octets & 0x7F).astype(np.uint64) << (7 * within).astype(np.uint64)
    return np.bitwise_or.reduceat(shifted, starts)


def varint(value: int) -> bytes:
    """A number that is not negative.

    Example:
        >>> varint(150).hex()
        '9601'
    """
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def packed_varints(values: NDArray[np.int64]) -> bytes:
    """Numbers after one another; negative ones as their 64 bits, as int64 fields have them.

    Args:
        values: (N,).

    Example:
        >>> packed_varints(np.array([1, 150, -1])).hex()
        '019601ffffffffffffffffff01'
    """
    left = np.ascontiguousarray(values).view(np.uint64)
    groups = np.zeros((len(left), LONGEST_VARINT), np.uint8)
    lengths = np.ones(len(left), np.int64)
    for number in range(LONGEST_VARINT):
        groups[:, number] = (left & np.uint64(0x7F)).astype(np.uint8)
        left = left >> np.uint64(7)
        lengths[left > 0] = number + 2
        if not left.any():
            break
    numbers = np.arange(LONGEST_VARINT)
    groups[numbers < lengths[:, np.newaxis] - 1] |= 0x80
    return groups[numbers < lengths[:, np.newaxis]].tobytes()
