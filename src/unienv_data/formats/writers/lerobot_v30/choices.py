"""What a user may choose about a LeRobot dataset."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from unienv_data.errors import ConversionError
from unienv_data.formats.base import Facts
from unienv_data.formats.writers.lerobot_v30.features import TITLE
from unienv_data.formats.writers.lerobot_v30.videos import CODECS, LARGEST_CRF, USUAL_CRF, Encoding

__all__ = ["Choices"]

_IMAGES = ("video", "png")


@dataclass(frozen=True)
class Choices:
    """What was chosen.

    Args:
        fps: rows a second; None for what the source says.
        images: what frames become, `video` or `png`.
        encoding: how videos are encoded.
        robot_type: what is called so; None for what the source says.
        copies: whether AV1 packets of the source are kept as they are.
    """

    fps: float | None
    images: str
    encoding: Encoding
    robot_type: str | None
    copies: bool

    HELP: ClassVar[Mapping[str, str]] = {
        "codec": "of videos: av1, the default, as LeRobot's own, whose packets are kept; or h264",
        "crf": "quality of videos, lower is better; 30 with av1, 23 with h264 by default",
        "fps": "rows a second; what the source says by default",
        "gop": "frames in a group of pictures, 2 by default as in LeRobot; more make smaller files",
        "images": "what frames become: video, the default, with loss; or png, without",
        "robot_type": "what LeRobot calls so; what the source says by default",
    }

    @classmethod
    def of(cls, options: Mapping[str, str]) -> Self:
        """What the options say.

        Raises:
            ConversionError: one has no such value.
        """
        codec = options.get("codec", "av1")
        if codec not in CODECS:
            raise ConversionError(f"{TITLE}: codec is {' or '.join(CODECS)}, not {codec!r}")
        images = options.get("images", "video")
        if images not in _IMAGES:
            raise ConversionError(f"{TITLE}: images is {' or '.join(_IMAGES)}, not {images!r}")
        crf = _whole("crf", options.get("crf", str(USUAL_CRF[codec])), 0, LARGEST_CRF[codec])
        gop = _whole("gop", options.get("gop", "2"), 1, 1000)
        fps = _rate(options["fps"]) if "fps" in options else None
        copies = images == "video" and not {"codec", "crf", "gop"} & options.keys()
        return cls(fps, images, Encoding(codec, crf, gop), options.get("robot_type"), copies)

    def fps_of(self, facts: Facts) -> float:
        """Rows a second: as chosen, or as the source says.

        Raises:
            ConversionError: nobody says.
        """
        if self.fps is not None:
            return self.fps
        said = facts.attributes.get("fps")
        if isinstance(said, (int, float)) and not isinstance(said, bool) and 0 < said < math.inf:
            return float(said)
        raise ConversionError(
            f"{TITLE}: the source does not say how many rows a second has: --to-option fps=N"
        )


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < math.inf:
        raise ConversionError(f"{TITLE}: fps is a number of rows a second, not {text!r}")
    return rate


def _whole(name: str, text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ConversionError(f"{TITLE}: {name} is a whole number from {least} to {most}, not {text!r}")
    return int(text)
