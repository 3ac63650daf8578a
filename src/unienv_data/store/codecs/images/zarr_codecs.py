"""The image codecs as zarr-python's: what a plain `zarr.open` reads our columns of pictures with.

pyproject registers them under entry point group `zarr.codecs`. Where another package registers the same name,
as imagecodecs-zarr does, the name stands for that package's class here, too: zarr-python then finds one class
under both, and has nothing to choose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, ClassVar, Self

import numpy as np
from zarr.abc.codec import ArrayBytesCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, NDBuffer

from unienv_data.store.codecs.images.formats import FORMATS, ImageFormat
from unienv_data.store.codecs.images.picture import PictureCodec

__all__ = ["CODECS", "Avif", "Jpeg", "JpegXl", "Png", "Qoi", "WebP", "ZarrImageCodec"]


@dataclass(frozen=True)
class ZarrImageCodec(ArrayBytesCodec):
    """One chunk, one picture.

    Attributes:
        format: the format.
        configuration: as in Zarr's metadata.
    """

    is_fixed_size = False
    format: ClassVar[ImageFormat]
    configuration: Mapping[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.format.name)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The codec of an entry of Zarr's metadata.

        Raises:
            ValueError: the entry is another codec's.
        """
        if data.get("name") != cls.format.codec:
            raise ValueError(f"codec {data.get('name')!r}: expected {cls.format.codec!r}")
        return cls(dict(data.get("configuration") or {}))

    def to_dict(self) -> dict[str, Any]:
        document: dict[str, Any] = {"name": self.format.codec}
        return {**document, "configuration": dict(self.configuration)} if self.configuration else document

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Refused: it depends on what the picture shows.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"codec {self.format.codec}: the size of a picture is known once it is encoded")

    def _pictures(self, chunk: ArraySpec) -> PictureCodec:
        return PictureCodec(self.format, self.configuration, chunk.shape, _native(chunk))

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        rows = np.empty(chunk_spec.shape, dtype=_native(chunk_spec))
        data = memoryview(chunk_bytes.to_bytes())
        self._pictures(chunk_spec).decode(data, rows.reshape(-1).view(np.uint8))
        return chunk_spec.prototype.nd_buffer.from_numpy_array(rows)

    def _encode_sync(self, chunk_array: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        rows = np.ascontiguousarray(chunk_array.as_numpy_array(), dtype=_native(chunk_spec))
        return chunk_spec.prototype.buffer.from_bytes(self._pictures(chunk_spec).encode(rows))

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)


class Jpeg(ZarrImageCodec):
    """`imagecodecs_jpeg`."""

    format = FORMATS["jpeg"]


class Png(ZarrImageCodec):
    """`imagecodecs_png`."""

    format = FORMATS["png"]


class WebP(ZarrImageCodec):
    """`imagecodecs_webp`."""

    format = FORMATS["webp"]


class JpegXl(ZarrImageCodec):
    """`imagecodecs_jpegxl`."""

    format = FORMATS["jpegxl"]


class Avif(ZarrImageCodec):
    """`imagecodecs_avif`."""

    format = FORMATS["avif"]


class Qoi(ZarrImageCodec):
    """`imagecodecs_qoi`."""

    format = FORMATS["qoi"]


CODECS: Mapping[str, type[ZarrImageCodec]] = {
    each.format.codec: each for each in (Jpeg, Png, WebP, JpegXl, Avif, Qoi)
}
"""Our classes, by the names of the codecs."""


def _native(chunk: ArraySpec) -> np.dtype[Any]:
    return np.dtype(chunk.dtype.to_native_dtype()).newbyteorder("=")


def _others(name: str) -> Iterable[Any]:
    """What other packages have registered as the codec `name`."""
    entries = entry_points(group="zarr.codecs", name=name)
    return (entry.load() for entry in entries if not entry.value.startswith(__name__))


def __getattr__(name: str) -> Any:
    """What the entry points name: the codec of another package where there is one, else ours."""
    if name not in CODECS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return next(iter(_others(name)), CODECS[name])
