"""What a user may choose about the shape of what a source gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from unienv_data.conversion.shaping.casting import parse_cast
from unienv_data.conversion.shaping.finals import check_next_observation
from unienv_data.conversion.shaping.pictures import check_flip, check_order, parse_size

__all__ = ["ShapingRules"]


@dataclass(frozen=True)
class ShapingRules:
    """What becomes of the columns of a source, as texts that a user may write.

    A pattern is matched with the source's name of a column and with its path, see `selection.means`.

    Args:
        next_observation: `column`, `row` or `none`, see `finals`.
        rename: path -> path, of columns or of groups.
        cast: pattern -> dtype, as `uint8` or `uint8:lossy`.
        resize: pattern -> `HxW` of images.
        flip_images: pattern -> `vertical`, `horizontal` or `both`.
        channel_order: pattern -> `rgb` or `bgr`: the order in which the source has the channels of images.
        task: the instruction of rows and episodes that have none.

    Raises:
        ConversionError: one cannot be understood.
    """

    next_observation: str = "column"
    rename: Mapping[str, str] = field(default_factory=dict)
    cast: Mapping[str, str] = field(default_factory=dict)
    resize: Mapping[str, str] = field(default_factory=dict)
    flip_images: Mapping[str, str] = field(default_factory=dict)
    channel_order: Mapping[str, str] = field(default_factory=dict)
    task: str | None = None

    def __post_init__(self) -> None:
        check_next_observation(self.next_observation)
        for text in self.cast.values():
            parse_cast(text)
        for text in self.resize.values():
            parse_size(text)
        for text in self.flip_images.values():
            check_flip(text)
        for text in self.channel_order.values():
            check_order(text)
