"""What people write for pictures, such as `jpeg:95`, `webp:lossless` or `png`, as Zarr codecs.

How much work encoders do is chosen by measurement: each default is about where more of it begins to cost more
than it gains. `lossless` may be left unsaid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from unienv_data.errors import CodecError
from unienv_data.store.codecs.arguments import ParsedCodec, SpecBuilder, integer, named
from unienv_data.store.codecs.base import ChunkShape
from unienv_data.store.codecs.images.formats import FORMATS, ImageFormat
from unienv_data.store.codecs.images.geometry import channel_order, channels_of, picture_shape

__all__ = ["IMAGE_CODECS", "IMAGE_SPECS"]

IMAGE_CODECS: Mapping[str, ImageFormat] = {each.codec: each for each in FORMATS.values()}
"""The formats by the names of their Zarr codecs."""

_LOSSLESS = "lossless"
_SUBSAMPLINGS = ("444", "422", "420")


def _build(
    format: ImageFormat,
    configure: Callable[[ParsedCodec, int], dict[str, Any]],
    parsed: ParsedCodec,
    chunk: ChunkShape,
) -> list[Mapping[str, Any]]:
    order = channel_order(chunk.shape)
    full = chunk.full if order is None else tuple(chunk.full[axis] for axis in order)
    channels = _checked_channels(format, parsed, chunk, full)
    picture: dict[str, Any] = {"name": format.codec}
    configuration = configure(parsed, channels)
    if configuration:
        picture["configuration"] = configuration
    if order is None:
        return [picture]
    return [{"name": "transpose", "configuration": {"order": list(order)}}, picture]


def _checked_channels(
    format: ImageFormat, parsed: ParsedCodec, chunk: ChunkShape, full: tuple[int, ...]
) -> int:
    """The channels of the picture that a chunk becomes, which the format can hold."""
    about = f"codec {parsed.text!r}: {chunk.dtype} rows of shape {chunk.shape}"
    if chunk.rows != 1:
        raise CodecError(
            f"{about}: {format.name} holds one row a chunk, not {chunk.rows}; ask for no other number"
        )
    if chunk.dtype.name not in format.samples:
        raise CodecError(f"{about}: {format.name} holds {' or '.join(format.samples)} pixels")
    try:
        picture = picture_shape(full)
    except ValueError as exc:
        raise CodecError(f"{about}: {exc}") from exc
    channels, held = channels_of(picture), format.samples[chunk.dtype.name]
    if channels not in held:
        expected = " or ".join(map(str, held))
        raise CodecError(f"{about}: {format.name} holds {expected} channels, these pictures have {channels}")
    if max(picture[:2]) > format.longest:
        raise CodecError(
            f"{about}: a picture of {picture[0]} x {picture[1]} pixels; {format.name} holds at most "
            f"{format.longest} a side"
        )
    return channels


def _jpeg(parsed: ParsedCodec, channels: int) -> dict[str, Any]:
    given = named(parsed, "quality", "subsampling")
    level = integer(parsed, "quality", given.get("quality", "95"), 1, 100)
    subsampling = given.get("subsampling", "420")
    if subsampling not in _SUBSAMPLINGS:
        expected = ", ".join(_SUBSAMPLINGS)
        raise CodecError(f"codec {parsed.text!r}: subsampling must be {expected}, got {subsampling!r}")
    return {"level": level} if channels == 1 else {"level": level, "subsampling": subsampling}


def _png(parsed: ParsedCodec, channels: int) -> dict[str, Any]:
    given = named(parsed, "level")
    return {"level": integer(parsed, "level", given.get("level", _PNG_LEVEL), 0, 9)}


def _webp(parsed: ParsedCodec, channels: int) -> dict[str, Any]:
    given = named(parsed, "quality", "method")
    quality = _quality(parsed, given)
    configuration: dict[str, Any] = {"lossless": True} if quality is None else {"level": float(quality)}
    if quality is not None:
        configuration["lossless"] = False
    method = given.get("method", "2" if quality is None else "4")
    configuration["method"] = integer(parsed, "method", method, 0, 6)
    if channels == 4:  # pictures that are opaque by chance come back with their fourth channel
        configuration["hasalpha"] = True
    return configuration


def _jpegxl(parsed: ParsedCodec, channels: int) -> dict[str, Any]:
    given = named(parsed, "quality", "effort")
    quality = _quality(parsed, given)
    configuration: dict[str, Any] = {"lossless": quality is None}
    if quality is not None:
        configuration["level"] = quality
    effort = given.get("effort", "2" if quality is None else "5")
    configuration["effort"] = integer(parsed, "effort", effort, 1, 9)
    return configuration


def _avif(parsed: ParsedCodec, channels: int) -> dict[str, Any]:
    given = named(parsed, "quality", "speed")
    quality = _quality(parsed, given)
    configuration: dict[str, Any] = {} if quality is None else {"level": quality}
    configuration["speed"] = integer(parsed, "speed", given.get("speed", "8"), 0, 10)
    return configuration


def _qoi(parsed: ParsedCodec, channels: int) -> dict[str, Any]:
    named(parsed)
    return {}


def _quality(parsed: ParsedCodec, given: Mapping[str, str]) -> int | None:
    """The quality of a format that can do without loss, which is what None stands for."""
    text = given.get("quality", _LOSSLESS)
    return None if text == _LOSSLESS else integer(parsed, "quality", text, 1, 99)


_PNG_LEVEL = "1"  # higher ones take three times as long for 5 %
_CONFIGURE: Mapping[str, Callable[[ParsedCodec, int], dict[str, Any]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "jpegxl": _jpegxl,
    "avif": _avif,
    "qoi": _qoi,
}

#: Of the formats that are never without loss; the others may be.
_PACKING = {"jpeg": 4}

IMAGE_SPECS: Mapping[str, SpecBuilder] = {
    name: SpecBuilder(partial(_build, format, _CONFIGURE[name]), chunk_rows=1, packing=_PACKING.get(name, 1))
    for name, format in FORMATS.items()
}
"""Names in specifications; a chunk is one row's picture."""
