"""Chunks of one picture each, as the gather decodes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.store.codecs.base import ChunkCodec, ChunkShape
from unienv_data.store.codecs.checked import verified, with_checksum
from unienv_data.store.codecs.images.formats import FORMATS, PREFIX
from unienv_data.store.codecs.images.picture import PictureCodec

__all__ = ["ImageCodec", "image_codec"]


class ImageCodec(ChunkCodec):
    """Perhaps `transpose`, then a picture, then perhaps `crc32c`.

    Args:
        chunk: what a chunk holds.
        pictures: encodes what the transposition gives.
        order: the axes of a chunk in the order in which they reach the picture, or None.
        checked: whether a crc32c follows.
    """

    thread_bytes = 256 << 10

    def __init__(
        self, chunk: ChunkShape, pictures: PictureCodec, order: tuple[int, ...] | None, checked: bool
    ) -> None:
        self.chunk = chunk
        self.pictures = pictures
        self._order, self._checked = order, checked
        self._back = None if order is None else tuple(int(axis) for axis in np.argsort(order))

    def encode(self, rows: NDArray[Any]) -> bytes:
        if self._order is not None:
            rows = np.ascontiguousarray(rows.transpose(self._order))
        packed = self.pictures.encode(rows)
        return with_checksum(packed) if self._checked else packed

    def check_encoded(self, data: bytes) -> None:
        self.pictures.check_size(memoryview(data)[: verified(data) if self._checked else len(data)])

    def adopt(self, file: bytes) -> bytes:
        """An image file of the codec's format as a chunk, as it came.

        Raises:
            ValueError: it is of another format or size, has other channels, or is damaged.
        """
        self.pictures.decode(memoryview(file), np.empty(self.chunk.nbytes, dtype=np.uint8))
        return with_checksum(file) if self._checked else file

    def decode(self, data: bytes | memoryview, out: NDArray[np.uint8]) -> None:
        picture = memoryview(data)
        if self._checked:
            picture = picture[: verified(data)]
        if self._order is None or self._back is None:
            self.pictures.decode(picture, out)
            return
        turned = np.empty(self.chunk.nbytes, dtype=np.uint8)
        self.pictures.decode(picture, turned)
        full = self.chunk.full
        found = turned.view(self.chunk.dtype).reshape([full[axis] for axis in self._order])
        out.view(self.chunk.dtype).reshape(full)[...] = found.transpose(self._back)


def image_codec(codecs: Sequence[Mapping[str, Any]], chunk: ChunkShape) -> ImageCodec | None:
    """The codec of a chain, or None where the chain is not one of pictures.

    Raises:
        CodecError: the picture's configuration is not known, or the chunks are no pictures.
        MissingDependencyError: imagecodecs is not installed.
    """
    chain = [(str(codec["name"]), dict(codec.get("configuration") or {})) for codec in codecs]
    checked = bool(chain) and chain[-1] == ("crc32c", {})
    if checked:
        chain.pop()
    order = None
    if chain and chain[0][0] == "transpose":
        order = _order(chain.pop(0)[1], len(chunk.full))
        if order is None:
            return None
    if len(chain) != 1 or not chain[0][0].startswith(PREFIX):
        return None
    name, configuration = chain[0]
    format = FORMATS.get(name.removeprefix(PREFIX))
    if format is None:
        return None
    shape = chunk.full if order is None else tuple(chunk.full[axis] for axis in order)
    return ImageCodec(chunk, PictureCodec(format, configuration, shape, chunk.dtype), order, checked)


def _order(configuration: Mapping[str, Any], axes: int) -> tuple[int, ...] | None:
    order = configuration.get("order")
    return tuple(order) if isinstance(order, list | tuple) and sorted(order) == list(range(axes)) else None
