"""Frames of a video file by number, decoded once and in order.

Robot recordings keep many episodes in one file. A `VideoFile` keeps its place, so reading one episode after
another decodes every frame once; a far jump goes to the keyframe before it. Frames are those of a plain PyAV
decode, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source
from unienv_data.store.codecs.video.frames import one_thread
from unienv_interface._optional import import_optional

__all__ = [
    "VideoFile",
    "VideoFormat",
    "VideoHeader",
    "decoding",
    "open_container",
    "probe_video",
    "video_stream",
]

SEEK_AFTER = 64
"""How many unwanted frames are rather decoded than jumped over."""

_WORTH_DECODERS = 1 << 18
"""Pixels: several threads take longer to decode smaller frames than one, and twice the processor time."""

_WORTH_THREADS = 1 << 20
"""Pixels: to convert smaller frames, waking threads takes longer than they save."""


@dataclass(frozen=True)
class VideoFormat:
    """How frames become arrays: PyAV's name of the pixel format, and one frame's channels and dtype."""

    pixel_format: str
    channels: int
    dtype: np.dtype[Any]

    @property
    def bits(self) -> int:
        """Bits of a value that are used."""
        return 12 if self.pixel_format == "gray12le" else 8 * self.dtype.itemsize


RGB = VideoFormat("rgb24", 3, np.dtype(np.uint8))
GRAY = VideoFormat("gray", 1, np.dtype(np.uint8))
DEPTH_12 = VideoFormat("gray12le", 1, np.dtype(np.uint16))
DEPTH_16 = VideoFormat("gray16le", 1, np.dtype(np.uint16))


@dataclass(frozen=True)
class VideoHeader:
    """What a video file says of itself.

    Args:
        height: in pixels.
        width: in pixels.
        frames: how many frames there are, or None where the file does not say.
        pixel_format: of the stored frames, such as `yuv420p`.
        codec: the decoder's name.
    """

    height: int
    width: int
    frames: int | None
    pixel_format: str
    codec: str


def probe_video(source: Source, name: str) -> VideoHeader:
    """Read the header of a video file.

    Raises:
        ConversionError: the file is missing, damaged, or holds no video.
        MissingDependencyError: PyAV is not installed.
    """
    av = import_optional("av", extra="video")
    where = source.where(name)
    with open_container(av, source, name) as container, decoding(av, where):
        stream = video_stream(container, where)
        context = stream.codec_context
        return VideoHeader(
            context.height, context.width, stream.frames or None, context.pix_fmt or "", context.name
        )


class VideoFile:
    """An open video file that gives frames by number.

    Args:
        source: where the file lies.
        name: its name within the source.
        format: what the frames are turned into.

    Raises:
        ConversionError: the file is missing, damaged, or holds no video.
        MissingDependencyError: PyAV is not installed.
    """

    def __init__(self, source: Source, name: str, format: VideoFormat = RGB) -> None:
        self._av = import_optional("av", extra="video")
        self.name = name
        self.where = source.where(name)
        self.format = format
        with ExitStack() as stack:
            self._container = stack.enter_context(open_container(self._av, source, name))
            with decoding(self._av, self.where):
                self._stream = video_stream(self._container, self.where)
                context = self._stream.codec_context
                pixels = context.width * context.height
                if pixels < _WORTH_DECODERS:
                    context.thread_count = 1
                self._stream.thread_type = "AUTO"
                self._frames: Iterator[Any] = self._container.decode(self._stream)
            self._opened = stack.pop_all()
        # One for the whole file: PyAV's to_ndarray(format=...) makes one a frame.
        self._reformatter = self._av.video.reformatter.VideoReformatter()
        self._alone = one_thread(self._av) if pixels < _WORTH_THREADS else {}
        self._number = -1  # of the frame decoded last
        self._pixels: NDArray[Any] | None = None  # that frame
        self._presentation: NDArray[np.int64] | None = None

    def read(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Frames by number.

        Args:
            numbers: (B,) counted from 0 in the order of display. Not falling, for speed.

        Returns:
            (B, H, W, C) of the format's dtype.

        Raises:
            ConversionError: the file has no such frame, or is damaged.
        """
        height, width = self._stream.codec_context.height, self._stream.codec_context.width
        frames = np.empty((len(numbers), height, width, self.format.channels), self.format.dtype)
        with decoding(self._av, self.where):
            for row, number in enumerate(numbers.tolist()):
                pixels = self._pixels
                if pixels is None or number != self._number:
                    pixels = self._pixels = self._frame(number)
                if pixels.shape != frames.shape[1:]:
                    raise ConversionError(
                        f"{self.where}: frame {number} is {pixels.shape}, those before are {frames.shape[1:]}"
                    )
                frames[row] = pixels
        return frames

    def count(self) -> int:
        """How many frames there are, counted. Reads the packets, decodes nothing.

        Raises:
            ConversionError: the file is damaged.
        """
        with decoding(self._av, self.where):
            return len(self._display_order())

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._opened.close()

    def _frame(self, number: int) -> NDArray[Any]:
        """The pixels (H, W, C) of a frame, which is not the one decoded last."""
        if number < 0:
            raise ConversionError(f"{self.where}: frame {number} was asked for; frames are counted from 0")
        frame = None
        if not self._number < number <= self._number + SEEK_AFTER:
            frame = self._jump(number)
        while self._number < number:
            frame = next(self._frames, None)
            if frame is None:
                raise ConversionError(
                    f"{self.where}: the video ends after {self._number + 1} frames; frame {number} is needed"
                )
            self._number += 1
        if frame is None or frame.is_corrupt:
            raise ConversionError(f"{self.where}: frame {number} is damaged")
        return self._view(self._reformatter.reformat(frame, format=self.format.pixel_format, **self._alone))

    def _view(self, frame: Any) -> NDArray[Any]:
        """The pixels of a packed frame, where they lie: whoever wants them copies them once."""
        channels, dtype = self.format.channels, self.format.dtype
        plane = frame.planes[0]
        strides = (plane.line_size, channels * dtype.itemsize, dtype.itemsize)
        return np.ndarray((frame.height, frame.width, channels), dtype, plane, strides=strides)

    def _jump(self, number: int) -> Any:
        """Go to a keyframe at or before `number` and decode it; to the beginning if that is not possible."""
        order = self._display_order()
        if number < len(order):
            self._container.seek(int(order[number]), stream=self._stream, backward=True)
            self._frames = self._container.decode(self._stream)
            # Frames shown before the keyframe may lean on ones that were jumped over.
            frame = next((frame for frame in self._frames if frame.key_frame), None)
            place = -1 if frame is None or frame.pts is None else int(np.searchsorted(order, frame.pts))
            if frame is not None and 0 <= place <= number and order[place] == frame.pts:
                self._number = place
                return frame
        self._rewind()
        self._frames = self._container.decode(self._stream)
        self._number = -1
        return None

    def _rewind(self) -> None:
        self._container.seek(self._stream.start_time or 0, stream=self._stream, backward=True)

    def _display_order(self) -> NDArray[np.int64]:
        """The presentation times of all frames, rising. Reads the packets, decodes nothing."""
        if self._presentation is None:
            self._rewind()
            times = [
                packet.pts
                for packet in self._container.demux(self._stream)
                if packet.pts is not None and not packet.is_discard
            ]
            self._presentation = np.unique(np.asarray(times, dtype=np.int64))
        return self._presentation


def video_stream(container: Any, where: str) -> Any:
    """The first video of a file.

    Raises:
        ConversionError: there is none.
    """
    if not container.streams.video:
        raise ConversionError(f"{where}: there is no video in this file")
    return container.streams.video[0]


@contextmanager
def open_container(av: ModuleType, source: Source, name: str) -> Iterator[Any]:
    """A file, open in FFmpeg.

    Raises:
        ConversionError: it is missing or damaged.
    """
    handle = source.handle(name)
    try:
        with decoding(av, source.where(name)):
            container = av.open(handle)
        try:
            yield container
        finally:
            container.close()
    finally:
        if not isinstance(handle, str):
            handle.close()


@contextmanager
def decoding(av: ModuleType, where: str) -> Iterator[None]:
    """Where FFmpeg may find damage, which is told by the file's name."""
    try:
        yield
    except av.error.FileNotFoundError as exc:
        raise ConversionError(f"{where}: the file is missing") from exc
    except av.error.FFmpegError as exc:
        raise ConversionError(f"{where}: the video is damaged or incomplete: {exc.strerror or exc}") from exc
