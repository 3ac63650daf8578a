"""Whole numbers of few bits, counted one by one: all that is said of them is exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from unienv_data.statistics.ranks import between, ranks_of

__all__ = ["Histogram", "fits_histogram"]

_MOST_COUNTS = 4 << 20
_AT_ONCE = 1 << 20


def fits_histogram(size: int, dtype: np.dtype[Any]) -> bool:
    """Whether S series of this type are few enough to count each of their values."""
    if dtype.kind == "b":
        return True
    return dtype.kind in "iu" and dtype.itemsize <= 2 and size << (8 * dtype.itemsize) <= _MOST_COUNTS


class Histogram:
    """How often each value of S series was there.

    Args:
        size: S.
        dtype: of the values, of at most 16 bits.
    """

    def __init__(self, size: int, dtype: np.dtype[Any]) -> None:
        self.first = 0 if dtype.kind == "b" else int(np.iinfo(dtype).min)
        self.bins = 2 if dtype.kind == "b" else 1 << (8 * dtype.itemsize)
        self.counts = np.zeros((size, self.bins), np.int64)

    def add(self, values: NDArray[Any]) -> None:
        """Take numbers (N, S)."""
        size = len(self.counts)
        step = max(1, _AT_ONCE // max(1, size))
        for start in range(0, len(values), step):
            part = values[start : start + step]
            if size <= 4:
                for number in range(size):
                    self._count(number, part[:, number])
            else:
                places = part.astype(np.int64) - self.first + self.bins * np.arange(size)
                found = np.bincount(places.reshape(-1), minlength=self.counts.size)
                self.counts += found.reshape(self.counts.shape)

    def _count(self, number: int, values: NDArray[Any]) -> None:
        if self.first:
            values = values.astype(np.int64) - self.first
        self.counts[number] += np.bincount(values, minlength=self.bins)

    def merge(self, other: Self) -> None:
        """Take what another one has taken."""
        self.counts = self.counts + other.counts

    @classmethod
    def of(cls, counts: NDArray[np.int64], dtype: np.dtype[Any]) -> Self:
        """One that has counted so: (S, bins), of each series as many as there were."""
        made = cls(0, dtype)
        made.counts = counts
        return made

    @property
    def totals(self) -> NDArray[np.int64]:
        """Numbers of each series (S,)."""
        found: NDArray[np.int64] = self.counts.sum(axis=1)
        return found

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation, each (S,)."""
        values = np.arange(self.bins) + self.first
        total = np.maximum(self.totals, 1)
        mean = (self.counts @ values) / total
        squares = (self.counts * (values - mean[:, None]) ** 2).sum(axis=1)
        return mean, np.sqrt(squares / total)

    def extremes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Least and greatest, each (S,)."""
        there = self.counts > 0
        least = there.argmax(axis=1) + self.first
        most = self.bins - 1 - there[:, ::-1].argmax(axis=1) + self.first
        return least, most

    def quantile(self, share: float) -> NDArray[np.float64]:
        """The quantile of each series (S,), linear between values, as NumPy's."""
        return self.quantiles([share])[0]

    def quantiles(self, shares: Sequence[float]) -> list[NDArray[np.float64]]:
        """The quantiles of each series, each (S,)."""
        upto = self.counts.cumsum(axis=1)
        found = []
        for share in shares:
            low, high, part = ranks_of(share, self.totals)
            before, after = ((upto > rank[:, None]).argmax(axis=1) + self.first for rank in (low, high))
            found.append(between(before.astype(np.float64), after.astype(np.float64), part))
        return found
