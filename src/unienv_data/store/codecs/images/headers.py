"""How large a picture says that it is, before anything is decoded.

Each function takes an encoded picture and gives its height and width, or raises ValueError where the header
cannot be read. Sizes come first in these formats, but in AVIF and JPEG, whose boxes and segments are walked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["avif_size", "jpeg_size", "jpegxl_size", "png_size", "qoi_size", "webp_size"]

_BOX = struct.Struct(">I4s")
_SEGMENT = struct.Struct(">BBH")
_FRAME = struct.Struct(">BHH")
_TWO = struct.Struct(">II")
#: Start of frame, of every process; the others of 0xC0 to 0xCF are tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def jpeg_size(data: memoryview) -> tuple[int, int]:
    """ITU-T T.81, B.2: from the first frame header."""
    end = len(data) - 9
    if bytes(data[:2]) != b"\xff\xd8":
        raise ValueError("no JPEG signature")
    place = 2
    while place <= end:
        mark, kind, length = _SEGMENT.unpack_from(data, place)
        if mark != 0xFF:
            break
        if kind == 0xFF:  # a fill byte
            place += 1
        elif kind in _FRAMES:
            _, height, width = _FRAME.unpack_from(data, place + 4)
            return height, width
        elif kind == 0xDA or length < 2:
            break
        else:
            place += 2 + length
    raise ValueError("no JPEG frame header")


def png_size(data: memoryview) -> tuple[int, int]:
    """PNG (third edition), 11.2.1: from IHDR, which is the first chunk."""
    head = bytes(data[:24])
    if head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR" or len(head) < 24:
        raise ValueError("no PNG header")
    width, height = _TWO.unpack_from(head, 16)
    return height, width


def qoi_size(data: memoryview) -> tuple[int, int]:
    """The Quite OK Image Format 1.0: after the signature."""
    head = bytes(data[:14])
    if head[:4] != b"qoif" or len(head) < 14:
        raise ValueError("no QOI header")
    width, height = _TWO.unpack_from(head, 4)
    return height, width


def webp_size(data: memoryview) -> tuple[int, int]:
    """RFC 9649, 2.5 to 2.7: from the first chunk, lossy, lossless or extended."""
    head = bytes(data[:30])
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(head) < 30:
        raise ValueError("no WebP header")
    kind = head[12:16]
    if kind == b"VP8X":
        return _little(head[27:30]) + 1, _little(head[24:27]) + 1
    if kind == b"VP8L" and head[20] == 0x2F:
        bits = _little(head[21:25])
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        return _little(head[28:30]) & 0x3FFF, _little(head[26:28]) & 0x3FFF
    raise ValueError("no WebP header")


def avif_size(data: memoryview) -> tuple[int, int]:
    """ISO/IEC 23008-12, 6.5.3: the largest of the sizes that the properties of images declare.

    Of a stream inside that declares another size only libavif knows, which decodes no more than 16384 x 16384
    pixels and scales them to this one.
    """
    sizes: list[tuple[int, int]] = []
    try:
        for meta in _boxes(data, b"meta"):
            for properties in _boxes(meta[4:], b"iprp"):
                for container in _boxes(properties, b"ipco"):
                    sizes += [_TWO.unpack_from(size, 4) for size in _boxes(container, b"ispe")]
    except struct.error as exc:
        raise ValueError("no AVIF header") from exc
    if not sizes:
        raise ValueError("no AVIF header")
    return max(height for _, height in sizes), max(width for width, _ in sizes)


def jpegxl_size(data: memoryview) -> tuple[int, int]:
    """ISO/IEC 18181-1, D.2: from the size header of the codestream, in a container or by itself."""
    stream = data
    if bytes(data[:12]) == b"\x00\x00\x00\x0cJXL \r\n\x87\n":
        whole = next(_boxes(data, b"jxlc"), None)
        first = next(_boxes(data, b"jxlp"), None)
        stream = whole if whole is not None else first[4:] if first is not None else data[:0]
    head = bytes(stream[:14])
    if head[:2] != b"\xff\x0a" or len(head) < 4:
        raise ValueError("no JPEG XL header")
    bits = _Bits(head[2:])
    if bits.take(1):
        height = (bits.take(5) + 1) * 8
        ratio = bits.take(3)
        width = (bits.take(5) + 1) * 8 if not ratio else height * _RATIOS[ratio][0] // _RATIOS[ratio][1]
    else:
        height = bits.take(_LENGTHS[bits.take(2)]) + 1
        ratio = bits.take(3)
        if ratio:
            width = height * _RATIOS[ratio][0] // _RATIOS[ratio][1]
        else:
            width = bits.take(_LENGTHS[bits.take(2)]) + 1
    return height, width


_LENGTHS = (9, 13, 18, 30)
#: Width to height, by the three bits that stand for it.
_RATIOS = ((0, 0), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


class _Bits:
    """Bits from the least significant on; ValueError where there are no more."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = _little(data), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("half a header")
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return taken


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _boxes(data: memoryview, wanted: bytes) -> Iterator[memoryview]:
    """The contents of the boxes of one kind that follow one another in `data`."""
    place = 0
    while place + 8 <= len(data):
        size, kind = _BOX.unpack_from(data, place)
        header = 8
        if size == 1 and place + 16 <= len(data):
            size, header = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        elif size == 0:
            size = len(data) - place
        if size < header:
            raise ValueError("a box that ends before it begins")
        if kind == wanted:
            yield data[place + header : place + size]
        place += size
