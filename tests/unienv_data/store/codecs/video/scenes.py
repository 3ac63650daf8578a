"""Frames that move, and their decoding by PyAV alone, which knows nothing of this package."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from unienv_data.store.codecs.base import ChunkShape
from unienv_data.store.codecs.video import VideoCodec, VideoSettings, parse_payload


def scene(count: int, shape: tuple[int, ...], dtype: str = "uint8", bits: int = 8) -> NDArray[Any]:
    """Frames (count, *shape) in slow motion, with a little noise."""
    rng = np.random.default_rng(count)
    place = np.arange(count).reshape(-1, *[1] * len(shape)) / 3
    for axis, length in enumerate(shape):
        along = [1] * len(shape)
        along[axis] = length
        place = place + np.arange(length).reshape(1, *along) * (axis + 1)
    waves = (np.sin(place / 11) * 0.45 + 0.5) * ((1 << bits) - 1)
    return np.clip(waves + rng.normal(0, (1 << bits) / 128, waves.shape), 0, (1 << bits) - 1).astype(dtype)


def make(
    codec: str, shape: tuple[int, ...], dtype: str = "uint8", rows: int = 16, **options: Any
) -> VideoCodec:
    chunk = ChunkShape(rows, np.dtype(dtype), shape)
    return VideoCodec(chunk, VideoSettings.chosen(codec, chunk, options), checked=True)


def decoded(codec: VideoCodec, data: bytes) -> NDArray[Any]:
    out = np.full(codec.chunk.nbytes, 0x5A, dtype=np.uint8)
    codec.decode(data, out)
    return out.view(codec.chunk.dtype).reshape(codec.chunk.full)


def psnr(found: NDArray[Any], expected: NDArray[Any], bits: int = 8) -> float:
    error = np.mean((found.astype(np.float64) - expected) ** 2)
    return float("inf") if not error else float(10 * np.log10(((1 << bits) - 1) ** 2 / error))


def decoded_by_pyav(data: bytes, format: str) -> list[NDArray[Any]]:
    """The rows of a chunk, by a fresh decoder for each group."""
    payload = parse_payload(data[:-4])
    frames: list[NDArray[Any]] = []
    for number, (stream, skip, count, packets) in enumerate(payload.groups.tolist()):
        said = payload.streams[stream]
        context = av.CodecContext.create({"av1": "libdav1d"}.get(said.codec, said.codec), "r")
        context.width, context.height, context.extradata = said.width, said.height, said.extradata
        found = []
        for packet in payload.packets(number, packets):
            found += context.decode(av.Packet(bytes(packet)))
        found += context.decode(None)
        frames += [frame.to_ndarray(format=format) for frame in found[skip : skip + count]]
    return frames
