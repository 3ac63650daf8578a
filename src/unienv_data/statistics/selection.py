"""The numbers of given ranks, without sorting all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["at_ranks"]

_BINS = 4096
_FEW = 8192  # fewer are sorted at once


def at_ranks(numbers: NDArray[Any], ranks: NDArray[np.int64]) -> NDArray[Any]:
    """What stands at some places of the sorted numbers.

    Numbers fall into bins of equal width between the least and the greatest, and only the bins with a wanted
    rank are sorted: a bin's number never falls as the number grows, whatever is rounded. NaN stands behind
    all numbers.

    Args:
        numbers: (N,), at least one.
        ranks: places from 0 to N - 1 (K,).

    Returns:
        (K,), of the numbers' dtype.

    Example:
        >>> at_ranks(np.array([3, 1, 2]), np.array([0, 2]))
        array([1, 3])
    """
    bins = None if len(numbers) < _FEW else _bins_of(numbers)
    if bins is None:
        return np.sort(numbers)[ranks]
    upto = np.bincount(bins, minlength=_BINS).cumsum()
    places = np.searchsorted(upto, ranks, side="right")
    found = np.empty(len(ranks), numbers.dtype)
    for place in np.unique(places).tolist():
        mine = places == place
        before = int(upto[place - 1]) if place else 0
        found[mine] = np.sort(numbers[bins == place])[ranks[mine] - before]
    return found


def _bins_of(numbers: NDArray[Any]) -> NDArray[np.uint16] | None:
    """The bin of each number (N,); None where there are no bins of equal width."""
    least, most = numbers.min(), numbers.max()
    is_wide = numbers.dtype.itemsize > 4 or numbers.dtype.kind != "f"
    exact = np.dtype(np.float64 if is_wide else np.float32)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        low = exact.type(least)
        width = exact.type(_BINS) / (exact.type(most) - low)
        if not (np.isfinite(low) and np.isfinite(width) and width > 0):
            return None
        scaled = np.subtract(numbers, low, dtype=exact)
        scaled *= width
    np.minimum(scaled, _BINS - 1, out=scaled)
    bins: NDArray[np.uint16] = scaled.astype(np.uint16)
    return bins
