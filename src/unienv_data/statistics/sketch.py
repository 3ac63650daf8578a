"""Quantiles of many series at once, in bounded memory."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from unienv_data.statistics.ranks import between, ranks_of
from unienv_data.statistics.selection import at_ranks

__all__ = ["Sketch", "rows_kept"]

_MOST_ROWS, _LEAST_ROWS = 65536, 1024
_LEVEL_BYTES = 8 << 20
_EXACT_BYTES = 32 << 20
_FEW = 8192  # numbers of a series: sorted with the others'


def rows_kept(size: int, dtype: np.dtype[Any]) -> int:
    """How many numbers of each of S series a level holds: a power of two, so many that they take some MiB.

    Example:
        >>> rows_kept(7, np.dtype(np.float32)), rows_kept(100, np.dtype(np.float64))
        (65536, 8192)
    """
    fitting = max(1, _LEVEL_BYTES // max(1, size * dtype.itemsize))
    return min(max(1 << (fitting.bit_length() - 1), _LEAST_ROWS), _MOST_ROWS)


class Sketch:
    """Numbers of S series, all of them while they take 32 MiB at most, and else a sample of known error.

    A level holds up to `limit` numbers of a series, each of which stands for 2**level. A full level is
    sorted, and every other number goes to the next level: first those of odd rank, then those of even. A
    number's rank moves by at most 2**level by that, so that of N numbers no rank is off by more than N times
    the number of levels, divided by `limit` (Manku, Rajagopalan and Lindsay, "Approximate medians and other
    quantiles in one pass and with limited memory", 1998); `rank_error` is the bound for what was taken.
    Alternating makes errors cancel, so that they are far smaller as a rule. NaN stands behind all numbers.

    Args:
        size: S.
        dtype: of the values.
        limit: numbers of a series in a level, even, and how many are all held; None for as many as take
            some MiB.
    """

    def __init__(self, size: int, dtype: np.dtype[Any], limit: int | None = None) -> None:
        self.limit = limit or rows_kept(size, dtype)
        fitting = 0 if limit else _EXACT_BYTES // max(1, size * dtype.itemsize)
        self._exact = max(self.limit, fitting)
        self._size, self._dtype = size, dtype
        self._levels: list[list[NDArray[Any]]] = [[]]
        self._turns: list[int] = [0]
        self.count = 0
        self.moved = 0

    def add(self, values: NDArray[Any]) -> None:
        """Take numbers (N, S)."""
        if len(values):
            # A series lies in one piece, which sorts several times as fast.
            self.add_series(np.array(values.T, dtype=self._dtype, order="C"))

    def add_series(self, numbers: NDArray[Any]) -> None:
        """Take numbers (S, N), of the sketch's dtype, which stay as they are from now on."""
        if numbers.shape[1]:
            self.count += numbers.shape[1]
            self._put(0, [numbers])

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
        most = self.limit - 1
        if level == 0:
            most = self.limit if self.moved else self._exact
        if count <= most:
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
        ranks = [ranks_of(share, counts) for share in shares]
        places = np.stack([place for low, high, _ in ranks for place in (low, high)], axis=1)
        if self.moved:
            weights = np.concatenate([np.full(part.shape[1], 1 << level) for part, level in parts])
            at = _at_weighted_ranks(numbers, weights, places)
        elif numbers.shape[1] <= _FEW:
            at = np.take_along_axis(np.sort(numbers, axis=1), places, axis=1)
        else:
            at = np.stack([at_ranks(*series) for series in zip(numbers, places, strict=True)])
        wide = at.astype(np.float64).T
        return [
            np.where(counts > 0, between(wide[2 * number], wide[2 * number + 1], part), np.nan)
            for number, (_, _, part) in enumerate(ranks)
        ]


def _at_weighted_ranks(
    numbers: NDArray[Any], weights: NDArray[np.int64], places: NDArray[np.int64]
) -> NDArray[Any]:
    """What stands at ranks (S, K) of numbers (S, N), each of which stands for so many (N,)."""
    found = np.empty(places.shape, numbers.dtype)
    for series, (values, ranks) in enumerate(zip(numbers, places, strict=True)):
        order = np.argsort(values)
        found[series] = values[order[np.searchsorted(weights[order].cumsum(), ranks, side="right")]]
    return found
