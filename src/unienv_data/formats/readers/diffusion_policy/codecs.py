"""How the chunks of Zarr v2 arrays are decoded: numcodecs' codecs, and imagecodecs' by their names there."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numcodecs
import numpy as np
from numcodecs.abc import Codec
from numpy.typing import NDArray

from unienv_data.errors import ConversionError
from unienv_interface._optional import import_optional

__all__ = ["ChunkDecoder", "codec_of", "lossy_name"]

_IMAGECODECS = "imagecodecs_"
_PICKLE = "pickle"
_BLOSC_HEADER = 16


@dataclass(frozen=True)
class ChunkDecoder:
    """What turns the bytes of a chunk into its values.

    Args:
        codecs: in the order in which they decode: the compressor, then the filters from the last on.
        dtype: of the values, in their byte order.
        shape: of a chunk.
        order: `C` or `F`.
    """

    codecs: Sequence[Codec]
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: str

    def decode_into(self, data: bytes, out: NDArray[Any]) -> bool:
        """Decode straight to where the values belong; returns whether that was possible.

        Args:
            data: of a chunk.
            out: contiguous, of the chunk's shape.

        Raises:
            ValueError: the chunk is damaged.
        """
        plain = self.order == "C" and self.dtype.kind not in "OSU" and self.dtype.isnative
        if not plain or len(self.codecs) != 1 or not isinstance(self.codecs[0], numcodecs.Blosc):
            return False
        if _check_blosc(data) != out.nbytes:
            raise ValueError(f"blosc: the chunk's values are not {list(self.shape)} {self.dtype}")
        try:
            self.codecs[0].decode(data, out=out.reshape(-1).view(np.uint8))
        except Exception as exc:  # a RuntimeError
            raise ValueError(f"blosc: {exc}") from exc
        return True

    def decode(self, data: bytes) -> NDArray[Any]:
        """The values, of the chunk's shape.

        Raises:
            ValueError: the chunk is damaged.
        """
        decoded: Any = data
        for codec in self.codecs:
            if isinstance(codec, numcodecs.Blosc):
                _check_blosc(decoded)
            try:
                decoded = codec.decode(decoded)
            except Exception as exc:  # each codec has an exception of its own, a RuntimeError or not
                raise ValueError(f"{codec.codec_id}: {exc}") from exc
        values = np.asarray(decoded) if isinstance(decoded, np.ndarray) else np.frombuffer(decoded, np.uint8)
        if values.dtype != self.dtype:
            values = np.frombuffer(np.ascontiguousarray(values).data, np.uint8)
            if values.nbytes % self.dtype.itemsize:
                raise ValueError(f"{values.nbytes} bytes, which are no whole number of {self.dtype}")
            values = values.view(self.dtype)
        if values.size != int(np.prod(self.shape, dtype=np.int64)):
            raise ValueError(f"{values.size} values, where {list(self.shape)} are expected")
        return values.reshape(self.shape, order="F" if self.order == "F" else "C")


def _check_blosc(data: Any) -> int:
    """How many bytes the chunk decodes to.

    Blosc believes what the header says of the length; a chunk that is cut would be read beyond its end.
    Source: README_CHUNK_FORMAT of c-blosc 1: nbytes in bytes 4 to 7, cbytes in bytes 12 to 15.
    """
    view = memoryview(data).cast("B")
    if len(view) < _BLOSC_HEADER or int.from_bytes(view[12:16], "little") != len(view):
        raise ValueError(f"blosc: {len(view)} bytes, which are not what the chunk's header says")
    return int.from_bytes(view[4:8], "little")


def codec_of(config: Mapping[str, Any]) -> Codec:
    """The codec that a `.zarray` names.

    Raises:
        ConversionError: there is none of that name, or its settings are of no use.
        MissingDependencyError: it is one of imagecodecs', which is not installed.
    """
    name = str(config.get("id"))
    if name == _PICKLE:
        raise ConversionError("its values are pickles, which run whatever code their writer put in them")
    settings = {key: value for key, value in config.items() if key != "id"}
    try:
        if name.startswith(_IMAGECODECS):
            kind = _image_codecs().get(name)
            if kind is None:
                raise ConversionError(f"this imagecodecs has no codec {name}")
            # Of other releases, and of diffusion-policy's own copy, which all decode alike.
            known = inspect.signature(kind).parameters
            return kind(**{key: value for key, value in settings.items() if key in known})
        return numcodecs.get_codec({"id": name, **settings})
    except (ValueError, TypeError, KeyError) as exc:
        raise ConversionError(f"the codec {dict(config)} cannot be made: {exc}") from exc


def _image_codecs() -> dict[str, type[Codec]]:
    """Found by their names, rather than registered: a registry is the whole process's."""
    module = import_optional("imagecodecs.numcodecs", extra="images")
    members: list[Any] = [each for each in vars(module).values() if isinstance(each, type)]
    return {str(each.codec_id): each for each in members if issubclass(each, Codec) and each.codec_id}


def lossy_name(config: Mapping[str, Any] | None) -> str | None:
    """`jpeg`, `jpeg2k`, `jpegxl` ... where such a codec may have changed the values."""
    name = str((config or {}).get("id"))
    if not config or not name.startswith(_IMAGECODECS):
        return None
    short = name.removeprefix(_IMAGECODECS)
    is_lossless = {
        "jpeg2k": bool(config.get("reversible")) or not config.get("level"),
        "jpegxl": config.get("level") is None and not config.get("distance"),
        "webp": bool(config.get("lossless")),
    }
    return None if is_lossless.get(short, not short.startswith(("jpeg", "avif"))) else short
