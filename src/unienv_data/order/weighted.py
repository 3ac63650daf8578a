"""Rows drawn, and visited, as often as their weights say, in exact integers. Pure.

A weight becomes a number of points on a line of at most 2**62, a row's points beside those of the row before.
A random point finds its row by a binary search among the ends of runs of rows of one weight: so weights that
are alike for whole episodes take no memory for each row, and no rounding differs between platforms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex, row_array
from unienv_data.order.blocks import Blocks
from unienv_data.order.orders import Order
from unienv_data.order.permutation import derive_key, hashes, high_product

__all__ = ["RowWeights", "WeightedOrder"]

Integers = NDArray[np.int64]

_POINT_BITS: Final = 62
_CHUNK: Final = 1 << 22  # weights that are converted at a time
# Beyond this, the products of two row numbers need more than 63 bits.
_MOST_IN_63_BITS: Final = 1 << 31


def _integer_weights(weights: NDArray[Any], count: int, out: Integers) -> None:
    """Weights as integers in the same proportions.

    Integers that are small enough stay as they are. Others are multiplied by a power of two, and fractions
    dropped, so that `count` times the greatest is at most 2**62; what is positive stays so.

    Args:
        weights: (N,) finite numbers of any type, at least 0, one greater.
        count: how many times a weight may count.
        out: (N,) where they go.
    """
    greatest = weights.max()
    room = _POINT_BITS - int(count).bit_length()
    is_exact = weights.dtype.kind in "biu" and int(greatest) <= 1 << room
    shift = 0 if is_exact else room - int(np.frexp(np.float64(greatest))[1])
    for start in range(0, len(weights), _CHUNK):
        part = weights[start : start + _CHUNK]
        if is_exact:
            out[start : start + _CHUNK] = part
            continue
        scaled = np.floor(np.ldexp(part.astype(np.float64), shift)).astype(np.int64)
        out[start : start + _CHUNK] = np.where((scaled == 0) & (part > 0), 1, scaled)


@dataclass(frozen=True, eq=False)
class RowWeights:
    """How often rows are drawn beside others.

    Attributes:
        ends: (R + 1,) where the points of each run of rows begin, and all end; runs without any are empty.
        edges: (R + 1,) the first row of each run, and the number of rows; None where each run is one row.
    """

    ends: Integers
    edges: Integers | None = None

    @staticmethod
    def of_rows(weights: NDArray[Any]) -> RowWeights:
        """The weights of rows.

        Args:
            weights: (N,) finite numbers, at least 0, one greater.
        """
        edges = np.flatnonzero(weights[1:] != weights[:-1]) + 1
        if len(edges) < len(weights) // 4:  # runs are worth their own numbers
            edges = np.concatenate(([0], edges, [len(weights)])).astype(np.int64)
            return RowWeights.of_runs(weights[edges[:-1]], edges)
        ends = np.zeros(len(weights) + 1, dtype=np.int64)
        _integer_weights(weights, len(weights), ends[1:])
        np.cumsum(ends, out=ends)
        return RowWeights(ends)

    @staticmethod
    def of_runs(weights: NDArray[Any], edges: Integers) -> RowWeights:
        """The weights of rows that are alike within runs.

        Args:
            weights: (R,) of a row of each run: finite numbers, at least 0, one greater in a run with rows.
            edges: (R + 1,) 0, where each run ends and the next begins, and the number of rows.
        """
        ends = np.zeros(len(weights) + 1, dtype=np.int64)
        _integer_weights(weights, int(edges[-1]), ends[1:])
        ends[1:] *= np.diff(edges)
        np.cumsum(ends, out=ends)
        return RowWeights(ends, edges)

    @property
    def length(self) -> int:
        """How many rows there are."""
        return len(self.ends) - 1 if self.edges is None else int(self.edges[-1])

    @property
    def points(self) -> int:
        """How many points the line has."""
        return int(self.ends[-1])

    def rows(self, points: Integers) -> Integers:
        """The rows at points of the line, (B,)."""
        runs = np.searchsorted(self.ends, points, side="right") - 1
        if self.edges is None:
            return runs
        begins, first = self.ends[runs], self.edges[runs]
        of_a_row = (self.ends[runs + 1] - begins) // (self.edges[runs + 1] - first)
        rows: Integers = first + (points - begins) // of_a_row
        return rows

    def points_before(self, rows: Integers) -> Integers:
        """(B,) how many points come before those of each row, up to the number of rows."""
        if self.edges is None:
            return self.ends[rows]
        runs = np.minimum(np.searchsorted(self.edges, rows, side="right"), len(self.edges) - 1) - 1
        begins, first = self.ends[runs], self.edges[runs]
        of_a_row = (self.ends[runs + 1] - begins) // (self.edges[runs + 1] - first)
        points: Integers = begins + (rows - first) * of_a_row
        return points


@dataclass(frozen=True, eq=False)
class WeightedOrder(Order):
    """Every epoch as many rows as there are, each as often as its weight says.

    An epoch takes points at even distances from all of the line, from another first one each epoch. So each
    row comes as often as `length` times its share says, rounded up or down, and in the mean of epochs exactly
    as often. Where all weights are the same, each row comes once.

    Attributes:
        weights: of the rows.
        places: in which order the points are visited, which are numbered along the line.
    """

    weights: RowWeights
    places: Order

    def rows(self, epoch: int, start: int, stop: int) -> RowIndex:
        """The rows at positions [start, stop) of an epoch."""
        return self.at(epoch, row_array(self.places.rows(epoch, start, stop)))

    def at(self, epoch: int, places: Integers) -> Integers:
        """The rows at places along the line, each within [0, length)."""
        return self.weights.rows(self._points(places, self._first(epoch)))

    def draw(self, moment: int, size: int) -> Integers:
        """`size` independent rows, each as likely as its weight says."""
        words = hashes(range(size), derive_key(self.seed, "draw", moment))
        points = high_product(words, self.weights.points)
        return self.weights.rows(points.astype(np.int64))

    def blocks(self, of_rows: Blocks, epoch: int) -> Blocks:
        """The blocks of places whose rows are those of blocks of rows."""
        first, total = self._first(epoch), self.weights.points
        begins = np.concatenate((of_rows.starts, of_rows.starts + of_rows.counts))
        points = self.weights.points_before(begins).astype(object)
        places = -((first - points * self.length) // total)  # rounded up
        starts, stops = np.split(places.astype(np.int64), 2)
        return Blocks.of(
            starts,
            stops - starts,
            np.repeat(np.arange(len(of_rows)), np.diff(of_rows.bounds)),
            stored_bytes=of_rows.stored_bytes,
            is_remote=of_rows.is_remote,
        )

    def _first(self, epoch: int) -> int:
        """By how much an epoch's points begin later: a random number of points, in parts of `length`."""
        word = derive_key(self.seed, "first point", epoch)[:1]
        return int(high_product(word, self.weights.points)[0])

    def _points(self, places: Integers, first: int) -> Integers:
        """(place * points + first) // length."""
        length, total = self.length, self.weights.points
        if length > _MOST_IN_63_BITS:
            exact = (places.astype(object) * total + first) // length
            return exact.astype(np.int64)
        whole, rest = divmod(total, length)
        points: Integers = places * whole + (places * rest + first) // length
        return points
