"""The still image formats that chunks may be stored in: one table.

Names and configurations of the codecs are those of `imagecodecs.zarr`, the Zarr codecs of the imagecodecs
project (the package imagecodecs-zarr registers them), so that either reads what the other writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from unienv_data.store.codecs.images import headers

__all__ = ["FORMATS", "PREFIX", "Configuration", "ImageFormat"]

Configuration: TypeAlias = Mapping[str, Any]

PREFIX = "imagecodecs_"
"""What the names of the codecs begin with."""

_GREY_TO_RGBA = (1, 2, 3, 4)


@dataclass(frozen=True)
class ImageFormat:
    """What is known of a format.

    Attributes:
        name: as in specifications; the codec is `imagecodecs_` and this.
        function: what imagecodecs calls it: `<function>_encode`, `<function>_decode`.
        flag: the attribute of imagecodecs that tells whether it was built with it.
        samples: the data types that it holds, and with how many channels each.
        longest: pixels that a side may have.
        encode: keys of the configuration, and which argument of the encoder each is.
        decode: the same of the decoder.
        size: height and width that an encoded picture declares.
        is_lossless: whether a configuration brings back what was encoded.
        encoding: arguments for the encoder unless the configuration says otherwise.
        decoding: the same for the decoder.
        binary: keys whose values are bytes, written as base64.
        room: bytes to encode a picture into, given its bytes and lines; None leaves that to imagecodecs.
    """

    name: str
    function: str
    flag: str
    samples: Mapping[str, tuple[int, ...]]
    longest: int
    encode: Mapping[str, str]
    decode: Mapping[str, str]
    size: Callable[[memoryview], tuple[int, int]]
    is_lossless: Callable[[Configuration], bool]
    encoding: Mapping[str, Any] = field(default_factory=dict)
    decoding: Mapping[str, Any] = field(default_factory=dict)
    binary: frozenset[str] = frozenset()
    room: Callable[[int, int], int] | None = None

    @property
    def codec(self) -> str:
        """The name of the Zarr codec."""
        return PREFIX + self.name

    @property
    def keys(self) -> frozenset[str]:
        """What a configuration may hold."""
        return frozenset(self.encode) | frozenset(self.decode) | self.binary


def _keys(*names: str, **renamed: str) -> dict[str, str]:
    return {**{name: name for name in names}, **renamed}


def _always(configuration: Configuration) -> bool:
    return True


def _webp_lossless(configuration: Configuration) -> bool:
    return configuration.get("lossless") in (None, True)


def _jpegxl_lossless(configuration: Configuration) -> bool:
    if configuration.get("bitspersample") is not None:
        return False
    untouched = configuration.get("level") is None and configuration.get("distance") is None
    return configuration.get("lossless") is True or (configuration.get("lossless") is None and untouched)


def _avif_lossless(configuration: Configuration) -> bool:
    changed = ("bitspersample", "pixelformat", "matrix")
    level = configuration.get("level")
    return (level is None or level >= 100) and all(configuration.get(key) is None for key in changed)


_JPEG = ImageFormat(
    name="jpeg",
    function="jpeg8",
    flag="JPEG8",
    samples={"uint8": (1, 3)},
    longest=65500,
    encode=_keys(
        *("level", "bitspersample", "subsampling", "optimize", "smoothing", "lossless", "predictor"),
        colorspace_data="colorspace",
        colorspace_jpeg="outcolorspace",
    ),
    decode=_keys("tables", "fancyupsampling", colorspace_jpeg="colorspace", colorspace_data="outcolorspace"),
    size=headers.jpeg_size,
    is_lossless=lambda configuration: configuration.get("lossless") is True,
    binary=frozenset({"tables", "header"}),
)

_PNG = ImageFormat(
    name="png",
    function="png",
    flag="PNG",
    samples={"uint8": _GREY_TO_RGBA, "uint16": _GREY_TO_RGBA},
    longest=1_000_000,  # libpng's own limit
    encode=_keys("level", "strategy", "filter", "primaries", "transfer", "matrix"),
    decode={},
    size=headers.png_size,
    is_lossless=_always,
    # imagecodecs forgets the byte that begins a line, and the fastest level may give a byte nine bits: there
    # would be no room for noise.
    room=lambda nbytes, lines: (nbytes + lines) * 5 // 4 + 4096,
)

_WEBP = ImageFormat(
    name="webp",
    function="webp",
    flag="WEBP",
    samples={"uint8": (3, 4)},
    longest=16383,
    encode=_keys("level", "lossless", "method", "numthreads", "delay"),
    decode=_keys("index", "hasalpha"),
    size=headers.webp_size,
    is_lossless=_webp_lossless,
)

_JPEGXL = ImageFormat(
    name="jpegxl",
    function="jpegxl",
    flag="JPEGXL",
    samples={"uint8": _GREY_TO_RGBA, "uint16": _GREY_TO_RGBA},
    longest=1 << 18,
    encode=_keys(
        *("level", "effort", "distance", "lossless", "decodingspeed", "bitspersample", "photometric"),
        *("planar", "primaries", "transfer", "perceptualheuristics", "usecontainer", "numthreads"),
    ),
    decode=_keys("index", "keeporientation", "numthreads"),
    size=headers.jpegxl_size,
    is_lossless=_jpegxl_lossless,
    encoding={"numthreads": 1},
    decoding={"numthreads": 1},
)

_AVIF = ImageFormat(
    name="avif",
    function="avif",
    flag="AVIF",
    samples={"uint8": (1, 3)},  # an opaque alpha channel is left out by the encoder, and does not come back
    longest=32768,
    encode=_keys(
        *("level", "speed", "tilelog2", "bitspersample", "pixelformat", "codec", "primaries", "transfer"),
        *("matrix", "numthreads"),
    ),
    decode=_keys("index", "numthreads", codec_decode="codec"),
    size=headers.avif_size,
    is_lossless=_avif_lossless,
    encoding={"numthreads": 1},
    decoding={"numthreads": 1},
)

_QOI = ImageFormat(
    name="qoi",
    function="qoi",
    flag="QOI",
    samples={"uint8": (3, 4)},
    longest=1 << 20,
    encode=_keys("colorspace"),
    decode={},
    size=headers.qoi_size,
    is_lossless=_always,
)

FORMATS: Mapping[str, ImageFormat] = {each.name: each for each in (_JPEG, _PNG, _WEBP, _JPEGXL, _AVIF, _QOI)}
"""Every format, by name."""
