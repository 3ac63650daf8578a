"""One array as one encoded picture, and back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import CodecError
from unienv_data.store.codecs.images.formats import Configuration, ImageFormat
from unienv_data.store.codecs.images.geometry import picture_shape, readable_shapes
from unienv_interface._optional import import_optional

__all__ = ["PictureCodec"]


class PictureCodec:
    """Encodes arrays of one shape by a format of imagecodecs. Safe to use from several threads.

    Args:
        format: the format.
        configuration: as in Zarr's metadata.
        shape: of the arrays, (rows, ..., H, W) or (rows, ..., H, W, C).
        dtype: their data type.

    Raises:
        CodecError: the configuration is not known, the arrays are no pictures, or this imagecodecs was built
            without the format.
        MissingDependencyError: imagecodecs is not installed.
    """

    def __init__(
        self, format: ImageFormat, configuration: Configuration, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        library = _library(format)
        given = _checked(format, configuration)
        try:
            self._picture, self._readable = picture_shape(shape), readable_shapes(shape)
        except ValueError as exc:
            raise CodecError(f"codec {format.name}: {exc}") from exc
        self.format, self._dtype = format, dtype
        self._header = given.get("header")
        self._encode = getattr(library, f"{format.function}_encode")
        self._decode = getattr(library, f"{format.function}_decode")
        self._encoding = {**format.encoding, **_arguments(format.encode, given)}
        self._decoding = {**format.decoding, **_arguments(format.decode, given)}
        if "tables" in given:
            self._decoding["tables"] = given["tables"]

    def encode(self, array: NDArray[Any]) -> bytes:
        """The picture of an array.

        Args:
            array: contiguous, of the codec's shape and data type.

        Raises:
            CodecError: the format cannot hold it.
        """
        room = {} if self.format.room is None else {"out": self.format.room(array.nbytes, self._picture[0])}
        try:
            return bytes(self._encode(array.reshape(self._picture), **self._encoding, **room))
        except (RuntimeError, TypeError, ValueError, OverflowError) as exc:
            about = f"{self._dtype} pictures of {self._picture}"
            raise CodecError(f"codec {self.format.name}: {about} cannot be encoded: {exc}") from exc

    def decode(self, data: memoryview, out: NDArray[np.uint8]) -> None:
        """Decode a picture into `out`.

        What the picture's header declares is looked at first: no decoder is handed a picture of another size
        than is expected.

        Args:
            data: what `encode` gave.
            out: (nbytes,), contiguous.

        Raises:
            ValueError: the picture is damaged, or another than is expected.
        """
        if self._header is not None:
            data = memoryview(b"".join((self._header, data, b"\xff\xd9")))
        shape = self.check_size(data)
        target = out.view(self._dtype).reshape(shape)
        try:
            self._decode(data, out=target, **self._decoding)
        except (RuntimeError, TypeError, OverflowError, MemoryError) as exc:
            raise ValueError(str(exc)) from exc

    def check_size(self, data: memoryview) -> tuple[int, ...]:
        """The shape that a picture is decoded to, by the size that its header declares.

        Raises:
            ValueError: it is of another size than is expected.
        """
        size = self.format.size(data)
        shape = self._readable.get(size)
        if shape is None:
            expected = " or ".join(f"{height} x {width}" for height, width in self._readable)
            raise ValueError(f"a picture of {size[0]} x {size[1]}, expected {expected}")
        return shape


def _library(format: ImageFormat) -> ModuleType:
    library = import_optional("imagecodecs", extra="images")
    if not getattr(library, format.flag).available:
        raise CodecError(
            f"codec {format.name}: this build of imagecodecs {library.__version__} comes without it; "
            f"install another one: pip install --upgrade 'unienv-data[images]'"
        )
    return library


def _checked(format: ImageFormat, configuration: Configuration) -> dict[str, Any]:
    """The configuration without what says nothing."""
    given = {key: value for key, value in configuration.items() if value is not None}
    if given.keys() - format.keys:
        unknown = ", ".join(sorted(given.keys() - format.keys))
        known = ", ".join(sorted(format.keys)) or "nothing"
        raise CodecError(f"codec {format.codec}: unknown configuration {unknown}; it takes {known}")
    for key in format.binary & given.keys():
        if isinstance(given[key], str):
            given[key] = base64.b64decode(given[key])
    return given


def _arguments(names: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    found = {argument: given[key] for key, argument in names.items() if key in given}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}
