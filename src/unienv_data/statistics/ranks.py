"""Where quantiles stand among sorted numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["between", "ranks_of"]


def ranks_of(
    share: float, counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Between which two of so many sorted numbers a quantile lies, and how far.

    NumPy's method "linear": the quantile p of n numbers stands at p * (n - 1).

    Args:
        share: p, from 0 to 1.
        counts: n of each series (S,).

    Returns:
        The ranks before and after, and the part of the way, each (S,).

    Example:
        >>> ranks_of(0.5, np.array([4]))
        (array([1]), array([2]), array([0.5]))
    """
    place = share * np.maximum(counts - 1, 0)
    low = np.floor(place).astype(np.int64)
    return low, np.minimum(low + 1, np.maximum(counts - 1, 0)), place - low


def between(
    before: NDArray[np.float64], after: NDArray[np.float64], part: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What lies a part of the way from one number to another; equal ones, infinities too, stay the same."""
    with np.errstate(invalid="ignore", over="ignore"):
        middle = before + (after - before) * part
    return np.where((before == after) | (part == 0), before, middle)
