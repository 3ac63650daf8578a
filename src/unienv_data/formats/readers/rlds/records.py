"""A record as bytes that are read where they are needed: from memory, or from its file if it is large."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from unienv_data.checksum import extended_crc32c
from unienv_data.errors import ConversionError
from unienv_data.formats.readers.rlds.framing import Place, masked, masked_crc, stored_crc
from unienv_data.formats.source import Source

__all__ = ["Record", "framed_record", "naming"]

LARGEST_IN_MEMORY = 64 << 20
_PIECE = 4 << 20


class Record:
    """Bytes by their place.

    Args:
        data: all of them, or the file in which they stand.
        place: where in the file.
    """

    def __init__(self, data: bytes | IO[bytes], place: Place) -> None:
        self._data = memoryview(data) if isinstance(data, bytes) else None
        self._file = None if isinstance(data, bytes) else data
        self._start = place.start
        self.size = place.size

    def read(self, start: int, size: int) -> bytes:
        """Up to `size` bytes from `start` on, none beyond the record."""
        size = max(0, min(size, self.size - start))
        if self._file is None:
            return b"" if self._data is None else bytes(self._data[start : start + size])
        self._file.seek(self._start + start)
        return self._file.read(size)

    @classmethod
    def of(cls, data: bytes) -> Record:
        """The record that these bytes are."""
        return cls(data, Place(0, len(data)))


def framed_record(source: Source, name: str, file: IO[bytes], place: Place, number: int) -> Record:
    """A record of an open TFRecord file, whose checksum is right.

    Raises:
        ConversionError: it is damaged.
    """
    if place.size <= LARGEST_IN_MEMORY:
        file.seek(place.start)
        data = file.read(place.size)
        record, found = Record.of(data), masked_crc(data)
    else:
        record = Record(file, place)
        crc = 0
        for start in range(0, place.size, _PIECE):
            crc = extended_crc32c(crc, record.read(start, _PIECE))
        found = masked(crc)
    if found != stored_crc(file, place):
        raise ConversionError(
            f"{source.where(name)}: record {number} is damaged: its bytes do not have the checksum that "
            f"stands after them; fetch the file again"
        )
    return record


@contextmanager
def naming(where: str) -> Iterator[None]:
    """What is found to be damaged within is told with its place."""
    try:
        yield
    except ConversionError:
        raise
    except ValueError as exc:
        raise ConversionError(f"{where}: damaged, or not what the features say: {exc}") from exc
