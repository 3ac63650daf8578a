"""Any other codec chain, through zarr-python: slower, and as general as its codecs."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import CodecError
from unienv_data.store.codecs.base import ChunkCodec, ChunkShape

__all__ = ["ZarrCodec"]


@dataclass(frozen=True)
class _OneChunk:
    """A Zarr array of a single chunk, and the objects that it stands on."""

    array: Any
    objects: dict[str, Any]
    prototype: Any


class ZarrCodec(ChunkCodec):
    """Encodes a chunk as the only chunk of a Zarr array in memory.

    Args:
        codecs: the chain, as in Zarr's metadata.
        chunk: what a chunk holds.

    Raises:
        CodecError: zarr-python does not know one of the codecs, or refuses its configuration.
    """

    def __init__(self, codecs: Sequence[Mapping[str, Any]], chunk: ChunkShape) -> None:
        self.chunk = chunk
        self._codecs = [dict(codec) for codec in codecs]
        self._key = ".".join(["c", *("0" for _ in chunk.full)])
        self._local = threading.local()
        self._mine(0)

    def encode(self, rows: NDArray[Any]) -> bytes:
        # A chunk that holds nothing but the fill value would not be written.
        mine = self._mine(0 if rows.any() else 1)
        mine.array[...] = rows
        data: bytes = mine.objects.pop(self._key).to_bytes()
        return data

    def decode(self, data: bytes | memoryview, out: NDArray[np.uint8]) -> None:
        mine = self._mine(0)
        mine.objects[self._key] = mine.prototype.buffer.from_bytes(bytes(data))
        try:
            rows = np.ascontiguousarray(mine.array[...])
            out[...] = rows.reshape(-1).view(np.uint8)
        except Exception as exc:  # codecs of third parties raise what they like
            raise ValueError(f"{type(exc).__name__}: {exc}") from exc

    def _mine(self, fill: int) -> _OneChunk:
        """This thread's array with this fill value."""
        mine: dict[int, _OneChunk] = self._local.__dict__.setdefault("mine", {})
        if fill not in mine:
            mine[fill] = self._make(fill)
        return mine[fill]

    def _make(self, fill: int) -> _OneChunk:
        import zarr
        from zarr.core.buffer import default_buffer_prototype
        from zarr.storage import MemoryStore

        metadata = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(self.chunk.full),
            "data_type": self.chunk.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(self.chunk.full)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
            "fill_value": bool(fill) if self.chunk.dtype.kind == "b" else fill,
            "codecs": self._codecs,
            "attributes": {},
        }
        prototype = default_buffer_prototype()
        objects: dict[str, Any] = {"zarr.json": prototype.buffer.from_bytes(json.dumps(metadata).encode())}
        try:
            array = zarr.open_array(store=MemoryStore(store_dict=objects), mode="r+")
        except Exception as exc:  # codecs of third parties raise what they like
            names = " > ".join(str(codec.get("name")) for codec in self._codecs)
            raise CodecError(f"zarr-python does not open the codec chain {names}: {exc}") from exc
        return _OneChunk(array, objects, prototype)
