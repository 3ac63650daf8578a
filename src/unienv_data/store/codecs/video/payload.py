"""The bytes of a chunk of video: groups of pictures, each to be decoded without the others.

    "uev1" | u16 streams | u32 groups | u32 packets | streams | groups | packet lengths | packets

all little-endian, nothing before, between or behind. A stream, as the decoder needs to know it:

    u8 length, codec | u32 width | u32 height | u8 delay | u8 range | u8 matrix | u8 primaries | u8 transfer |
    u32 length, extradata

A group is u16 stream, u16 skip, u16 frames, u16 packets: its packets begin with a keyframe and are decoded by
that stream's decoder; the first `skip` frames, in the order of display, are no rows, the next `frames` are
consecutive rows. A packet's length is u32; packets stand in the order of decoding. `delay` is by how many
places a frame may stand later in that order than in the order of display. docs/format.md says what each
field means. Pure functions on bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_IN_GROUP", "Payload", "Stream", "group", "joined", "parse_payload"]

MAGIC = b"uev1"
MOST_IN_GROUP = 0xFFFF
"""Frames, skipped ones and packets of a group, each."""

_HEAD = struct.Struct("<4sHII")
_STREAM = struct.Struct("<IIBBBBBI")
_GROUP = np.dtype("<u2")
_LENGTH = np.dtype("<u4")
_LARGEST_SIDE = 1 << 16


@dataclass(frozen=True)
class Stream:
    """What a decoder has to know before the first packet.

    Attributes:
        codec: FFmpeg's name of the format, such as `h264`.
        width: of a decoded frame, which may be larger than what is stored.
        height: likewise.
        delay: by how many places a frame may be later in the order of decoding than in that of display.
        color_range: FFmpeg's number, as are the following.
        matrix: how colours are made from luma and chroma.
        primaries: what the colours are.
        transfer: what their values mean.
        extradata: what the format keeps apart from its packets.
    """

    codec: str
    width: int
    height: int
    delay: int = 0
    color_range: int = 0
    matrix: int = 2
    primaries: int = 2
    transfer: int = 2
    extradata: bytes = b""

    def encode(self) -> bytes:
        """Its bytes."""
        name = self.codec.encode("ascii")
        colours = (self.delay, self.color_range, self.matrix, self.primaries, self.transfer)
        numbers = _STREAM.pack(self.width, self.height, *colours, len(self.extradata))
        return b"".join([bytes([len(name)]), name, numbers, self.extradata])


@dataclass(frozen=True, eq=False)
class Payload:
    """Rows as groups of pictures.

    Attributes:
        streams: what decoders have to know.
        groups: (G, 4) int64: stream, skip, frames, packets.
        lengths: (P,) int64, bytes of each packet.
        data: the packets, one after another.
    """

    streams: tuple[Stream, ...]
    groups: NDArray[np.int64]
    lengths: NDArray[np.int64]
    data: bytes | memoryview

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """(G + 1,) the row at which each group begins, and the number of rows."""
        return _cumulated(self.groups[:, 2])

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.starts[-1])

    @cached_property
    def _first_packets(self) -> NDArray[np.int64]:
        return _cumulated(self.groups[:, 3])

    @cached_property
    def _offsets(self) -> NDArray[np.int64]:
        return _cumulated(self.lengths)

    def packets(self, number: int, frames: int) -> list[memoryview]:
        """The packets of a group that its first `frames` frames, skipped ones included, need."""
        first = int(self._first_packets[number])
        stream, _, _, packets = self.groups[number].tolist()
        count = min(packets, frames + self.streams[stream].delay)
        offsets = self._offsets[first : first + count + 1].tolist()
        view = memoryview(self.data)
        return [view[a:b] for a, b in pairwise(offsets)]

    def cut(self, start: int, stop: int) -> Payload:
        """The rows [start, stop) alone, with the packets that they need, as they are.

        Raises:
            ValueError: there are no such rows.
        """
        if not 0 <= start <= stop <= self.rows:
            raise ValueError(f"{self.rows} rows, expected at least {stop}")
        if start == stop:
            return Payload((), _table([]), self.lengths[:0], b"")
        low = int(np.searchsorted(self.starts, start, side="right")) - 1
        high = int(np.searchsorted(self.starts, stop, side="left"))
        groups = self.groups[low:high].copy()
        groups[-1, 2] -= int(self.starts[high]) - stop
        groups[0, 2] -= start - int(self.starts[low])
        groups[0, 1] += start - int(self.starts[low])
        streams = self.streams
        if len(streams) > 1:
            used, groups[:, 0] = np.unique(groups[:, 0], return_inverse=True)
            streams = tuple(streams[number] for number in used.tolist())
        stream, skip, frames, packets = groups[-1].tolist()
        groups[-1, 3] = min(packets, skip + frames + streams[stream].delay)
        first = int(self._first_packets[low])
        last = first + int(groups[:, 3].sum())
        data = memoryview(self.data)[int(self._offsets[first]) : int(self._offsets[last])]
        return Payload(streams, groups, self.lengths[first:last], data)

    def encode(self) -> bytes:
        """Its bytes."""
        head = _HEAD.pack(MAGIC, len(self.streams), len(self.groups), len(self.lengths))
        streams = [stream.encode() for stream in self.streams]
        tables = [self.groups.astype(_GROUP).tobytes(), self.lengths.astype(_LENGTH).tobytes()]
        return b"".join([head, *streams, *tables, self.data])


def group(stream: Stream, skip: int, frames: int, packets: Sequence[bytes]) -> Payload:
    """One group.

    Raises:
        ValueError: it has more frames or packets than a group may have.
    """
    if max(skip, frames, len(packets)) > MOST_IN_GROUP:
        raise ValueError(f"a group of {len(packets)} packets; at most {MOST_IN_GROUP} can be stored")
    lengths = np.array([len(packet) for packet in packets], dtype=np.int64)
    return Payload((stream,), _table([(0, skip, frames, len(packets))]), lengths, b"".join(packets))


def joined(parts: Iterable[Payload]) -> Payload:
    """The rows of each part after those of the one before."""
    numbers: dict[Stream, int] = {}
    groups, lengths, data = [_table([])], [np.empty(0, dtype=np.int64)], []
    for part in parts:
        of_part = [numbers.setdefault(stream, len(numbers)) for stream in part.streams]
        table = part.groups
        if of_part != list(range(len(of_part))):
            table = table.copy()
            table[:, 0] = np.array(of_part, dtype=np.int64)[table[:, 0]]
        groups.append(table)
        lengths.append(part.lengths)
        data.append(part.data)
    return Payload(tuple(numbers), np.concatenate(groups), np.concatenate(lengths), b"".join(data))


def parse_payload(data: bytes | memoryview, most_rows: int | None = None) -> Payload:
    """What `data` holds; nothing is allocated for what it merely declares.

    Args:
        data: the bytes, no more and no less.
        most_rows: how many rows there may be.

    Raises:
        ValueError: they are no such payload, or contradict themselves.
    """
    view = memoryview(data)
    if len(view) < _HEAD.size:
        raise ValueError(f"{len(view)} bytes are no video")
    magic, n_streams, n_groups, n_packets = _HEAD.unpack_from(view)
    if magic != MAGIC:
        raise ValueError("no video, or of another version")
    streams: list[Stream] = []
    place = _HEAD.size
    try:
        for _ in range(n_streams):
            stream, place = _parse_stream(view, place)
            streams.append(stream)
    except (struct.error, IndexError, UnicodeDecodeError) as exc:
        raise ValueError(f"a video's stream that cannot be read: {exc}") from exc
    tables = 4 * _GROUP.itemsize * n_groups + _LENGTH.itemsize * n_packets
    if tables > len(view) - place:
        raise ValueError(f"{n_groups} groups and {n_packets} packets declared in {len(view)} bytes")
    groups = np.frombuffer(view, _GROUP, 4 * n_groups, place).reshape(-1, 4).astype(np.int64)
    lengths = np.frombuffer(view, _LENGTH, n_packets, place + groups.size * 2).astype(np.int64)
    payload = Payload(tuple(streams), groups, lengths, view[place + tables :])
    _check(payload, most_rows)
    return payload


def _check(payload: Payload, most_rows: int | None) -> None:
    groups, streams = payload.groups, payload.streams
    if int(payload.lengths.sum()) != len(payload.data) or int(groups[:, 3].sum()) != len(payload.lengths):
        raise ValueError("packets that do not fill what is there")
    if len(groups) and int(groups[:, 0].max()) >= len(streams):
        raise ValueError("a group of no stream")
    # Every packet gives one frame at most.
    if (groups[:, 2] < 1).any() or (groups[:, 1] + groups[:, 2] > groups[:, 3]).any():
        raise ValueError("a group of more frames than packets")
    if most_rows is not None and payload.rows > most_rows:
        raise ValueError(f"{payload.rows} frames, expected {most_rows} at most")


def _parse_stream(view: memoryview, place: int) -> tuple[Stream, int]:
    name = bytes(view[place + 1 : place + 1 + view[place]]).decode("ascii")
    place += 1 + view[place]
    width, height, delay, color_range, matrix, primaries, transfer, extra = _STREAM.unpack_from(view, place)
    place += _STREAM.size
    if place + extra > len(view):
        raise IndexError("the end is missing")
    if not (1 <= width <= _LARGEST_SIDE and 1 <= height <= _LARGEST_SIDE):
        raise ValueError(f"frames of {width} x {height}")
    extradata = bytes(view[place : place + extra])
    stream = Stream(name, width, height, delay, color_range, matrix, primaries, transfer, extradata)
    return stream, place + extra


def _table(groups: Sequence[tuple[int, ...]]) -> NDArray[np.int64]:
    return np.array(groups, dtype=np.int64).reshape(-1, 4)


def _cumulated(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    cumulated = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=cumulated[1:])
    return cumulated
