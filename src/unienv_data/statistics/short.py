"""Many short episodes at once: what is known of each, without a loop over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unienv_data.statistics.column import QUANTILES, STATISTICS
from unienv_data.statistics.ranks import between, ranks_of

__all__ = ["of_each"]


def of_each(numbers: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The statistics of consecutive groups of numbers.

    Args:
        numbers: (N, S), all finite.
        counts: how many are in each group (E,), at least 1 each, N together.

    Returns:
        (E, 9, S), in the order of STATISTICS.
    """
    starts = np.cumsum(counts) - counts
    each = counts[:, np.newaxis]
    mean = np.add.reduceat(numbers, starts, axis=0) / each
    apart = numbers - np.repeat(mean, counts, axis=0)
    rest = np.add.reduceat(apart, starts, axis=0) / each
    squares = np.add.reduceat(apart * apart, starts, axis=0) / each - rest * rest
    found = {
        "mean": mean + rest,
        "std": np.sqrt(np.maximum(squares, 0)),
        "min": np.minimum.reduceat(numbers, starts, axis=0),
        "max": np.maximum.reduceat(numbers, starts, axis=0),
    }
    ordered = _ordered(numbers, np.repeat(np.arange(len(counts)), counts))
    for name, share in QUANTILES.items():
        low, high, part = ranks_of(share, counts)
        found[name] = between(ordered[starts + low], ordered[starts + high], part[:, np.newaxis])
    return np.stack([found[name] for name in STATISTICS], axis=1)


def _ordered(numbers: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """The numbers of each series, sorted within their groups."""
    columns = [column[np.lexsort((column, groups))] for column in numbers.T]
    return np.stack(columns, axis=1) if columns else numbers
