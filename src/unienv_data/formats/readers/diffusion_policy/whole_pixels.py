"""Frames that were kept as floats, though their values are whole numbers of 0 to 255."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ConversionError

__all__ = ["as_pixels", "is_float_image"]

_LEAST_SIDE = 8


def is_float_image(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bool:
    """Whether rows look like frames of floats: (H, W, C) or (C, H, W) of 1, 3 or 4 channels."""
    if dtype.kind != "f" or len(shape) != 3:
        return False
    last, first = shape[-1] in (1, 3, 4), shape[0] in (1, 3, 4)
    return (last and min(shape[:2]) >= _LEAST_SIDE) or (first and min(shape[1:]) >= _LEAST_SIDE)


def as_pixels(values: NDArray[Any], where: str, first: int, option: str) -> NDArray[np.uint8]:
    """The values as uint8, (B, *D), none of which changes.

    Args:
        values: (B, *D) floats.
        where: the array's address, for messages.
        first: the first row's number.
        option: what chose this, for messages.

    Raises:
        ConversionError: a value would change; names its row.
    """
    with np.errstate(invalid="ignore"):
        pixels = values.astype(np.uint8)
    same = pixels == values
    if not same.all():
        row, *place = (int(number) for number in np.argwhere(~same)[0])
        value = values[(row, *place)]
        raise ConversionError(
            f"{where}: row {first + row} holds {value} at {place}, which uint8 has no place for; leave out "
            f"--option {option} to keep the floats"
        )
    return pixels
