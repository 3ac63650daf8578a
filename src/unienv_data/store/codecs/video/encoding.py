"""Frames into groups of pictures, by FFmpeg's encoders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import CodecError
from unienv_data.store.codecs.video.frames import Pictures, one_thread
from unienv_data.store.codecs.video.payload import Payload, Stream, group, joined
from unienv_data.store.codecs.video.settings import VideoSettings
from unienv_interface._optional import import_optional

__all__ = ["encode_frames"]

_BT709, _LIMITED, _FULL = 1, 1, 2  # FFmpeg's numbers: matrix, primaries and transfer; ranges
_RATE = 30  # frames a second: what encoders that weigh time against quality are told


def encode_frames(rows: NDArray[Any], pictures: Pictures, settings: VideoSettings) -> Payload:
    """Rows (N, *shape), at least one, as groups of their own.

    Raises:
        CodecError: FFmpeg has no such encoder, or it fails.
        MissingDependencyError: PyAV is not installed.
    """
    av = import_optional("av", extra="video")
    frames = _padded(pictures.pictures(rows), settings)
    try:
        context = _encoder(av, settings, pictures, frames.shape[1:3])
        packets = []
        for frame in (*_frames(av, frames, pictures, settings), None):
            packets += context.encode(frame)
        extradata = bytes(context.extradata or b"")
    except (av.error.FFmpegError, ValueError) as exc:
        raise CodecError(f"video codec {settings.codec}: encoding {rows.shape} failed: {exc}") from exc
    return _grouped(packets, len(frames), _stream(settings, pictures, frames.shape[1:3], extradata))


def _encoder(av: Any, settings: VideoSettings, pictures: Pictures, size: tuple[int, ...]) -> Any:
    family = settings.family
    if family.encoder not in av.codecs_available:
        raise CodecError(f"video codec {settings.codec}: this build of FFmpeg has no {family.encoder}")
    # SVT-AV1 talks to the terminal by itself, unless its own variable says otherwise.
    os.environ.setdefault("SVT_LOG", "1")
    context = av.CodecContext.create(family.encoder, "w")
    context.height, context.width = size
    context.pix_fmt = settings.pixel_format(pictures)
    context.time_base, context.framerate = Fraction(1, _RATE), Fraction(_RATE)
    context.thread_count = 1
    context.gop_size = settings.gop
    flags = av.codec.context.Flags
    context.flags |= flags.global_header | flags.closed_gop
    context.color_range, *colours = _colours(pictures, settings)
    context.colorspace, context.color_primaries, context.color_trc = colours
    context.options = _options(settings)
    context.open()
    return context


def _options(settings: VideoSettings) -> dict[str, str]:
    """What each encoder is told: groups of one length, no frame before the one that it needs."""
    gop = str(settings.gop)
    quality = {} if settings.crf is None else {"crf": str(settings.crf)}
    preset = {} if settings.preset is None else {"preset": settings.preset}
    if settings.codec in ("h264", "h264rgb"):
        quality = quality or {"qp": "0"}
        return {**quality, **preset, "bf": "0", "sc_threshold": "0", "keyint_min": gop}
    if settings.codec == "hevc":
        fixed = {"keyint": gop, "min-keyint": gop, "bframes": "0", "scenecut": "0", "open-gop": "0"}
        quiet = {"info": "0", "log-level": "none", "pools": "none", "frame-threads": "1"}
        params = ":".join(f"{key}={value}" for key, value in {**fixed, **quiet}.items())
        return {**quality, **preset, "x265-params": params}
    if settings.codec == "av1":
        return {**quality, **preset, "svtav1-params": "lp=1:scd=0"}
    return {"level": "3", "slicecrc": "0"}


def _frames(av: Any, frames: NDArray[Any], pictures: Pictures, settings: VideoSettings) -> Iterator[Any]:
    """FFmpeg's frames, in the pixel format of the encoder."""
    reformatter = av.video.reformatter.VideoReformatter()
    source, target = settings.decoded_format(pictures), settings.pixel_format(pictures)
    color_range, *colours = _colours(pictures, settings)
    for number, picture in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(picture, format=source)
        if target != source:
            frame = reformatter.reformat(
                frame,
                format=target,
                src_color_range=_FULL,
                dst_color_range=color_range,
                dst_colorspace=colours[0],
                **one_thread(av),
            )
        frame.color_range, frame.colorspace = color_range, colours[0]
        frame.pts = number
        yield frame


def _colours(pictures: Pictures, settings: VideoSettings) -> tuple[int, int, int, int]:
    """Range, matrix, primaries, transfer: those of BT.709 where colours are made of luma and chroma."""
    if not pictures.is_grey and settings.family.rgb == "yuv420p":
        return _LIMITED, _BT709, _BT709, _BT709
    return _FULL, 2, 2, 2


def _stream(settings: VideoSettings, pictures: Pictures, size: tuple[int, ...], extradata: bytes) -> Stream:
    height, width = size
    return Stream(settings.family.format, width, height, 0, *_colours(pictures, settings), extradata)


def _padded(frames: NDArray[Any], settings: VideoSettings) -> NDArray[Any]:
    """Frames (N, H, W, ...) with their edges repeated, where the encoder takes no such size."""
    family = settings.family
    sides = [max(-(-side // family.align) * family.align, family.least) for side in frames.shape[1:3]]
    missing = [(0, side - had) for side, had in zip(sides, frames.shape[1:3], strict=True)]
    if any(after for _, after in missing):
        frames = np.pad(frames, [(0, 0), *missing, *[(0, 0)] * (frames.ndim - 3)], mode="edge")
    return np.ascontiguousarray(frames)


def _grouped(packets: Sequence[Any], frames: int, stream: Stream) -> Payload:
    """The packets cut at their keyframes.

    Raises:
        CodecError: the encoder gave other frames than it got, or in another order.
    """
    if [packet.pts for packet in packets] != list(range(frames)) or not packets[0].is_keyframe:
        raise CodecError(f"{stream.codec}: {len(packets)} packets of {frames} frames, or in another order")
    keys = [number for number, packet in enumerate(packets) if packet.is_keyframe]
    data = [bytes(packet) for packet in packets]
    data[0] = _without_comment(data[0], stream.codec)
    ends = [*keys[1:], frames]
    return joined(group(stream, 0, b - a, data[a:b]) for a, b in zip(keys, ends, strict=True))


def _without_comment(packet: bytes, codec: str) -> bytes:
    """The first packet of x264, without the 700 bytes in which it says who made it and how."""
    message = next((start for start in (b"\0\0\1\6\5", b"\0\0\0\1\6\5") if packet.startswith(start)), None)
    end = packet.find(b"\0\0\1", 5) if message and codec == "h264" else -1
    return packet[end:] if end > 0 else packet
