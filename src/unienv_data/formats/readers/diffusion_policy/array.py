"""One Zarr v2 array, read in spans of rows. Source: the Zarr storage specification, version 2."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_data.formats.readers.diffusion_policy.codecs import ChunkDecoder, codec_of, lossy_name
from unienv_data.formats.readers.diffusion_policy.files import GroupFiles
from unienv_data.store import pool

__all__ = ["ATTRIBUTES", "METADATA", "ArrayMetadata", "ArrayRows", "load_metadata"]

METADATA = ".zarray"
ATTRIBUTES = ".zattrs"
_TEXT_FILTER = "vlen-utf8"


@dataclass(frozen=True)
class ArrayMetadata:
    """What `.zarray` says.

    Args:
        name: of the array within its group.
        dtype: as it stands on disk; object for texts of any length.
        shape: of all of it.
        chunks: of a chunk.
        order: of a chunk's values, `C` or `F`.
        separator: between the numbers in a chunk's name.
        fill_value: what stands where no chunk is.
        configs: of the codecs in the order in which they decode.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    order: str
    separator: str
    fill_value: Any
    configs: tuple[dict[str, Any], ...]

    @property
    def is_text(self) -> bool:
        """Whether the values are texts."""
        return self.dtype.kind in "OSU"

    @property
    def row_dtype(self) -> np.dtype[Any]:
        """What numbers are read as: the dtype on disk, in this machine's byte order."""
        return self.dtype.newbyteorder("=")

    @property
    def lossy(self) -> str | None:
        """The image codec that may have changed the values."""
        return lossy_name(self.configs[0]) if self.configs else None

    @cached_property
    def decoder(self) -> ChunkDecoder:
        """What decodes chunks.

        Raises:
            ConversionError: a codec is not known.
            MissingDependencyError: a codec's package is not installed.
        """
        return ChunkDecoder(
            [codec_of(config) for config in self.configs], self.dtype, self.chunks, self.order
        )

    @property
    def band_bytes(self) -> int:
        """What all chunks of the same rows weigh, decoded."""
        return self.chunks[0] * math.prod(self.shape[1:]) * self.dtype.itemsize

    def chunk_name(self, place: tuple[int, ...]) -> str:
        """The name of a chunk's file."""
        return f"{self.name}/{self.separator.join(map(str, place))}"

    def chunk_places(self, bands: range) -> Iterator[tuple[int, ...]]:
        """The numbers of all chunks of bands of rows."""
        others = [
            range(-(-size // chunk)) for size, chunk in zip(self.shape[1:], self.chunks[1:], strict=True)
        ]
        return itertools.product(bands, *others)


def load_metadata(files: GroupFiles, name: str) -> ArrayMetadata:
    """Read an array's `.zarray`.

    Raises:
        ConversionError: it is missing, damaged, or of values that are neither numbers nor texts.
    """
    where = files.where(f"{name}/{METADATA}")
    try:
        raw = json.loads(files.read(f"{name}/{METADATA}"))
        shape, chunks = tuple(map(int, raw["shape"])), tuple(map(int, raw["chunks"]))
        configs = [raw["compressor"], *reversed(raw["filters"] or [])]
        kind, order = raw["dtype"], raw["order"]
        separator = raw.get("dimension_separator", ".")
        fill = raw["fill_value"]
        fits = (
            raw["zarr_format"] == 2
            and len(shape) == len(chunks) >= 1
            and min(shape) >= 0
            and min(chunks) > 0
            and order in ("C", "F")
            and separator in (".", "/")
            and all(config is None or isinstance(config, dict) for config in configs)
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise ConversionError(f"{where}: damaged: {type(exc).__name__}: {exc}") from exc
    if not fits:
        raise ConversionError(f"{where}: this is not the metadata of a Zarr v2 array: {raw}")
    return ArrayMetadata(
        name,
        _dtype_of(kind, configs, where),
        shape,
        chunks,
        order,
        separator,
        fill,
        tuple(config for config in configs if config is not None),
    )


def _dtype_of(kind: Any, configs: list[Any], where: str) -> np.dtype[Any]:
    try:
        dtype = np.dtype(kind) if isinstance(kind, str) else None
    except TypeError:
        dtype = None
    if dtype is None or dtype.kind not in "biufSUO":
        raise ConversionError(f"{where}: values of the type {kind!r} have no place in a store")
    ids = [config.get("id") for config in configs if config]
    if dtype.kind == "O" and _TEXT_FILTER not in ids:
        raise ConversionError(f"{where}: its values are Python objects ({', '.join(map(str, ids))})")
    return dtype


class ArrayRows:
    """Rows of an array. Spans that follow one another decode each chunk once.

    Args:
        files: of the group.
        metadata: of the array.
    """

    def __init__(self, files: GroupFiles, metadata: ArrayMetadata) -> None:
        self._files = files
        self._about = metadata
        self._there = files.sizes
        self._bands: dict[int, NDArray[Any]] = {}  # the one that the last span ended in

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """The rows from `start` to before `stop`: (B, *D), texts as an object array (B,) of str.

        Raises:
            ConversionError: a chunk is damaged; names its file.
            MissingDependencyError: its codec's package is not installed.
        """
        about = self._about
        size = about.chunks[0]
        bands = range(start // size, -(-stop // size))
        self._bands = {band: rows for band, rows in self._bands.items() if band in bands}
        missing = [band for band in bands if band not in self._bands]
        out = None if len(bands) == 1 and size > 1 else self._empty(stop - start)
        if missing and (out is None or (size > 1 and stop % size)):
            self._bands[missing[-1]] = self._empty(size)  # more of it may be asked next
        places = [place for band in missing for place in about.chunk_places(range(band, band + 1))]

        def decode(first: int, last: int) -> None:
            for place in places[first:last]:
                band = self._bands.get(place[0])
                if band is not None:
                    self._decode(place, band, 0)
                elif out is not None:
                    self._decode(place, out, place[0] * size - start)

        try:
            pool.in_spans(decode, len(places), least=max(1, _LEAST_BYTES // max(1, about.band_bytes)))
        except BaseException:
            self._bands.clear()
            raise
        if out is None:
            return self._bands[bands[0]][start - bands[0] * size : stop - bands[0] * size]
        for band, rows in self._bands.items():
            first, last = max(start, band * size), min(stop, band * size + size)
            out[first - start : last - start] = rows[first - band * size : last - band * size]
        return out

    def _empty(self, rows: int) -> NDArray[Any]:
        about = self._about
        return np.empty((rows, *about.shape[1:]), object if about.is_text else about.row_dtype)

    def _decode(self, place: tuple[int, ...], target: NDArray[Any], at: int) -> None:
        """Decode a chunk to rows of which the first is row `at` of the target, as far as they are in it."""
        about = self._about
        low, high = max(0, -at), min(about.chunks[0], len(target) - at)
        if (low, high) == (0, about.chunks[0]) and about.chunks[1:] == about.shape[1:]:
            self._chunk(place, target[at : at + high])
            return
        inner = [
            slice(number * chunk, min((number + 1) * chunk, size))
            for number, chunk, size in zip(place[1:], about.chunks[1:], about.shape[1:], strict=True)
        ]
        within = tuple(slice(0, part.stop - part.start) for part in inner)
        values = self._empty_chunk()
        self._chunk(place, values)
        target[(slice(at + low, at + high), *inner)] = values[(slice(low, high), *within)]

    def _empty_chunk(self) -> NDArray[Any]:
        return np.empty(self._about.chunks, object if self._about.is_text else self._about.row_dtype)

    def _chunk(self, place: tuple[int, ...], out: NDArray[Any]) -> None:
        """The values of a chunk, to an array of its shape."""
        about = self._about
        name = about.chunk_name(place)
        if name not in self._there:
            out[...] = _fill(about)
            return
        data = self._files.read(name)
        try:
            if not about.decoder.decode_into(data, out):
                values = about.decoder.decode(data)
                out[...] = _texts(values) if about.is_text else values
        except ValueError as exc:
            if isinstance(exc, ConversionError):
                raise
            first = place[0] * about.chunks[0]
            last = min(first + about.chunks[0], about.shape[0]) - 1
            raise ConversionError(
                f"{self._files.where(name)}: rows {first} to {last} of {about.name} are damaged: {exc}"
            ) from exc


_LEAST_BYTES = 1 << 16
"""What is worth another thread, decoded."""


def _fill(about: ArrayMetadata) -> Any:
    if about.is_text:
        return "" if about.fill_value in (None, 0) else str(about.fill_value)
    return about.row_dtype.type(0 if about.fill_value is None else about.fill_value)


def _texts(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind != "S":
        return values.astype(object)
    texts = [text.decode("utf-8", "replace") for text in values.ravel()]
    return np.array(texts, object).reshape(values.shape)
