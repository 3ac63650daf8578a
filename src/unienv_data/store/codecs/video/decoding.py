"""Groups of pictures into frames, by decoders that each thread keeps."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.store.codecs.video.frames import one_thread
from unienv_data.store.codecs.video.payload import Payload, Stream
from unienv_interface._optional import import_optional

__all__ = ["FORMATS", "read_frames"]

FORMATS = {
    "h264": "h264",
    "hevc": "hevc",
    "av1": "libdav1d",
    "ffv1": "ffv1",
}
"""Format -> FFmpeg's decoder. No other decoder is ever opened, whatever a payload names."""

_KEPT = 4  # decoders a thread
_BLOCK = 128  # pixels: decoders allocate whole blocks

_mine = threading.local()


class _Decoder:
    """One decoder, used for one group after another."""

    def __init__(self, av: Any, stream: Stream) -> None:
        self._av = av
        self._stream = stream
        self._context = av.CodecContext.create(FORMATS[stream.codec], "r")
        self._context.width, self._context.height = stream.width, stream.height
        if stream.extradata:
            self._context.extradata = stream.extradata
        self._context.color_range, self._context.colorspace = stream.color_range, stream.matrix
        self._context.color_primaries, self._context.color_trc = stream.primaries, stream.transfer
        self._context.thread_count = 1
        # Whatever the packets say, no larger frames are made.
        sides = [-(-side // _BLOCK) * _BLOCK for side in (stream.width, stream.height)]
        self._context.options = {"max_pixels": str(sides[0] * sides[1])}
        self._context.open()
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._alone = one_thread(av)

    def frames(self, packets: Sequence[memoryview]) -> Iterator[Any]:
        """FFmpeg's frames of a group, in the order of display."""
        self._context.flush_buffers()
        for packet in packets:
            yield from self._context.decode(self._av.Packet(packet))
        yield from self._context.decode(None)

    def pixels(self, frame: Any, format: str) -> NDArray[Any]:
        """A frame (H, W) or (H, W, 3), converted as PyAV's `to_ndarray` does, and not for long: the next
        one may take its memory."""
        size = (frame.width, frame.height)
        if size != (self._stream.width, self._stream.height):
            raise ValueError(f"a frame of {size}, expected {self._stream.width} x {self._stream.height}")
        if frame.is_corrupt:
            raise ValueError("a damaged frame")
        converted = self._reformatter.reformat(frame, format=format, **self._alone)
        plane = converted.planes[0]
        data = np.frombuffer(plane, dtype=np.uint8, count=plane.line_size * frame.height)
        lines = data.reshape(frame.height, plane.line_size)
        if format == "rgb24":
            return lines[:, : 3 * frame.width].reshape(frame.height, frame.width, 3)
        size_of_value = 1 if format == "gray" else 2
        return lines[:, : size_of_value * frame.width].view(f"<u{size_of_value}")


def read_frames(payload: Payload, rows: NDArray[np.int64], format: str) -> Iterator[tuple[int, NDArray[Any]]]:
    """Decode rows, each group no further than needed.

    Args:
        payload: what holds them.
        rows: ascending, each once.
        format: rgb24, gray, or gray<bits>le, to which frames are converted.

    Yields:
        A row and its picture, (H, W) or (H, W, 3), good until the next one.

    Raises:
        ValueError: there is no such row, or what holds it cannot be decoded.
        MissingDependencyError: PyAV is not installed.
    """
    if not len(rows):
        return
    if rows[0] < 0 or rows[-1] >= payload.rows:
        raise ValueError(f"{payload.rows} rows, row {int(rows[-1])} is asked for")
    av = import_optional("av", extra="video")
    groups = np.searchsorted(payload.starts, rows, side="right") - 1
    edges = np.flatnonzero(np.diff(groups)) + 1
    for mine in np.split(rows, edges):
        number = int(np.searchsorted(payload.starts, mine[0], side="right")) - 1
        stream, skip, _, _ = payload.groups[number].tolist()
        wanted = (mine - payload.starts[number] + skip).tolist()
        decoder = _decoder(av, payload.streams[stream])
        try:
            frames = enumerate(decoder.frames(payload.packets(number, wanted[-1] + 1)))
            for row, place in zip(mine.tolist(), wanted, strict=True):
                frame = next((frame for at, frame in frames if at == place), None)
                if frame is None:
                    raise ValueError(f"group {number} has fewer frames than it declares")
                yield row, decoder.pixels(frame, format)
        except av.error.FFmpegError as exc:
            raise ValueError(f"group {number} cannot be decoded: {exc}") from exc


def _decoder(av: Any, stream: Stream) -> _Decoder:
    """This thread's decoder of a stream."""
    if stream.codec not in FORMATS:
        raise ValueError(f"video of the format {stream.codec!r}; known are {', '.join(FORMATS)}")
    kept: OrderedDict[Stream, _Decoder] = _mine.__dict__.setdefault("decoders", OrderedDict())
    if stream in kept:
        kept.move_to_end(stream)
        return kept[stream]
    try:
        made = _Decoder(av, stream)
    except av.error.FFmpegError as exc:
        raise ValueError(f"no decoder of {stream.codec} takes this stream: {exc}") from exc
    kept[stream] = made
    if len(kept) > _KEPT:
        kept.popitem(last=False)
    return made
