"""Several sources in one order, each in its share after any number of rows. Pure.

Positions of the mixture are dealt by a binary tree. A node whose left side has the share p / q gives it those
of its numbers i with floor((i + 1) * p / q) > floor(i * p / q), and the other side the rest, each numbered
anew. So a position finds its source, and its number within it, in as many steps as the tree is high, and no
source is ever off by as many rows. That alone would go round in circles, in which ranks or batches of one row
might always meet the same source: within windows of 64 positions the sources are in a random order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex, row_array
from unienv_data.order.orders import Order
from unienv_data.order.permutation import derive_key, draw, hashes, high_product

__all__ = ["MixtureOrder", "Shares", "by_source"]

Integers = NDArray[np.int64]

_SHARE_BITS: Final = 31  # the product of two shares, and one more, fits in 63 bits
_WINDOW_BITS: Final = 6


@dataclass(frozen=True, eq=False)
class Shares:
    """The tree that deals positions to sources, node by node, the root first.

    Attributes:
        lefts: (K,) the integer weight of all sources to the left of each node.
        totals: (K,) of all beneath it.
        children: (K, 2) the node to the left and to the right; a source s is -1 - s.
    """

    lefts: Integers
    totals: Integers
    children: Integers

    @staticmethod
    def of(weights: NDArray[Any]) -> Shares:
        """The shares of sources.

        Args:
            weights: (S,) finite numbers, at least 0, one greater; what 30 bits of the sum do not hold is cut
                off, but nothing to 0.
        """
        exact = _integers([Fraction(weight) for weight in weights.tolist()])
        nodes: list[tuple[int, int]] = []
        children: list[list[int]] = []

        def add(sources: Sequence[int]) -> int:
            if len(sources) == 1:
                return -1 - sources[0]
            node, half = len(nodes), (len(sources) + 1) // 2
            left, total = (int(exact[list(part)].sum()) for part in (sources[:half], sources))
            nodes.append((left, total))
            children.append([0, 0])
            children[node] = [add(sources[:half]), add(sources[half:])]
            return node

        root = add(np.flatnonzero(exact).tolist())
        if root < 0:  # one source alone: a node that has all to its left
            nodes, children = [(1, 1)], [[root, root]]
        table = np.array(nodes, dtype=np.int64)
        return Shares(table[:, 0], table[:, 1], np.array(children, dtype=np.int64))

    @property
    def window(self) -> int:
        """How many positions are in a random order."""
        return 1 << _WINDOW_BITS

    @property
    def slack(self) -> int:
        """By how many rows, at most, a source is off its share after any number of them."""
        leaves = len(self.totals) + 1
        return (leaves - 1).bit_length() + (1 << _WINDOW_BITS - 2)

    def fractions(self, count: int) -> NDArray[np.float64]:
        """(count,) the share of each source."""
        found = np.zeros(count)
        for node, (left, total) in enumerate(zip(self.lefts, self.totals, strict=True)):
            for child, weight in zip(self.children[node], (left, total - left), strict=True):
                if child < 0 and weight:
                    found[-1 - child] = weight / self.totals[0]
        return found

    def locate(self, numbers: Integers, key: NDArray[np.uint64]) -> tuple[Integers, Integers]:
        """Whose the numbers of the endless sequence are, which begins with 0.

        Args:
            numbers: (B,) at least 0.
            key: decides where the sources' turns begin.

        Returns:
            (B,) the source of each number, and (B,) how many of the numbers before it are of that source.
        """
        begins = high_product(hashes(range(len(self.totals)), key), self.totals).astype(np.int64)
        sources = np.zeros(len(numbers), dtype=np.int64)
        index, node = numbers.copy(), np.zeros(len(numbers), dtype=np.int64)
        inside = np.arange(len(numbers))
        while len(inside):
            at, number = node[inside], index[inside]
            left, total, begin = self.lefts[at], self.totals[at], begins[at]
            turns, rest = np.divmod(number, total)
            before = turns * left + (rest * left + begin) // total
            is_left = turns * left + ((rest + 1) * left + begin) // total > before
            index[inside] = np.where(is_left, before, number - before)
            node[inside] = self.children[at, np.where(is_left, 0, 1)]
            arrived = inside[node[inside] < 0]
            sources[arrived] = -1 - node[arrived]
            inside = inside[node[inside] >= 0]
        return sources, index

    def counts(self, number: int, key: NDArray[np.uint64], count: int) -> Integers:
        """(count,) how many of the first `number` numbers are each source's."""
        begins = high_product(hashes(range(len(self.totals)), key), self.totals)
        found = np.zeros(count, dtype=np.int64)
        of_node = [number] + [0] * (len(self.totals) - 1)
        for node, (left, total, begin) in enumerate(zip(self.lefts, self.totals, begins, strict=True)):
            lefts = (of_node[node] * int(left) + int(begin)) // int(total)
            for child, part in zip(self.children[node], (lefts, of_node[node] - lefts), strict=True):
                if child < 0:
                    found[-1 - child] += part
                else:
                    of_node[child] = part
        return found

    def dealt(
        self, start: int, stop: int, key: NDArray[np.uint64], origin: int = 0, length: int | None = None
    ) -> tuple[Integers, Integers]:
        """Whose positions are, as `locate`, but in a random order within windows.

        A source's numbers ascend by one from each of its positions to the next.

        Args:
            start: first position, counted from `origin`.
            stop: position after the last.
            key: decides where the sources' turns begin, and the order in windows.
            origin: the number of the endless sequence with which windows begin.
            length: how many positions windows share among themselves; None for all that follow.
        """
        first, last = start >> _WINDOW_BITS, (max(stop - 1, start) >> _WINDOW_BITS) + 1
        size = 1 << _WINDOW_BITS
        places = np.arange(first * size, last * size, dtype=np.int64)
        low_bits = np.uint64(size - 1)
        mixed = hashes(places + origin, key[1:])
        if length is not None:
            mixed[max(length - first * size, 0) :] = ~np.uint64(0)  # stay behind the last window's own
        mixed = (mixed & ~low_bits) | (places.astype(np.uint64) & low_bits)
        mixed = np.sort(mixed.reshape(-1, size), axis=1).reshape(-1) & low_bits
        sources, index = self.locate(origin + (places & ~(size - 1)) + mixed.astype(np.int64), key)
        order = np.argsort(sources, kind="stable")
        ordered = sources[order]
        firsts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        counts = np.diff(np.append(firsts, len(ordered)))
        least = np.minimum.reduceat(index[order], firsts)
        index[order] = np.repeat(least - firsts, counts) + np.arange(len(ordered))
        cut = slice(start - first * size, stop - first * size)
        return sources[cut], index[cut]


@dataclass(frozen=True, eq=False)
class MixtureOrder(Order):
    """Sources that follow one another in a batch, each visited in its share and in an order of its own.

    A source is visited from its first epoch to its second and so on, however long the epochs of the mixture
    are: none of its rows comes again before all have come. Where shares are as the sources are long, and an
    epoch is as long as all, each of their rows comes once in it.

    Attributes:
        sources: the order of each source, of no rows only where its share is 0.
        shares: how often each is visited.
        starts: (S,) the number that the first row of each source has among those of all.
    """

    sources: tuple[Order, ...]
    shares: Shares
    starts: Integers

    def rows(self, epoch: int, start: int, stop: int) -> RowIndex:
        """The rows at positions [start, stop) of an epoch."""
        first = epoch * self.length
        key = derive_key(self.seed, "mixture")
        rows = np.empty(stop - start, dtype=np.int64)
        dealt = self.shares.dealt(start, stop, key, first, self.length)
        for source, places, numbers in by_source(*dealt):
            found = self._cycled(source, int(numbers[0]), int(numbers[-1]) + 1)
            rows[places] = found + self.starts[source]
        return rows

    def _cycled(self, source: int, start: int, stop: int) -> Integers:
        """The rows [start, stop) of the endless sequence of a source's epochs."""
        order = self.sources[source]
        found = []
        while start < stop:
            cycle, position = divmod(start, order.length)
            end = min(order.length, position + stop - start)
            found.append(row_array(order.rows(cycle, position, end)))
            start += end - position
        return np.concatenate(found)

    def draw(self, moment: int, size: int) -> Integers:
        """`size` rows: of each source as many as its share says, and of these every row as likely."""
        key = derive_key(self.seed, "mixture of draws")
        rows = np.empty(size, dtype=np.int64)
        for source, places, _ in by_source(*self.shares.dealt(moment * size, (moment + 1) * size, key)):
            own = derive_key(self.seed, "draw of a source", moment, source)
            rows[places] = draw(len(places), self.sources[source].length, own) + self.starts[source]
        return rows


def _integers(weights: Sequence[Fraction]) -> Integers:
    """Weights times a power of two, their sum at most 2**31."""
    total, most = sum(weights, Fraction()), (1 << _SHARE_BITS) - len(weights)
    bits = _SHARE_BITS + 1 - total.numerator.bit_length() + total.denominator.bit_length()
    while total * Fraction(2) ** bits > most:
        bits -= 1
    scaled = [weight * Fraction(2) ** bits for weight in weights]
    return np.array([max(int(weight), 1) if weight else 0 for weight in scaled], dtype=np.int64)


def by_source(sources: Integers, numbers: Integers) -> Iterator[tuple[int, Integers, Integers]]:
    """For each source: which, the places where it stands, and its numbers there."""
    order = np.argsort(sources, kind="stable")
    cuts = np.flatnonzero(np.diff(sources[order])) + 1
    for places in np.split(order, cuts):
        if len(places):
            yield int(sources[places[0]]), places, numbers[places]
