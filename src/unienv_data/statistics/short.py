"""Many short episodes at once: what is known of each, without a loop over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.statistics.column import QUANTILES, STATISTICS
from unienv_data.statistics.moments import Moments
from unienv_data.statistics.ranks import between, ranks_of

__all__ = ["Groups", "of_each"]


@dataclass(frozen=True, eq=False)
class Groups:
    """What is known of E groups of S numbers each.

    Attributes:
        counts: how many are in each (E,).
        mean: (E, S).
        squares: sums of squared deviations (E, S).
        ordered: (S, N): the numbers, sorted in each group.
        quantiles: of each QUANTILES, (E, S).
    """

    counts: NDArray[np.int64]
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]
    ordered: NDArray[Any]
    quantiles: tuple[NDArray[np.float64], ...]

    @property
    def least(self) -> NDArray[Any]:
        """(E, S), of the numbers' dtype."""
        return self.ordered[:, np.cumsum(self.counts) - self.counts].T

    @property
    def most(self) -> NDArray[Any]:
        """(E, S), of the numbers' dtype."""
        return self.ordered[:, np.cumsum(self.counts) - 1].T

    def moments(self) -> Moments:
        """Those of all groups together."""
        found = Moments(self.mean.shape[1], self.ordered.dtype)
        found.add_groups(self.counts, self.mean, self.squares, self.least, self.most)
        return found

    def packed(self) -> NDArray[np.float64]:
        """(E, 9, S), in the order of STATISTICS."""
        found = {
            "mean": self.mean,
            "std": np.sqrt(np.maximum(self.squares, 0) / self.counts[:, np.newaxis]),
            "min": self.least,
            "max": self.most,
            **dict(zip(QUANTILES, self.quantiles, strict=True)),
        }
        return np.stack([found[name] for name in STATISTICS], axis=1)


def of_each(numbers: NDArray[Any], counts: NDArray[np.int64]) -> Groups:
    """The statistics of consecutive groups of numbers.

    Args:
        numbers: (N, S), all finite.
        counts: how many are in each group (E,), at least 1 each, N together.
    """
    stops = np.cumsum(counts)
    starts = stops - counts
    each = counts[:, np.newaxis]
    apart = numbers.astype(np.float64)
    mean = np.add.reduceat(apart, starts, axis=0) / each
    apart -= np.repeat(mean, counts, axis=0)
    rest = np.add.reduceat(apart, starts, axis=0) / each  # what rounding has left of the mean
    np.multiply(apart, apart, out=apart)
    squares = np.add.reduceat(apart, starts, axis=0) - each * rest * rest
    ordered = np.array(numbers.T, order="C")  # (S, N): each group's part of a series lies in one piece
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        ordered[:, start:stop].sort(axis=1)
    quantiles = []
    for share in QUANTILES.values():
        low, high, part = ranks_of(share, counts)
        before, after = (ordered[:, starts + rank].T.astype(np.float64) for rank in (low, high))
        quantiles.append(between(before, after, part[:, np.newaxis]))
    return Groups(counts, mean + rest, squares, ordered, tuple(quantiles))
