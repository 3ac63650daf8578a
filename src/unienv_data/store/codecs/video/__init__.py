"""Frames as groups of pictures, encoded by FFmpeg: a chunk is a fixed range of rows."""

from __future__ import annotations

from unienv_data.store.codecs.video.chunkcodec import VideoCodec, video_codec
from unienv_data.store.codecs.video.decoding import FORMATS, read_frames
from unienv_data.store.codecs.video.payload import (
    MOST_IN_GROUP,
    Payload,
    Stream,
    group,
    joined,
    parse_payload,
)
from unienv_data.store.codecs.video.settings import FAMILIES, NAME, VideoSettings

__all__ = [
    "FAMILIES",
    "FORMATS",
    "MOST_IN_GROUP",
    "NAME",
    "Payload",
    "Stream",
    "VideoCodec",
    "VideoSettings",
    "group",
    "joined",
    "parse_payload",
    "read_frames",
    "video_codec",
]
