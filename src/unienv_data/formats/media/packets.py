"""Frames of a video file by number, as the packets in which they stand: copied, not decoded.

Packets are read in the order of the file, and cut where decoding can begin anew: at a keyframe that no frame
shown before it follows, and that no frame before it is shown after. A run of frames takes with it the
packets from that keyframe on, unaltered, as far as it needs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.media.video import decoding, open_container, video_stream
from unienv_data.formats.source import Source
from unienv_data.store.codecs.video import (
    FORMATS,
    MOST_IN_GROUP,
    Payload,
    Stream,
    group,
    joined,
)
from unienv_interface._optional import import_optional

__all__ = ["DECODE_INSTEAD", "PacketFile", "described"]

DECODE_INSTEAD = "--frames lossless decodes it instead"


@dataclass(frozen=True)
class _Packet:
    data: bytes
    time: int
    is_hidden: bool


class PacketFile:
    """An open video file that gives the packets of frames by number.

    Args:
        source: where the file lies.
        name: its name within the source.

    Raises:
        ConversionError: the file is missing, damaged, holds no video, or none that can be copied.
        MissingDependencyError: PyAV is not installed.
    """

    def __init__(self, source: Source, name: str) -> None:
        self._av = import_optional("av", extra="video")
        self._source = source
        self.name = name
        self.where = source.where(name)
        self._open()

    def _open(self) -> None:
        with ExitStack() as stack:
            self._container = stack.enter_context(open_container(self._av, self._source, self.name))
            with decoding(self._av, self.where):
                stream = video_stream(self._container, self.where)
                self.stream = described(stream, self.where)
                self._groups = self._closed_groups(stream)
            self._opened = stack.pop_all()
        self._packets: list[_Packet] = []
        self._shown = np.empty(0, dtype=np.int64)  # of the current group's frames, those that are shown
        self._first = 0  # number of the first of these

    def beginning(self) -> tuple[int, int, int]:
        """Packets of the longest of the first groups, bytes of a packet, and how many frames these show."""
        first = [group for _, group in zip(range(2), self._groups, strict=False)]
        packets = [packet for group in first for packet in group]
        shown = sum(not packet.is_hidden for packet in packets)
        size = sum(len(packet.data) for packet in packets)
        self.close()
        self._open()
        return max(map(len, first), default=0), size // max(len(packets), 1), shown

    def read(self, numbers: NDArray[np.int64]) -> Payload:
        """Frames by number.

        Args:
            numbers: (B,) counted from 0 in the order of display. Not falling, for speed.

        Returns:
            B rows.

        Raises:
            ConversionError: the file has no such frame, or is damaged.
        """
        parts: list[Payload] = []
        place = 0
        while place < len(numbers):
            self._go_to(int(numbers[place]))
            end = place + 1
            last = self._first + len(self._shown)
            while end < len(numbers) and numbers[end] == numbers[end - 1] + 1 and numbers[end] < last:
                end += 1
            shown = self._shown[numbers[place:end] - self._first]
            for run in np.split(shown, np.flatnonzero(np.diff(shown) != 1) + 1):
                parts.append(self._run(int(run[0]), len(run)))
            place = end
        return joined(parts)

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._opened.close()

    def _run(self, skip: int, frames: int) -> Payload:
        times = np.array([packet.time for packet in self._packets])
        delay = max(int((np.arange(len(times)) - np.argsort(np.argsort(times))).max()), 0)
        needed = self._packets[: skip + frames + delay]
        try:
            return group(_delayed(self.stream, delay), skip, frames, [packet.data for packet in needed])
        except (ValueError, OverflowError) as exc:
            raise ConversionError(f"{self.where}: {exc}; {DECODE_INSTEAD}") from exc

    def _go_to(self, number: int) -> None:
        """Have the group of this frame at hand."""
        if number < 0:
            raise ConversionError(f"{self.where}: frame {number} was asked for; frames are counted from 0")
        if number < self._first:
            self.close()
            self._open()
        with decoding(self._av, self.where):
            while number >= self._first + len(self._shown):
                following = next(self._groups, None)
                if following is None:
                    found = self._first + len(self._shown)
                    raise ConversionError(
                        f"{self.where}: the video ends after {found} frames; frame {number} is needed"
                    )
                self._first += len(self._shown)
                self._packets = following
                times = [packet.time for packet in following]
                order = np.argsort(times)
                if len(set(times)) < len(times):
                    raise ConversionError(f"{self.where}: two frames at one time; {DECODE_INSTEAD}")
                hidden = np.array([packet.is_hidden for packet in following])
                self._shown = np.flatnonzero(~hidden[order])

    def _closed_groups(self, stream: Any) -> Iterator[list[_Packet]]:
        """The packets of the file, cut where decoding can begin anew."""
        done: list[_Packet] = []
        for part in self._parts(stream):
            begins = part[0].time
            is_clean = all(packet.time >= begins for packet in part) and (
                not done or max(packet.time for packet in done) < begins
            )
            if done and is_clean:
                yield done
                done = []
            done += part
            if len(done) > MOST_IN_GROUP:
                raise ConversionError(
                    f"{self.where}: a group of over {MOST_IN_GROUP} frames; {DECODE_INSTEAD}"
                )
        if done:
            yield done

    def _parts(self, stream: Any) -> Iterator[list[_Packet]]:
        """The packets from one keyframe to the next."""
        part: list[_Packet] = []
        for packet in self._container.demux(stream):
            if not packet.size:
                continue
            if packet.pts is None or packet.has_sidedata("new_extradata"):
                raise ConversionError(f"{self.where}: its packets cannot be copied; {DECODE_INSTEAD}")
            if packet.is_corrupt:
                raise ConversionError(f"{self.where}: the video is damaged or incomplete")
            data = bytes(packet)
            if part and packet.is_keyframe and _begins_anew(data, self.stream):
                yield part
                part = []
            part.append(_Packet(data, packet.pts, packet.is_discard))
        if part:
            yield part


def described(stream: Any, where: str) -> Stream:
    """What a decoder has to know of a file's video.

    Raises:
        ConversionError: its packets cannot be copied.
    """
    context = stream.codec_context
    codec = context.codec.canonical_name
    if codec not in FORMATS:
        raise ConversionError(f"{where}: packets of {codec} cannot be copied; {DECODE_INSTEAD}")
    return Stream(
        codec,
        context.width,
        context.height,
        0,
        int(context.color_range),
        int(context.colorspace),
        int(context.color_primaries),
        int(context.color_trc),
        bytes(context.extradata or b""),
    )


def _delayed(stream: Stream, delay: int) -> Stream:
    return stream if not delay else Stream(**{**stream.__dict__, "delay": delay})


def _begins_anew(packet: bytes, stream: Stream) -> bool:
    """Whether frames after this keyframe look at none before it, as far as the packet says.

    In H.264 a keyframe may merely be where a picture becomes whole again; only the others, instantaneous
    refreshes, let a decoder begin that has seen nothing.
    """
    return stream.codec != "h264" or any(kind & 31 == 5 for kind in _units(packet, stream.extradata))


def _units(packet: bytes, extradata: bytes) -> Iterator[int]:
    """The first byte of each unit of an H.264 packet."""
    if not extradata.startswith(b"\1"):  # divided by start codes
        place = packet.find(b"\0\0\1")
        while 0 <= place < len(packet) - 3:
            yield packet[place + 3]
            place = packet.find(b"\0\0\1", place + 3)
        return
    size = (extradata[4] & 3) + 1
    place = 0
    while place + size < len(packet):
        length = int.from_bytes(packet[place : place + size], "big")
        yield packet[place + size]
        place += size + length
