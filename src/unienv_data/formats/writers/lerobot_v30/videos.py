"""The video files of a camera, each with the frames of many episodes at one rate.

As LeRobot encodes them: AV1 or H.264 in mp4, 8 bits, halved chroma, no colour tags, a group of pictures every
two frames, so that any frame is found fast.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns import EncodedRows
from unienv_data.errors import ConversionError
from unienv_data.formats.writers.lerobot_v30.copied import PacketSpool, decoded, whole_groups
from unienv_data.formats.writers.lerobot_v30.files import VIDEO_MB, Place
from unienv_interface._optional import import_optional

__all__ = ["CODECS", "Encoding", "Segment", "VideoFiles", "can_copy"]

CODECS = {"av1": "libsvtav1", "h264": "libx264"}
USUAL_CRF = {"av1": 30, "h264": 23}
LARGEST_CRF = {"av1": 63, "h264": 51}
MOST_SECONDS = 900
"""How long a file may become before another one begins. LeRobot compares times in single precision, to
0.1 ms, which fails after half an hour."""


@dataclass(frozen=True)
class Encoding:
    """How frames are encoded.

    Args:
        codec: one of CODECS.
        crf: quality, lower is better.
        gop: frames in a group of pictures.
    """

    codec: str
    crf: int
    gop: int

    @property
    def encoder(self) -> str:
        """FFmpeg's name of the encoder."""
        return CODECS[self.codec]

    def check(self) -> None:
        """See that frames can be encoded so.

        Raises:
            ConversionError: FFmpeg has no such encoder.
            MissingDependencyError: PyAV is not installed.
        """
        av = import_optional("av", extra="video")
        if self.encoder not in av.codecs_available:
            raise ConversionError(
                f"LeRobot v3.0: this build of FFmpeg has no {self.encoder}; --to-option codec=NAME chooses "
                f"another codec, --to-option images=png none"
            )


def can_copy() -> bool:
    """Whether this PyAV writes packets that it has not encoded.

    Raises:
        MissingDependencyError: PyAV is not installed.
    """
    av = import_optional("av", extra="video")
    return hasattr(av.container.OutputContainer, "add_mux_stream")


@dataclass(frozen=True)
class Segment:
    """An episode's frames.

    Args:
        place: of the file.
        first: number of the first frame within it.
        frames: how many there are.
    """

    place: Place
    first: int
    frames: int


class VideoFiles:
    """The files of one camera, of which one is open at a time. An episode is in one of them.

    Args:
        folder: `videos/<camera>` of the dataset.
        fps: frames a second.
        shape: of a frame, (H, W, 3).
        encoding: how they are encoded.
    """

    def __init__(self, folder: Path, fps: float, shape: tuple[int, ...], encoding: Encoding) -> None:
        self._av = import_optional("av", extra="video")
        self._folder = folder
        self._rate = Fraction(fps).limit_denominator(100_000)
        self._height, self._width, _ = shape
        self._encoding = encoding
        self._container: Any = None
        self._stream: Any = None
        self._is_copy = False
        self._spool = PacketSpool(folder.parents[2])
        self._bytes = 0
        self._frames = 0
        self._first = 0
        self.place = Place(0)

    def write(self, frames: NDArray[np.uint8]) -> None:
        """Take frames (B, H, W, 3) of the open episode."""
        self._begin(is_copy=False)
        for pixels in frames:
            frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts = self._frames
            frame.time_base = 1 / self._rate
            self._frames += 1
            self._mux(self._stream.encode(frame))

    def take(self, rows: EncodedRows) -> None:
        """Take frames of the open episode as they are encoded; what becomes of them is seen at its end."""
        self._spool.add(rows)

    def end_episode(self) -> Segment:
        """Where the episode stands whose frames came since the last end. The next one may stand elsewhere."""
        if len(self._spool):
            self._end_spooled()
        segment = Segment(self.place, self._first, self._frames - self._first)
        self._first = self._frames
        if self._bytes >= VIDEO_MB << 20 or self._frames >= MOST_SECONDS * self._rate:
            self.finish()
            self.place = Place(self.place.number + 1)
        return segment

    def finish(self) -> None:
        """Complete the open file."""
        if self._container is not None:
            if not self._is_copy:
                self._mux(self._stream.encode(None))
            self._container.close()
            self._container = None
            self._bytes = self._frames = self._first = 0

    def close(self) -> None:
        """Give the open file back, complete or not. May be called twice."""
        self._spool.close()
        if self._container is not None:
            with suppress(self._av.error.FFmpegError):
                self._container.close()
            self._container = None

    def to_json(self) -> dict[str, Any]:
        """What info.json says of the camera's videos."""
        rate = self._rate
        return {
            "video.height": self._height,
            "video.width": self._width,
            "video.codec": self._encoding.codec,
            "video.pix_fmt": "yuv420p",
            "video.is_depth_map": False,
            "video.fps": int(rate) if rate.denominator == 1 else float(rate),
            "video.channels": 3,
            "has_audio": False,
        }

    def _end_spooled(self) -> None:
        """Copy the episode's packets, or encode its frames anew where a video file cannot have them."""
        size = (self._width, self._height)
        try:
            for _ in whole_groups(self._spool.payloads(), *size):
                pass
        except ValueError:
            for payload in self._spool.payloads():
                for frames in decoded(payload):
                    self.write(frames)
        else:
            self._copy(whole_groups(self._spool.payloads(), *size))
        self._spool.clear()

    def _copy(self, groups: Iterator[list[bytes]]) -> None:
        self._begin(is_copy=True)
        for group in groups:
            for number, data in enumerate(group):
                packet = self._av.Packet(data)
                packet.pts = packet.dts = self._frames
                packet.duration, packet.time_base = 1, 1 / self._rate
                packet.is_keyframe = number == 0
                packet.stream = self._stream
                self._frames += 1
                self._mux([packet])

    def _begin(self, is_copy: bool) -> None:
        """Have a file open that takes packets of this kind."""
        if self._container is not None and self._is_copy != is_copy and self._frames == self._first:
            self.finish()
            self.place = Place(self.place.number + 1)
        if self._container is not None:
            return
        self._is_copy = is_copy
        path = self.place.path(self._folder, ".mp4")
        self._container = self._av.open(str(path), "w")
        if is_copy:
            size = {"width": self._width, "height": self._height, "time_base": 1 / self._rate}
            self._stream = self._container.add_mux_stream("av1", rate=self._rate, **size)
            return
        # SVT-AV1 talks to the terminal by itself, unless told otherwise.
        os.environ.setdefault("SVT_LOG", "1")
        encoding = self._encoding
        options = {"g": str(encoding.gop), "crf": str(encoding.crf)}
        options |= {"preset": "10"} if encoding.codec == "av1" else {"bf": "0"}
        self._stream = self._container.add_stream(encoding.encoder, rate=self._rate, options=options)
        self._stream.width, self._stream.height = self._width, self._height
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = 1 / self._rate

    def _mux(self, packets: Any) -> None:
        for packet in packets:
            self._bytes += packet.size
            self._container.mux(packet)
