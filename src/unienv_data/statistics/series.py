"""Which numbers of a column's rows are counted together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.space import BinarySpace, BoxSpace
from unienv_interface.space.space import AnySpace
from unienv_interface.transformations.image_layout import LAYOUTS, likely_layout

__all__ = ["Series", "series_of"]

MOST_ELEMENTS = 4096
"""Elements of a row that each have statistics of their own; of larger rows, those of the last axis have."""

_LEAST_SIDE = 16  # pixels: below, an array of two axes, or of fractions, is rather no image


@dataclass(frozen=True)
class Series:
    """How the rows of a column are counted.

    Attributes:
        dtype: of the values.
        row_shape: `D`, one row's.
        pooled: axes of a row along which all numbers are counted together.
        scale: what values are divided by: 255 for images of 8 bits, whose statistics are of numbers from 0
            to 1, and 1 for everything else.
        is_image: whether the rows are images.
    """

    dtype: np.dtype[Any]
    row_shape: tuple[int, ...]
    pooled: tuple[int, ...] = ()
    scale: int = 1
    is_image: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """`S`, that of each statistic; it broadcasts to a row's shape."""
        kept = [1 if axis in self.pooled else length for axis, length in enumerate(self.row_shape)]
        first = next((axis for axis in range(len(kept)) if axis not in self.pooled), len(kept))
        return tuple(kept[first:])

    @property
    def size(self) -> int:
        """How many series there are."""
        return math.prod(self.shape)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return math.prod(self.row_shape) * self.dtype.itemsize

    def split(self, values: NDArray[Any]) -> NDArray[Any]:
        """Rows (B, *D) as numbers (N, S): N is B, times the numbers of a row that are counted together."""
        others = [axis + 1 for axis in range(len(self.row_shape)) if axis not in self.pooled]
        order = [0, *(axis + 1 for axis in self.pooled), *others]
        return values.transpose(order).reshape(-1, self.size) if self.size else values.reshape(0, 0)


def series_of(space: AnySpace) -> Series | None:
    """How a column of these values is counted; None where they are no arrays of one shape.

    Images are counted by channel, over all pixels: whole numbers of 8 or 16 bits with 1, 3 or 4 channels, and
    other arrays with such channels, or of two axes and 8 or 16 bits, of at least 16 x 16.
    """
    if not isinstance(space, (BoxSpace, BinarySpace)):
        return None
    dtype, shape = np.dtype(space.dtype), tuple(space.shape)
    layout = likely_layout(shape)
    if layout is not None and _is_image(dtype, shape, layout):
        axes = tuple(len(shape) + axis for axis in LAYOUTS[layout])
        before = range(len(shape) - len(layout))
        return Series(dtype, shape, (*before, *axes), 255 if dtype == np.uint8 else 1, is_image=True)
    if math.prod(shape) <= MOST_ELEMENTS:
        return Series(dtype, shape)
    kept = len(shape) - 1 if shape[-1] <= MOST_ELEMENTS else len(shape)
    return Series(dtype, shape, tuple(range(kept)))


def _is_image(dtype: np.dtype[Any], shape: tuple[int, ...], layout: str) -> bool:
    sides = [shape[axis] for axis in LAYOUTS[layout]]
    is_small_number = dtype.kind == "u" and dtype.itemsize <= 2
    if len(layout) == 3 and is_small_number:
        return min(sides) > 0
    return min(sides) >= _LEAST_SIDE and dtype.kind != "b" and (len(layout) == 3 or is_small_number)
