"""Where the axes of images are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from unienv_interface.errors import SpaceError
from unienv_interface.space.space_utils.document_reading import count
from unienv_interface.space.spaces.aliases import AnyBinary, AnyBox

__all__ = ["LAYOUTS", "check_layout", "check_length", "image_axes", "lengths", "likely_layout"]

LAYOUTS: Mapping[str, tuple[int, int]] = MappingProxyType({"CHW": (-2, -1), "HW": (-2, -1), "HWC": (-3, -2)})
"""The layouts of images: their letters are the last axes, and the numbers those of height and width."""

lengths = count
"""Reads a length."""

_CHANNELS = (1, 3, 4)


def likely_layout(shape: tuple[int, ...]) -> str | None:
    """The layout of the last axes of arrays of a shape, as their lengths suggest; None where they do not.

    Example:
        >>> [likely_layout(shape) for shape in ((96, 128, 3), (2, 3, 96, 128), (96, 128), (7,))]
        ['HWC', 'CHW', 'HW', None]
    """
    if len(shape) >= 3 and shape[-1] in _CHANNELS:
        return "HWC"
    if len(shape) >= 3 and shape[-3] in _CHANNELS:
        return "CHW"
    return "HW" if len(shape) == 2 else None


def check_layout(argument: str, layout: Any) -> str:
    """A layout.

    Raises:
        SpaceError: there is no such layout.
    """
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise SpaceError(f"{argument}: expected one of {', '.join(LAYOUTS)}, got {layout!r}")
    return layout


def check_length(argument: str, length: Any, least: int = 1) -> int:
    """A number of pixels.

    Raises:
        SpaceError: it is no integer, or less than `least`.
    """
    if isinstance(length, bool) or not isinstance(length, int) or length < least:
        raise SpaceError(f"{argument}: expected an integer that is at least {least}, got {length!r}")
    return length


def image_axes(space: AnyBox | AnyBinary, layout: str, who: str) -> tuple[int, int]:
    """The axes of height and width of the arrays of a space, counted from the front.

    Raises:
        SpaceError: the arrays have too few axes, or no pixels.
    """
    ndim = len(space.shape)
    if ndim < len(layout):
        raise SpaceError(f"{who}: expected arrays (*batch, {', '.join(layout)}), got shape {space.shape}")
    height, width = (ndim + axis for axis in LAYOUTS[layout])
    if 0 in (space.shape[height], space.shape[width]):
        raise SpaceError(f"{who}: expected images with pixels, got shape {space.shape} in {layout}")
    return height, width
