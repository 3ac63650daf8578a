"""TFRecord files: records behind their length, each guarded by a masked CRC-32C.

Source: TensorFlow's description of the TFRecord format: length (8 bytes, little endian), its CRC (4), the
data, their CRC (4); a CRC is kept rotated by 15 bits and with a constant added.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO

from unienv_data.checksum import crc32c
from unienv_data.formats.source import Source

__all__ = ["Place", "frame_foot", "frame_head", "masked", "masked_crc", "record_places", "stored_crc"]

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
HEAD_BYTES = 12
FOOT_BYTES = 4


@dataclass(frozen=True)
class Place:
    """Where a record stands in its file.

    Args:
        start: of its data.
        size: of its data, in bytes.
    """

    start: int
    size: int


def masked_crc(data: bytes) -> int:
    """The CRC-32C of data, as TFRecord files keep it."""
    return masked(crc32c(data))


def masked(value: int) -> int:
    """A CRC-32C as TFRecord files keep it."""
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame_head(size: int) -> bytes:
    """What stands before a record of so many bytes."""
    length = _LENGTH.pack(size)
    return length + _CRC.pack(masked_crc(length))


def frame_foot(crc: int) -> bytes:
    """What stands after a record with this CRC-32C."""
    return _CRC.pack(masked(crc))


def record_places(source: Source, name: str) -> tuple[list[Place], str]:
    """Where the records of a file stand, as far as it is whole, and what is wrong with the rest, or "".

    Their data are not read.

    Raises:
        ConversionError: the file cannot be read.
    """
    size = source.files.get(name, 0)
    places: list[Place] = []
    with source.open(name) as file:
        start = 0
        while start < size:
            file.seek(start)
            head = file.read(HEAD_BYTES)
            where = f"{source.where(name)}: record {len(places)}"
            if len(head) < HEAD_BYTES:
                return places, f"{where} is cut off in its header; fetch the file again"
            length = _LENGTH.unpack_from(head)[0]
            if masked_crc(head[:8]) != _CRC.unpack_from(head, 8)[0]:
                return places, f"{where} has a damaged length, or this is no TFRecord file"
            end = start + HEAD_BYTES + length + FOOT_BYTES
            if end > size:
                return places, (
                    f"{where} is cut off: it has {length:,} bytes, of which {size - start - HEAD_BYTES:,} "
                    f"are there; fetch the file again"
                )
            places.append(Place(start + HEAD_BYTES, length))
            start = end
    return places, ""


def stored_crc(file: IO[bytes], place: Place) -> int:
    """The masked CRC that stands after a record."""
    file.seek(place.start + place.size)
    found: int = _CRC.unpack(file.read(FOOT_BYTES))[0]
    return found
