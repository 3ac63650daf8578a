"""Frames as groups of pictures, encoded by FFmpeg: a chunk is a fixed range of rows."""

from __future__ import annotations

from unienv_data.store.codecs.video.chunkcodec import VideoCodec, video_codec
from unienv_data.store.codecs.video.decoding import FORMATS
from unienv_data.store.codecs.video.payload import Payload, Stream, group, joined, parse_payload
from unienv_data.store.codecs.video.settings import FAMILIES, NAME, VideoSettings

__all__ = [
    "FAMILIES",
    "FORMATS",
    "NAME",
    "Payload",
    "Stream",
    "VideoCodec",
    "VideoSettings",
    "group",
    "joined",
    "parse_payload",
    "video_codec",
]
