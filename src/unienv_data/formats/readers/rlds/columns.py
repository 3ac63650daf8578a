"""Features of a step as columns."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns import EncodedRows
from unienv_data.errors import CodecError, ConversionError
from unienv_data.formats.media.images import decode_image
from unienv_data.formats.readers.rlds.example import Feature, bytes_values, number_values
from unienv_data.formats.readers.rlds.features import Leaf
from unienv_data.formats.readers.rlds.records import Record
from unienv_data.formats.tabular.arrow import array_space, text_space
from unienv_data.store import pool
from unienv_data.store.codecs.imagefiles import rows_of_files
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DynamicBoxSpace
from unienv_interface.space.space import AnySpace

__all__ = ["ImageColumn", "ListColumn", "NumberColumn", "StepColumn", "TextColumn", "decoded_image"]

Values = Iterator[Any]
_LENGTHS = "/ragged_row_lengths_0"
_FLAT = "/ragged_flat_values"
_AT_LEAST = 1


@dataclass(frozen=True)
class NumberColumn:
    """Numbers of one shape a step, as numbers or as their bytes."""

    leaf: Leaf
    lossy = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one step's value."""
        inner = tuple(size or 0 for size in self.leaf.shape)
        return inner if self.leaf.listed is None else (self.leaf.listed, *inner)

    @property
    def space(self) -> AnySpace:
        """One step's value."""
        return array_space(self.leaf.dtype, self.shape)

    def values(self, record: Record, features: Mapping[str, Feature], rows: int, where: str) -> Values:
        """The values (`rows`, *D) of consecutive steps, one such array after the other."""
        key = self.leaf.key if self.leaf.listed is None else self.leaf.key + _FLAT
        feature = features.get(key, Feature(0, 0, 0))
        if self.leaf.encoding:
            for packed in bytes_values(record, feature, rows):
                yield np.stack([self._unpacked(data, where) for data in packed])
            return
        size = prod(self.shape)
        for flat in number_values(record, feature, rows * max(size, _AT_LEAST)):
            if len(flat) % max(size, _AT_LEAST):
                raise ValueError(f"{len(flat)} values left over, {size} a step are expected")
            yield as_dtype(flat, self.leaf.dtype).reshape(-1, *self.shape)

    def _unpacked(self, data: bytes, where: str) -> NDArray[Any]:
        if self.leaf.encoding == "zlib":
            try:
                data = zlib.decompress(data)
            except zlib.error as exc:
                raise ValueError(f"its zlib stream is damaged: {exc}") from exc
        expected = prod(self.shape) * self.leaf.dtype.itemsize
        if len(data) != expected:
            raise ValueError(f"{len(data)} bytes where {expected} are expected")
        return (
            np.frombuffer(data, self.leaf.dtype.newbyteorder("<")).astype(self.leaf.dtype).reshape(self.shape)
        )


@dataclass(frozen=True)
class ListColumn:
    """Numbers of which each step has as many as it likes."""

    leaf: Leaf
    longest: int
    lossy = None

    @property
    def inner(self) -> tuple[int, ...]:
        """The shape of each."""
        return tuple(size or 0 for size in self.leaf.shape)

    @property
    def space(self) -> AnySpace:
        """One step's value, (any, *inner)."""
        one = array_space(np.dtype(np.int8) if self.leaf.dtype.kind == "b" else self.leaf.dtype, ())
        low, high = (one.low.item(), one.high.item()) if isinstance(one, BoxSpace) else (0, 1)
        shape = (0, *self.inner), (max(self.longest, _AT_LEAST), *self.inner)
        dtype = self.leaf.dtype.type
        return DynamicBoxSpace(NumpyComputeBackend, low, high, *shape, dtype=dtype)

    def values(self, record: Record, features: Mapping[str, Feature], rows: int, where: str) -> Values:
        """Object arrays (`rows`,) of arrays (any, *inner)."""
        lengths = features.get(self.leaf.key + _LENGTHS, Feature(0, 0, 0))
        flat = features.get(self.leaf.key + _FLAT, Feature(0, 0, 0))
        size = max(prod(self.inner), _AT_LEAST)
        pieces = number_values(record, flat, size << 10)
        rest = np.zeros(0, self.leaf.dtype)
        for counts in number_values(record, lengths, rows):
            needed = int(counts.sum()) * size
            while len(rest) < needed:
                piece = next(pieces, None)
                if piece is None:
                    raise ValueError("fewer values than the lengths of its lists add up to")
                rest = np.concatenate([rest, as_dtype(piece, self.leaf.dtype)])
            values = np.empty(len(counts), dtype=object)
            ends = np.cumsum(counts) * size
            for row, (end, count) in enumerate(zip(ends.tolist(), counts.tolist(), strict=True)):
                values[row] = rest[end - count * size : end].reshape(count, *self.inner)
            rest = rest[needed:]
            yield values


@dataclass(frozen=True)
class TextColumn:
    """A text a step."""

    leaf: Leaf
    lossy = None

    @property
    def space(self) -> AnySpace:
        """One step's value."""
        return text_space()

    def values(self, record: Record, features: Mapping[str, Feature], rows: int, where: str) -> Values:
        """Object arrays (`rows`,) of str."""
        for packed in bytes_values(record, features.get(self.leaf.key, Feature(0, 0, 0)), rows):
            texts = np.empty(len(packed), dtype=object)
            texts[:] = [data.decode() for data in packed]
            yield texts


@dataclass(frozen=True)
class ImageColumn:
    """An image file a step.

    Args:
        leaf: the feature.
        shape: (H, W, C) of all of them.
        lossy: `jpeg`, or None.
        codec: by which a store keeps the files as they are; None where it does not.
    """

    leaf: Leaf
    shape: tuple[int, int, int]
    lossy: str | None
    codec: str | None = None

    @property
    def space(self) -> AnySpace:
        """One step's value, (H, W, C)."""
        return array_space(self.leaf.dtype, self.shape)

    def files(self, record: Record, features: Mapping[str, Feature], rows: int) -> Iterator[list[bytes]]:
        """The files as they came, `rows` at a time."""
        return bytes_values(record, features.get(self.leaf.key, Feature(0, 0, 0)), rows)

    def values(self, record: Record, features: Mapping[str, Feature], rows: int, where: str) -> Values:
        """The pixels (`rows`, H, W, C)."""
        first = 0
        for files in self.files(record, features, rows):
            yield self._decoded(files, f"{where}: {self.leaf.key}", first)
            first += len(files)

    def _decoded(self, files: list[bytes], where: str, first: int) -> NDArray[Any]:
        images = np.empty((len(files), *self.shape), self.leaf.dtype)

        def decode(start: int, stop: int) -> None:
            for row, data in enumerate(files[start:stop], start):
                address = f"{where}, step {first + row}"
                pixels = decoded_image(data, self.shape[2], address)
                if pixels.shape != self.shape or pixels.dtype != self.leaf.dtype:
                    raise ConversionError(
                        f"{address}: an image of {pixels.dtype} {pixels.shape}, where {self.leaf.dtype} "
                        f"{self.shape} is expected"
                    )
                images[row] = pixels

        pool.in_spans(decode, len(files), least=4)
        return images

    def encoded(self, record: Record, features: Mapping[str, Feature], rows: int, where: str) -> Values:
        """The files (`rows`,) as the store keeps them."""
        for files in self.files(record, features, rows):
            yield self.kept(files, f"{where}: {self.leaf.key}")

    def kept(self, files: list[bytes], where: str) -> EncodedRows:
        """Image files as rows.

        Raises:
            ConversionError: one is damaged, or other than the first.
        """
        try:
            return rows_of_files(files, self.codec or "", self.leaf.dtype, self.shape)
        except CodecError as exc:
            raise ConversionError(
                f"{where}: {exc}; what cannot be kept as it is can be decoded (--frames lossless)"
            ) from exc


StepColumn = NumberColumn | ListColumn | TextColumn | ImageColumn
Stream = Callable[[Record, Mapping[str, Feature], int, str], Values]


def decoded_image(data: bytes, channels: int | None, where: str) -> NDArray[Any]:
    """The pixels (H, W, C) in as many channels as the feature says, as TFDS decodes them."""
    pixels = decode_image(data, where)
    if channels == 3 and pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    if channels == 3 and pixels.shape[2] == 4:
        return np.ascontiguousarray(pixels[..., :3])
    return pixels


def as_dtype(flat: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Numbers of a record in the feature's data type, all of whose values fit; uint64 stand as their bits."""
    if dtype == np.uint64 and flat.dtype == np.int64:
        return flat.view(np.uint64)
    if flat.dtype == dtype:
        return np.array(flat)
    values = flat.astype(dtype)
    if dtype.kind in "iub" and not np.array_equal(values.astype(flat.dtype), flat):
        raise ValueError(f"a value does not fit {dtype}")
    return values
