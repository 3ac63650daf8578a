"""Quantiles of many series at once, in bounded memory."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from unienv_data.statistics.ranks import between, ranks_of

__all__ = ["Sketch", "rows_kept"]

_MOST_ROWS, _LEAST_ROWS = 65536, 1024
_LEVEL_BYTES = 8 << 20


def rows_kept(size: int, dtype: np.dtype[Any]) -> int:
    """How many numbers of each of S series a level holds: a power of two, so many that they take some MiB.

    Example:
        >>> rows_kept(7, np.dtype(np.float32)), rows_kept(100, np.dtype(np.float64))
        (65536, 8192)
    """
    fitting = max(1, _LEVEL_BYTES // max(1, size * dtype.itemsize))
    return min(max(1 << (fitting.bit_length() - 1), _LEAST_ROWS), _MOST_ROWS)


class Sketch:
    """Numbers of S series, all of them while they are few, and else a sample of known error.

    A level holds up to `limit` numbers of a series, each of which stands for 2**level. A full level is
    sorted, and every other number goes to the next level: first those of odd rank, then those of even. A
    number's rank moves by at most 2**level by that, so that of N numbers no rank is off by more than N times
    the number of levels, divided by `limit` (Manku, Rajagopalan and Lindsay, "Approximate medians and other
    quantiles in one pass and with limited memory", 1998); `rank_error` is the bound for what was taken.
    Alternating makes errors cancel, so that they are far smaller as a rule. NaN stands behind all numbers.

    Args:
        size: S.
        dtype: of the values.
        limit: numbers of a series in a level, even; None for as many as take some MiB.
    """

    def __init__(self, size: int, dtype: np.dtype[Any], limit: int | None = None) -> None:
        self.limit = limit or rows_kept(size, dtype)
        self._size, self._dtype = size, dtype
        self._levels: list[list[NDArray[Any]]] = [[]]
        self._turns: list[int] = [0]
        self.count = 0
        self.moved = 0

    def add(self, values: NDArray[Any]) -> None:
        """Take numbers (N, S)."""
        if len(values):
            self.count += len(values)
            # A series lies in one piece, which sorts several times as fast.
            self._put(0, [np.array(values.T, dtype=self._dtype, order="C")])

    def merge(self, other: Self) -> None:
        """Take what another one has taken."""
        self.count += other.count
        self.moved += other.moved
        for level, parts in enumerate(other._levels):
            self._put(level, parts)

    def _put(self, level: int, parts: list[NDArray[Any]]) -> None:
        while len(self._levels) <= level:
            self._levels.append([])
            self._turns.append(0)
        held = self._levels[level]
        held.extend(parts)
        count = sum(part.shape[1] for part in held)
        if count < self.limit + (level == 0):
            return
        joined = held[0] if len(held) == 1 else np.concatenate(held, axis=1)
        whole = count - count % self.limit
        self._levels[level] = [joined[:, whole:].copy()] if whole < count else []
        for start in range(0, whole, self.limit):
            ordered = np.sort(joined[:, start : start + self.limit], axis=1)
            self._put(level + 1, [ordered[:, self._turns[level] :: 2].copy()])
            self._turns[level] ^= 1
            self.moved += 1 << level

    @property
    def rank_error(self) -> float:
        """By how much of all numbers a quantile's rank may be off, at most; 0 where all numbers are held."""
        heaviest = 1 << (len(self._levels) - 1)  # between whose ranks a number says nothing
        return (self.moved + heaviest) / self.count if self.moved else 0.0

    def quantiles(self, shares: list[float], counts: NDArray[np.int64]) -> list[NDArray[np.float64]]:
        """The quantiles of each series, each (S,), linear between numbers, as NumPy's.

        Args:
            shares: of each quantile, from 0 to 1.
            counts: of the numbers of each series, how many are not NaN (S,); of none, the quantile is NaN.
        """
        if not self.count or not self._size:
            return [np.full(self._size, np.nan) for _ in shares]
        parts = [(part, level) for level, held in enumerate(self._levels) for part in held]
        numbers = np.concatenate([part for part, _ in parts], axis=1)
        if not self.moved:
            ordered, upto = np.sort(numbers, axis=1), None
        else:
            weights = np.concatenate([np.full(part.shape[1], 1 << level) for part, level in parts])
            order = np.argsort(numbers, axis=1)
            ordered, upto = np.take_along_axis(numbers, order, axis=1), weights[order].cumsum(axis=1)
        found = []
        for share in shares:
            low, high, part = ranks_of(share, counts)
            before, after = (_at_rank(ordered, upto, rank) for rank in (low, high))
            found.append(np.where(counts > 0, between(before, after, part), np.nan))
        return found


def _at_rank(
    ordered: NDArray[Any], upto: NDArray[np.int64] | None, rank: NDArray[np.int64]
) -> NDArray[np.float64]:
    place = rank if upto is None else (upto > rank[:, np.newaxis]).argmax(axis=1)
    found: NDArray[np.float64] = ordered[np.arange(len(ordered)), place].astype(np.float64)
    return found
