"""ArrayRecord files: Riegeli records, compressed one by one, and a table of where they begin.

Source: the Riegeli/records file format 1.0 (blocks of 64 KiB that begin with a header; chunks with a header
of 40 bytes), and ArrayRecord's use of it: a footer of chunks and, at the beginning of the last block, a
postscript that says where the footer begins. Transposed chunks are not read: ArrayRecord writes none
unless it is told to.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO

import numpy as np
import zstandard

from unienv_data.errors import ConversionError
from unienv_data.formats.readers.rlds.wire import VARINT, fields, read_varint, varints
from unienv_data.formats.source import Source
from unienv_interface._optional import import_optional

__all__ = ["ChunkedRecord", "chunk_records", "chunked_records"]

BLOCK = 1 << 16
BLOCK_HEADER = 24
_HEADER = struct.Struct("<8xQ8xQQ")  # hash, size of the data, their hash, kind and records, size once decoded
_SIMPLE, _TRANSPOSED, _SIGNATURE, _METADATA, _PADDING = (ord(kind) for kind in "rtsmp")
_SIGNATURE_HASH = bytes.fromhex("83af70d10d884a3f")  # of the first block's header, in every such file
_LARGEST = 1 << 31


@dataclass(frozen=True)
class ChunkedRecord:
    """Where a record stands.

    Args:
        chunk: where its chunk begins in the file.
        number: which of the chunk's records it is.
    """

    chunk: int
    number: int


@dataclass(frozen=True)
class _Header:
    size: int
    kind: int
    records: int
    decoded: int
    end: int


def chunked_records(source: Source, name: str) -> list[ChunkedRecord]:
    """Where all records of a file stand. Reads the headers of chunks.

    Raises:
        ConversionError: the file is missing, cut off or of another kind.
    """
    size = source.files.get(name, 0)
    where = source.where(name)
    with source.open(name) as file:
        if not size or size % BLOCK or file.read(8) != _SIGNATURE_HASH:
            raise ConversionError(f"{where}: no ArrayRecord file, or one that is cut off")
        footer = _footer(file, size, where)
        found = []
        place = 0
        while place < footer:
            header = _header(file, place, size, where)
            if header.kind == _TRANSPOSED:
                raise ConversionError(
                    f"{where}: its records are transposed, which is not read; write it without the option "
                    f"`transpose`"
                )
            if header.kind == _SIMPLE:
                found += [ChunkedRecord(place, number) for number in range(header.records)]
            place = header.end
    return found


def chunk_records(source: Source, name: str, file: IO[bytes], place: int) -> list[bytes]:
    """The records of the chunk that begins at `place`.

    Raises:
        ConversionError: it is damaged.
        MissingDependencyError: it is compressed by Brotli or Snappy, and imagecodecs is not installed.
    """
    return _records(file, place, source.files.get(name, 0), source.where(name))


def _footer(file: IO[bytes], size: int, where: str) -> int:
    """Where the footer begins, which is where the records end."""
    last = (size - 1) // BLOCK * BLOCK
    try:
        postscript = _records(file, last, size, where)[0]
        return next(
            value
            for number, kind, value in fields(postscript)
            if number == 1 and kind == VARINT and isinstance(value, int) and value <= last
        )
    except (ConversionError, ValueError, IndexError, StopIteration) as exc:
        raise ConversionError(
            f"{where}: there is no postscript at the end of the ArrayRecord file, so it was cut off or never "
            f"finished by its writer; fetch it again"
        ) from exc


def _records(file: IO[bytes], place: int, size: int, where: str) -> list[bytes]:
    header = _header(file, place, size, where)
    data = _read(file, place, 40 + header.size)[40:]
    try:
        if header.kind != _SIMPLE or len(data) != header.size or not data:
            raise ValueError("no records are there")
        compression = data[0]
        length, start = read_varint(data, 1)
        sizes = varints(_decompressed(compression, data[start : start + length])).astype(np.int64)
        values = _decompressed(compression, data[start + length :])
        ends = np.cumsum(sizes)
        if len(sizes) != header.records or (ends[-1] if len(ends) else 0) != len(values):
            raise ValueError("its records do not have the sizes that stand before them")
    except (ValueError, OverflowError, zstandard.ZstdError, RuntimeError) as exc:
        raise ConversionError(f"{where}: the chunk at byte {place} is damaged: {exc}") from exc
    return [values[end - length : end] for end, length in zip(ends.tolist(), sizes.tolist(), strict=True)]


def _decompressed(compression: int, data: bytes) -> bytes:
    if not compression:
        return data
    size, start = read_varint(data, 0)
    if size > _LARGEST:
        raise ValueError(f"{size} bytes in one chunk")
    packed = data[start:]
    if compression == ord("z"):
        found = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size) if size else b""
    elif compression in (ord("b"), ord("s")):
        codecs = import_optional("imagecodecs", extra="images")
        decode = codecs.brotli_decode if compression == ord("b") else codecs.snappy_decode
        found = bytes(decode(packed))
    else:
        raise ValueError(f"a compression of the kind {compression}")
    if len(found) != size:
        raise ValueError(f"{len(found)} bytes came out where {size} were announced")
    return found


def _header(file: IO[bytes], place: int, size: int, where: str) -> _Header:
    head = _read(file, place, 40)
    if len(head) < 40:
        raise ConversionError(f"{where}: cut off at byte {place}; fetch it again")
    length, kind_and_records, decoded = _HEADER.unpack(head)
    kind, records = kind_and_records & 0xFF, kind_and_records >> 8
    if kind not in (_SIMPLE, _TRANSPOSED, _SIGNATURE, _METADATA, _PADDING):
        raise ConversionError(f"{where}: no chunk at byte {place}, so the file is damaged")
    if max(length, records) > size:
        raise ConversionError(f"{where}: the chunk at byte {place} is cut off, or its header is damaged")
    end = _end(place, 40 + length)
    if kind == _SIMPLE:
        end = max(end, _possible_beginning(place + records))  # a chunk is as long as it has records
    if end > size:
        raise ConversionError(f"{where}: the chunk at byte {place} is cut off; fetch the file again")
    return _Header(length, kind, records, decoded, end)


def _possible_beginning(place: int) -> int:
    """The first place from `place` on where a chunk can begin: not within the header of a block."""
    within = place % BLOCK
    return place + BLOCK_HEADER - within if 0 < within < BLOCK_HEADER else place


def _end(place: int, count: int) -> int:
    """Where `count` bytes from `place` on end, which leave out the headers of blocks."""
    while count:
        within = place % BLOCK
        if within < BLOCK_HEADER:
            place += BLOCK_HEADER - within
            within = BLOCK_HEADER
        taken = min(count, BLOCK - within)
        place += taken
        count -= taken
    return place


def _read(file: IO[bytes], place: int, count: int) -> bytes:
    """`count` bytes from `place` on, without the headers of blocks."""
    file.seek(place)
    raw = file.read(_end(place, count) - place)
    parts = []
    start = place
    while start - place < len(raw):
        stop = (start // BLOCK + 1) * BLOCK
        parts.append(raw[max(start, stop - BLOCK + BLOCK_HEADER) - place : stop - place])
        start = stop
    return b"".join(parts)
