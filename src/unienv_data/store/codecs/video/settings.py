"""How frames are encoded: a codec, its quality, its groups. What stands in Zarr's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unienv_data.errors import CodecError
from unienv_data.store.codecs.base import ChunkShape
from unienv_data.store.codecs.video.frames import LAYOUTS, Pictures, layout_of
from unienv_data.store.codecs.video.payload import MOST_IN_GROUP

__all__ = ["FAMILIES", "NAME", "Family", "VideoSettings"]

NAME = "unienv_data.video"
"""The codec's name in Zarr's metadata."""

_X264 = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")


@dataclass(frozen=True)
class Family:
    """One of the codecs that frames can be encoded by.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        format: FFmpeg's name of what it makes.
        rgb: pixel format of colours, or None where it takes none.
        grey: pixel format of grey, by bits.
        gop: frames in a group, unless somebody says otherwise.
        crf: the usual and the largest crf; None where there is no such thing.
        presets: the presets, from fast to slow; empty where there are none.
        preset: the usual one.
        is_lossless: whether it always is.
        grey_lossless: whether it can be, with grey.
        align: sides of a picture are multiples of this ...
        least: ... and at least this.
    """

    encoder: str
    format: str
    rgb: str | None
    grey: Mapping[int, str]
    gop: int
    crf: tuple[int, int] | None = None
    presets: tuple[str, ...] = ()
    preset: str | None = None
    is_lossless: bool = False
    grey_lossless: bool = False
    align: int = 2
    least: int = 16


FAMILIES: Mapping[str, Family] = {
    "h264": Family(
        encoder="libx264",
        format="h264",
        rgb="yuv420p",
        grey={8: "gray", 10: "gray10le"},
        gop=16,
        crf=(23, 51),
        presets=_X264,
        preset="medium",
        grey_lossless=True,
    ),
    "hevc": Family(
        encoder="libx265",
        format="hevc",
        rgb="yuv420p",
        grey={8: "gray", 10: "gray10le", 12: "gray12le"},
        gop=16,
        crf=(26, 51),
        presets=_X264,
        preset="fast",  # and not lossless: x265 then makes a wrong frame now and then
    ),
    "av1": Family(
        encoder="libsvtav1",
        format="av1",
        rgb="yuv420p",
        grey={8: "yuv420p", 10: "yuv420p10le"},
        gop=16,
        crf=(30, 63),
        presets=tuple(str(preset) for preset in range(13, -1, -1)),
        preset="8",
    ),
    "ffv1": Family(
        encoder="ffv1",
        format="ffv1",
        rgb="bgr0",
        grey={8: "gray", **{bits: f"gray{bits}le" for bits in (9, 10, 12, 14, 16)}},
        gop=1,
        is_lossless=True,
        align=1,
        least=1,
    ),
    "h264rgb": Family(
        encoder="libx264rgb",
        format="h264",
        rgb="rgb24",
        grey={},
        gop=16,
        presets=_X264,
        preset="medium",
        is_lossless=True,
        align=1,
        least=1,
    ),
}


@dataclass(frozen=True)
class VideoSettings:
    """How new rows are encoded; what is read says by itself how to decode it.

    Attributes:
        codec: one of FAMILIES.
        gop: frames in a group, at most.
        layout: where the channels of a row stand.
        bits: of a value: 8 for uint8, up to 16 for uint16.
        crf: quality, lower is better; None where it is lossless.
        preset: speed against size; None where there is no choice.
    """

    codec: str
    gop: int
    layout: str
    bits: int
    crf: int | None
    preset: str | None

    @property
    def family(self) -> Family:
        """The codec's properties."""
        return FAMILIES[self.codec]

    @property
    def is_lossless(self) -> bool:
        """Whether frames come back as they were."""
        return self.crf is None

    @classmethod
    def chosen(cls, codec: str, chunk: ChunkShape, options: Mapping[str, Any]) -> VideoSettings:
        """The settings for a column, of which `options` says some.

        Args:
            codec: one of FAMILIES.
            chunk: the column.
            options: of crf, preset, gop, bits, layout, lossless.

        Raises:
            CodecError: an option is unknown or has no such value, or the column's rows are no such frames.
        """
        family = _family(codec)
        layout = options.get("layout", layout_of(chunk))
        lossless = options.get("lossless", False) or family.is_lossless
        settings = cls(
            codec=codec,
            gop=options.get("gop", family.gop),
            layout=layout,
            bits=options.get("bits", 8 * chunk.dtype.itemsize),
            crf=None if lossless else options.get("crf", family.crf[0] if family.crf else None),
            preset=options.get("preset", family.preset),
        )
        known = {"gop", "layout", "bits"} | ({"crf", "lossless"} if family.crf else set())
        known |= {"preset"} if family.presets else set()
        unknown = sorted(options.keys() - known)
        if unknown or ("crf" in options and lossless):
            refused = ", ".join(unknown or ["crf of what is lossless"])
            raise CodecError(f"video codec {codec}: takes {', '.join(sorted(known))}; got {refused}")
        settings.check(chunk)
        return settings

    @classmethod
    def from_configuration(cls, configuration: Mapping[str, Any]) -> VideoSettings:
        """The settings that Zarr's metadata hold.

        Raises:
            CodecError: they are none.
        """
        wanted = {"codec", "gop", "layout", "bits", "crf", "preset"}
        if configuration.keys() != wanted:
            raise CodecError(f"codec {NAME}: expected {', '.join(sorted(wanted))}, got {dict(configuration)}")
        settings = cls(**configuration)
        settings.check(None)
        return settings

    def to_configuration(self) -> dict[str, Any]:
        """What Zarr's metadata hold."""
        return {
            "codec": self.codec,
            "gop": self.gop,
            "layout": self.layout,
            "bits": self.bits,
            "crf": self.crf,
            "preset": self.preset,
        }

    def check(self, chunk: ChunkShape | None) -> None:
        """See that there is such an encoding, of the rows of a column where one is given.

        Raises:
            CodecError: there is not.
        """
        family, where = _family(self.codec), f"video codec {self.codec}"
        if not _is_integer(self.gop, 1, MOST_IN_GROUP):
            raise CodecError(f"{where}: gop must be from 1 to {MOST_IN_GROUP}, got {self.gop!r}")
        if self.layout not in LAYOUTS:
            raise CodecError(f"{where}: layout must be one of {', '.join(LAYOUTS)}, got {self.layout!r}")
        pictures = None if chunk is None else Pictures.of(chunk, self.layout)
        if not _is_integer(self.bits, 8, 16):
            raise CodecError(f"{where}: bits must be from 8 to 16, got {self.bits!r}")
        if self.crf is not None and not (family.crf and _is_integer(self.crf, 0, family.crf[1])):
            most = f"from 0 to {family.crf[1]}" if family.crf else "left out: nothing is lost"
            raise CodecError(f"{where}: crf must be {most}, got {self.crf!r}")
        if self.preset not in (family.presets or (None,)):
            known = f"one of {', '.join(family.presets)}" if family.presets else "left out"
            raise CodecError(f"{where}: preset must be {known}, got {self.preset!r}")
        if pictures is not None:
            self._check_pictures(pictures)

    def _check_pictures(self, pictures: Pictures) -> None:
        family, where = self.family, f"video codec {self.codec}"
        if not pictures.is_grey:
            if family.rgb is None:
                raise CodecError(f"{where}: takes no colours")
            if self.is_lossless and not family.is_lossless:
                raise CodecError(f"{where}: colours lose in it; ffv1 and h264rgb keep them as they are")
            return
        if pictures.dtype.itemsize == 1 and self.bits != 8:
            raise CodecError(f"{where}: values of uint8 have 8 bits, got bits={self.bits}")
        if self.bits not in family.grey:
            can = f"values of {', '.join(map(str, family.grey))} bits" if family.grey else "no grey"
            raise CodecError(
                f"{where}: takes {can}, got {self.bits}; bits= says how many are used, and ffv1 takes 16"
            )
        if self.is_lossless and not (family.is_lossless or family.grey_lossless):
            raise CodecError(f"{where}: always loses; ffv1 keeps frames as they are")

    def pixel_format(self, pictures: Pictures) -> str:
        """What is encoded."""
        return self.family.grey[self.bits] if pictures.is_grey else str(self.family.rgb)

    def decoded_format(self, pictures: Pictures) -> str:
        """What frames are converted to once they are decoded."""
        if not pictures.is_grey:
            return "rgb24"
        return "gray" if pictures.dtype.itemsize == 1 else f"gray{self.bits}le"


def _family(codec: Any) -> Family:
    if codec not in FAMILIES:
        raise CodecError(f"video codec {codec!r}: known are {', '.join(FAMILIES)}")
    return FAMILIES[codec]


def _is_integer(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
