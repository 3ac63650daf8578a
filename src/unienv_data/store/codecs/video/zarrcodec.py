"""The codec as zarr-python knows it: registered by the entry point `unienv_data.video`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from zarr.abc.codec import ArrayBytesCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, NDBuffer

from unienv_data.store.codecs.base import ChunkShape
from unienv_data.store.codecs.video.chunkcodec import VideoCodec
from unienv_data.store.codecs.video.settings import NAME, VideoSettings

__all__ = ["VideoZarrCodec"]


@dataclass(frozen=True)
class VideoZarrCodec(ArrayBytesCodec):
    """Chunks along the first axis as groups of pictures.

    Args:
        settings: how rows are encoded.
    """

    settings: VideoSettings
    is_fixed_size = False

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The codec of Zarr's metadata.

        Raises:
            CodecError: its configuration is none.
        """
        return cls(VideoSettings.from_configuration(data.get("configuration") or {}))

    def to_dict(self) -> dict[str, Any]:
        """What Zarr's metadata hold."""
        return {"name": NAME, "configuration": self.settings.to_configuration()}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Nobody knows before it is encoded."""
        raise ValueError(f"{NAME}: the size of a chunk depends on what is in it")

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        codec = self._codec(chunk_spec)
        out = np.empty(codec.chunk.nbytes, dtype=np.uint8)
        codec.decode(chunk_data.to_bytes(), out)
        rows = out.view(codec.chunk.dtype).reshape(codec.chunk.full)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(rows)

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        rows = np.ascontiguousarray(chunk_data.as_numpy_array())
        return chunk_spec.prototype.buffer.from_bytes(self._codec(chunk_spec).encode(rows))

    def _codec(self, spec: ArraySpec) -> VideoCodec:
        rows, *shape = spec.shape
        dtype = np.dtype(spec.dtype.to_native_dtype())
        return VideoCodec(ChunkShape(rows, dtype, tuple(shape)), self.settings, checked=False)
