"""Images flipped, resized, and in another order of channels."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.conversion.shaping.changes import Change, Place, changed_column, shown
from unienv_data.errors import ConversionError
from unienv_data.formats import SourceColumn
from unienv_interface.space import BinarySpace, BoxSpace
from unienv_interface.transformations import ImageResizeTransformation
from unienv_interface.transformations.image_layout import likely_layout

__all__ = [
    "check_flip",
    "check_order",
    "flip_column",
    "parse_size",
    "reorder_column",
    "resize_column",
]

FLIPS = {"vertical": (0,), "horizontal": (1,), "both": (0, 1)}
"""What `--flip-images` takes, and the axes of (H, W) that turn around."""

ORDERS = ("bgr", "rgb")

_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


def parse_size(text: str) -> tuple[int, int]:
    """The height and width that `96x128` spells.

    Raises:
        ConversionError: it spells none.
    """
    match = _SIZE.fullmatch(text)
    if match is None or not (int(match[1]) and int(match[2])):
        raise ConversionError(f"resize {text!r}: HEIGHTxWIDTH was expected, as 224x224")
    return int(match[1]), int(match[2])


def check_flip(text: str) -> str:
    """One of the ways to flip an image.

    Raises:
        ConversionError: it is none.
    """
    if text not in FLIPS:
        raise ConversionError(f"flip-images {text!r}: one of {', '.join(FLIPS)} was expected")
    return text


def check_order(text: str) -> str:
    """One of the orders of channels.

    Raises:
        ConversionError: it is none.
    """
    if text not in ORDERS:
        raise ConversionError(f"channel-order {text!r}: one of {', '.join(ORDERS)} was expected")
    return text


def flip_column(column: SourceColumn, flip: str) -> tuple[SourceColumn, Change]:
    """The column with its images flipped: `vertical` is upside down, `horizontal` is mirrored.

    Raises:
        ConversionError: it has no images.
    """
    layout = _layout_of(column, "flip-images")
    height = {"HWC": -3, "CHW": -2, "HW": -2}[layout]
    axes = tuple(height + axis for axis in FLIPS[flip])

    def change(values: NDArray[Any], place: Place) -> NDArray[Any]:
        return np.ascontiguousarray(np.flip(values, axes))

    space = column.space
    if isinstance(space, BoxSpace) and any(space.bounds.low.shape[axis] > 1 for axis in axes):
        low, high = (np.flip(bound, axes) for bound in space.bounds.full())
        space = BoxSpace(space.backend, low, high, space.dtype)
    return changed_column(column, space, {"flipped": flip}), change


def reorder_column(column: SourceColumn, order: str) -> tuple[SourceColumn, Change | None]:
    """The column with its images in the order red, green, blue (and alpha), from the one that they have.

    Raises:
        ConversionError: it has no images of three or four channels.
    """
    layout = _layout_of(column, "channel-order")
    axis = {"HWC": -1, "CHW": -3}.get(layout)
    shape = column.space.shape or ()
    if axis is None or shape[axis] not in (3, 4):
        raise ConversionError(f"channel-order: {shown(column)} has images of one channel, {list(shape)}")
    if order == "rgb":
        return column, None
    index = np.array([2, 1, 0, 3][: shape[axis]])

    def change(values: NDArray[Any], place: Place) -> NDArray[Any]:
        return np.take(values, index, axis=axis)

    space = column.space
    if isinstance(space, BoxSpace) and space.bounds.low.shape[axis] > 1:
        low, high = (np.take(bound, index, axis=axis) for bound in space.bounds.full())
        space = BoxSpace(space.backend, low, high, space.dtype)
    return changed_column(column, space, {"channels_were": order}), change


def resize_column(column: SourceColumn, size: tuple[int, int]) -> tuple[SourceColumn, Change | None]:
    """The column with images of another size: linear, and antialiased where they shrink; masks by nearest.

    Raises:
        ConversionError: it has no images.
    """
    layout = _layout_of(column, "resize")
    shape = column.space.shape or ()
    place_of = {"HWC": slice(-3, -1), "CHW": slice(-2, None), "HW": slice(-2, None)}[layout]
    old = tuple(shape[place_of])
    if old == size:
        return column, None
    method = "nearest" if isinstance(column.space, BinarySpace) else "bilinear"
    resize = ImageResizeTransformation(*size, method=method, layout=layout)
    target = resize.get_target_space_from_source(column.space)

    def change(values: NDArray[Any], place: Place) -> NDArray[Any]:
        resized: NDArray[Any] = np.ascontiguousarray(resize.transform(column.space, values))
        return resized

    return changed_column(column, target, {"resized_from": list(old)}, "resized"), change


def _layout_of(column: SourceColumn, option: str) -> str:
    space = column.space
    layout = None
    if isinstance(space, (BoxSpace, BinarySpace)):
        layout = likely_layout(tuple(space.shape))
    if layout is None:
        raise ConversionError(f"{option}: {shown(column)} has no images, but {space!r}")
    return layout
