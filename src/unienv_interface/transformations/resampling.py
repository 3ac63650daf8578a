"""How much of each pixel of a line goes into each pixel of a line of another length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["METHODS", "Taps", "taps_between"]

METHODS = ("area", "bilinear", "nearest")
"""How lines are resampled."""


@dataclass(frozen=True, eq=False)
class Taps:
    """The weighted sum that each new pixel is: of K old ones.

    Attributes:
        index: int64 (K, new), which old pixels; valid also where the weight is 0.
        weight: float64 (K, new), how much of each; at least 0, and 1 in all for each new pixel.
    """

    index: NDArray[np.int64]
    weight: NDArray[np.float64]

    def __iter__(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        return zip(self.index, self.weight, strict=True)


@lru_cache(maxsize=256)
def taps_between(old: int, new: int, method: str, antialias: bool) -> Taps:
    """The taps that make a line of `new` pixels from one of `old`.

    Pixels are intervals of equal length; both lines cover the same. Beyond the ends there is nothing, and
    weights are made to sum to 1.

    - `nearest`: the old pixel in which the middle of the new one lies.
    - `bilinear`: a triangle around the middle of the new pixel, half a base of one old pixel; with
      `antialias`, of one new pixel where that is longer.
    - `area`: as much of each old pixel as the new one covers.
    """
    pixel = np.arange(new, dtype=np.int64)
    if method == "nearest":
        index = (2 * pixel + 1) * old // (2 * new)
        return _frozen(index[None], np.ones((1, new)))
    # Whole numbers, in units of 1 / (2 * new) of an old pixel, so that weights of 0 are 0.
    if method == "area":
        start, stop = 2 * pixel * old, 2 * (pixel + 1) * old
    else:
        reach = 2 * (max(old, new) if antialias else new)
        middle = (2 * pixel + 1) * old
        start, stop = middle - reach, middle + reach
    step = 2 * new
    first = np.maximum(start // step, 0)
    count = int((np.minimum(-(-stop // step), old) - first).max())
    candidates = first + np.arange(count + 1, dtype=np.int64)[:, None]
    if method == "area":
        weight = np.minimum((candidates + 1) * step, stop) - np.maximum(candidates * step, start)
    else:
        weight = reach - np.abs((2 * candidates + 1) * new - middle)
    weight = np.where(candidates < old, np.maximum(weight, 0), 0)
    used = weight.any(axis=1)
    index = np.minimum(candidates, old - 1)[used]
    return _frozen(index, weight[used] / weight.sum(axis=0))


def _frozen(index: NDArray[Any], weight: NDArray[Any]) -> Taps:
    for array in (index, weight):
        array.flags.writeable = False
    return Taps(index, weight)
