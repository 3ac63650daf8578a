"""Many short episodes at once: what is known of each, without a loop over them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.statistics.column import QUANTILES, STATISTICS
from unienv_data.statistics.ranks import between, ranks_of

__all__ = ["of_each"]


def of_each(numbers: NDArray[Any], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The statistics of consecutive groups of numbers.

    Args:
        numbers: (N, S), all finite.
        counts: how many are in each group (E,), at least 1 each, N together.

    Returns:
        (E, 9, S), in the order of STATISTICS.
    """
    stops = np.cumsum(counts)
    starts = stops - counts
    each = counts[:, np.newaxis]
    apart = numbers.astype(np.float64)
    mean = np.add.reduceat(apart, starts, axis=0) / each
    apart -= np.repeat(mean, counts, axis=0)
    rest = np.add.reduceat(apart, starts, axis=0) / each
    np.multiply(apart, apart, out=apart)
    squares = np.add.reduceat(apart, starts, axis=0) / each - rest * rest
    ordered = np.array(numbers.T, order="C")  # (S, N): each group's part of a series lies in one piece
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        ordered[:, start:stop].sort(axis=1)
    found = {
        "mean": mean + rest,
        "std": np.sqrt(np.maximum(squares, 0)),
        "min": ordered[:, starts].T,
        "max": ordered[:, stops - 1].T,
    }
    for name, share in QUANTILES.items():
        low, high, part = ranks_of(share, counts)
        before, after = (ordered[:, starts + rank].T.astype(np.float64) for rank in (low, high))
        found[name] = between(before, after, part[:, np.newaxis])
    return np.stack([found[name] for name in STATISTICS], axis=1)
