"""Mean, spread and extremes of many series at once, in one pass."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Moments"]


class Moments:
    """Count, mean, sum of squared deviations, least and greatest of S series.

    Each batch is taken in two passes, and batches are joined by the formulas of Chan, Golub and LeVeque
    ("Updating formulae and a pairwise algorithm for computing sample variances", 1979), so that nothing is
    lost where the mean is large beside the spread. NaN is left out, and counted.

    Args:
        size: S.
        dtype: of the values; extremes are kept in it.
    """

    def __init__(self, size: int, dtype: np.dtype[Any]) -> None:
        self.count = np.zeros(size, np.int64)
        self.nans = np.zeros(size, np.int64)
        self.mean = np.zeros(size)
        self.squares = np.zeros(size)
        self.least = np.full(size, np.nan) if dtype.kind == "f" else np.zeros(size)
        self.least = self.least.astype(dtype)
        self.most = self.least.copy()

    def add(self, values: NDArray[Any]) -> None:
        """Take numbers (N, S)."""
        if not len(values) or not values.shape[1]:
            return
        other = type(self)(values.shape[1], values.dtype)
        gone = np.isnan(values) if values.dtype.kind == "f" else None
        with np.errstate(invalid="ignore", over="ignore"):
            if gone is None or not gone.any():
                other._take(values)
            else:
                other._take_some(values, gone)
        self.merge(other)

    def add_groups(
        self,
        counts: NDArray[np.int64],
        mean: NDArray[np.float64],
        squares: NDArray[np.float64],
        least: NDArray[Any],
        most: NDArray[Any],
    ) -> None:
        """Take groups of finite numbers of which this is known.

        Args:
            counts: how many are in each group (E,), at least 1 each.
            mean: of each (E, S).
            squares: sums of squared deviations from it (E, S).
            least: (E, S), of the values' dtype.
            most: likewise.
        """
        other = type(self)(mean.shape[1], least.dtype)
        total, each = int(counts.sum()), counts[:, np.newaxis]
        other.count[:] = total
        apart = mean - mean[0]
        step = (each * apart).sum(axis=0) / total
        other.mean = mean[0] + step
        apart -= step
        other.squares = squares.sum(axis=0) + (each * apart * apart).sum(axis=0)
        other.least, other.most = least.min(axis=0), most.max(axis=0)
        self.merge(other)

    def _take(self, values: NDArray[Any]) -> None:
        wide = values.astype(np.float64)
        self.count[:] = len(values)
        self.mean = wide.mean(axis=0)
        wide -= self.mean
        # What rounding has left of the mean.
        rest = _finite(wide.mean(axis=0))
        self.mean += rest
        self.squares = np.einsum("ns,ns->s", wide, wide) - len(values) * rest * rest
        self.least, self.most = values.min(axis=0), values.max(axis=0)

    def _take_some(self, values: NDArray[Any], gone: NDArray[np.bool_]) -> None:
        self.nans = gone.sum(axis=0)
        self.count = len(values) - self.nans
        known = np.maximum(self.count, 1)
        wide = np.where(gone, 0.0, values.astype(np.float64))
        self.mean = wide.sum(axis=0) / known
        wide = np.where(gone, 0.0, wide - self.mean)
        rest = _finite(wide.sum(axis=0) / known)
        self.mean += rest
        self.squares = np.einsum("ns,ns->s", wide, wide) - known * rest * rest
        self.least, self.most = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)

    def merge(self, other: Self) -> None:
        """Take what another one has taken."""
        total = self.count + other.count
        known = np.maximum(total, 1)
        with np.errstate(invalid="ignore", over="ignore"):
            both = (self.count > 0) & (other.count > 0) & (other.mean != self.mean)
            step = np.where(both, other.mean - self.mean, 0.0)
            first = np.where(self.count > 0, self.mean, other.mean)
            self.squares = self.squares + other.squares + step * step * (self.count * (other.count / known))
            self.mean = first + step * (other.count / known)
        empty, there = self.count == 0, other.count > 0
        least = np.where(empty, other.least, np.minimum(self.least, other.least))
        most = np.where(empty, other.most, np.maximum(self.most, other.most))
        self.least = np.where(there, least, self.least)
        self.most = np.where(there, most, self.most)
        self.nans = self.nans + other.nans
        self.count = total

    def spread(self) -> NDArray[np.float64]:
        """The standard deviation (S,): the root of the mean squared deviation, as NumPy's `std`."""
        with np.errstate(invalid="ignore"):
            found: NDArray[np.float64] = np.sqrt(np.maximum(self.squares, 0) / np.maximum(self.count, 1))
        return found


def _finite(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(numbers), numbers, 0.0)
