"""The order in which samplers visit rows: a pure function of (seed, epoch, position).

Nothing is stored and no generator advances, so that any position of any epoch costs the same, workers agree
without talking, and the state of a sampler is a few integers. The arithmetic is on unsigned 64-bit integers
alone: the same rows on every platform and with every version of Python and NumPy.

A permutation of n is computed by a Feistel network over pairs (a, b) with a * b just above n (Black and
Rogaway, "Ciphers with arbitrary finite domains", 2002), walking its cycle on where a result lies beyond n;
keys come from BLAKE2b.
"""

from __future__ import annotations

import hashlib
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex, row_array

__all__ = [
    "ORDERS",
    "UNEVEN",
    "Epoch",
    "GlobalOrder",
    "Order",
    "OrderFactory",
    "SequentialOrder",
    "check_ranks",
    "derive_key",
    "draw",
    "permute",
]

_ROUNDS: Final = 8
# Below this a Feistel network's halves are too small to mix well, and sorting every position's hash is cheap.
_SORTED_UP_TO: Final = 1024

_U32: Final = np.uint64(32)
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
# The multipliers and shifts of SplitMix64's output function (Steele, Lea and Flood, 2014).
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_SHIFT_1: Final = np.uint64(30)
_SHIFT_2: Final = np.uint64(27)
_SHIFT_3: Final = np.uint64(31)


@lru_cache(maxsize=64, typed=True)
def derive_key(seed: int, purpose: str, *numbers: int) -> NDArray[np.uint64]:
    """Eight words that depend on every argument, as if at random.

    Args:
        seed: any integer, also negative or beyond 64 bits.
        purpose: what the key is for; keys of different purposes have nothing in common.
        numbers: further integers, such as the epoch.

    Returns:
        (8,) uint64, read-only.
    """
    text = ":".join([purpose, *(str(operator.index(number)) for number in (seed, *numbers))])
    digest = hashlib.blake2b(text.encode(), digest_size=64, person=b"unienv-order-v1").digest()
    key = np.frombuffer(digest, dtype="<u8").astype(np.uint64)
    key.flags.writeable = False
    return key


def permute(positions: RowIndex, n: int, key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """What stands at `positions` of the permutation of range(n) that `key` chooses.

    Args:
        positions: each within [0, n), n at most 2**62.
        n: size of the permutation.
        key: (8,) uint64, from `derive_key`.

    Returns:
        (len(positions),) int64, within [0, n); different for different positions.

    Example:
        >>> permute(range(5), 5, derive_key(0, "example")).tolist()
        [1, 3, 2, 0, 4]
    """
    if not len(positions):
        return np.empty(0, dtype=np.int64)
    if n <= _SORTED_UP_TO:
        return _sorted_by_hash(n, key)[row_array(positions)]
    columns = math.isqrt(n - 1) + 1
    rows = -(-n // columns)
    values = row_array(positions).astype(np.uint64)
    values = _feistel(values, rows, columns, key)
    # rows * columns exceeds n by less than columns: hardly ever is there a second turn.
    limit = np.uint64(n)
    while len(beyond := np.flatnonzero(values >= limit)):
        values[beyond] = _feistel(values[beyond], rows, columns, key)
    return values.astype(np.int64)


def draw(size: int, n: int, key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """`size` independent, uniform integers of range(n), with replacement.

    Args:
        size: how many.
        n: positive; at most 2**62.
        key: (8,) uint64, from `derive_key`.

    Returns:
        (size,) int64.
    """
    # 64 random bits modulo n: no value is favoured by more than one part in 2**64 / n.
    return (_hash_counters(size, key) % np.uint64(n)).astype(np.int64)


def _hash_counters(size: int, key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The first `size` outputs of SplitMix64 started from `key`."""
    z = np.arange(1, size + 1, dtype=np.uint64)
    z *= _GOLDEN
    z += key[0]
    z ^= z >> _SHIFT_1
    z *= _MIX_1
    z ^= z >> _SHIFT_2
    z *= _MIX_2
    z ^= z >> _SHIFT_3
    return z


def _sorted_by_hash(n: int, key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """A permutation of a small n, all of it: the positions in the order of their hashes."""
    # The position in the low bits makes the keys distinct: every sorting algorithm gives the same.
    low_bits = np.uint64((1 << n.bit_length()) - 1)
    keys = (_hash_counters(n, key) & ~low_bits) | np.arange(n, dtype=np.uint64)
    keys.sort()
    return (keys & low_bits).astype(np.int64)


def _feistel(
    values: NDArray[np.uint64], rows: int, columns: int, key: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """A bijection of range(rows * columns)."""
    n_columns, n_rows = np.uint64(columns), np.uint64(rows)
    left = values // n_columns
    right = values - left * n_columns
    for number in range(0, _ROUNDS, 2):
        left = (left + _round(right, key[number])) % n_rows
        right = (right + _round(left, key[number + 1])) % n_columns
    return left * n_columns + right


def _round(half: NDArray[np.uint64], key: np.uint64) -> NDArray[np.uint64]:
    """32 bits that depend on all of `half` and `key`."""
    z = half + key
    z *= _MIX_1
    z ^= z >> _U32
    z *= _MIX_2
    z >>= _U32
    return z


@dataclass(frozen=True)
class Order(ABC):
    """In which order the epochs over a source of fixed length visit its rows.

    Frozen and a few integers wide: it travels to workers as it is.

    Attributes:
        length: rows of the source; every epoch visits each once.
        seed: chooses the order among those of its kind.
    """

    length: int
    seed: int

    @abstractmethod
    def rows(self, epoch: int, start: int, stop: int) -> RowIndex:
        """The rows at positions [start, stop) of an epoch.

        Args:
            epoch: number of the epoch, from 0.
            start: first position.
            stop: position after the last; at most `length`.
        """


@dataclass(frozen=True)
class SequentialOrder(Order):
    """Every epoch from the first row to the last."""

    def rows(self, epoch: int, start: int, stop: int) -> RowIndex:
        """The rows at positions [start, stop): these themselves."""
        return range(start, stop)


@dataclass(frozen=True)
class GlobalOrder(Order):
    """Every epoch a full permutation of its own, computed by position and never stored."""

    def rows(self, epoch: int, start: int, stop: int) -> RowIndex:
        """The rows at positions [start, stop) of the permutation of `epoch`."""
        return permute(range(start, stop), self.length, derive_key(self.seed, "permutation", epoch))


OrderFactory = Callable[[int, int], Order]
"""From the source's length and the seed to an order."""

ORDERS: Final = MappingProxyType[str, OrderFactory]({"global": GlobalOrder, "none": SequentialOrder})
"""The orders by the name that samplers take as `shuffle`."""


UNEVEN: Final = ("pad", "drop")
"""What ranks do with the rows that do not fill a batch for each: repeat some, or leave them out."""


def check_ranks(rank: int, world_size: int, uneven: str) -> tuple[int, int, str]:
    """The arguments, if they are a rank among so many and a rule for the rest.

    Raises:
        ValueError: they are not.
    """
    rank, world_size = operator.index(rank), operator.index(world_size)
    if not 0 <= rank < world_size:
        raise ValueError(f"rank: expected 0 to world_size - 1 = {world_size - 1}, got {rank}")
    if uneven not in UNEVEN:
        raise ValueError(f"uneven: expected one of {', '.join(UNEVEN)}, got {uneven!r}")
    return rank, world_size, uneven


@dataclass(frozen=True)
class Epoch:
    """An epoch, or the rest of one, cut into batches that ranks deal among themselves.

    Rank r takes batches r, r + W, r + 2 W ... of the W = `world_size` ranks' common order. So all ranks stand
    at one position after as many batches, from where any number of ranks can go on.

    Attributes:
        order: what decides which row stands where.
        number: of the epoch, from 0.
        batch_size: rows of a batch. The last may be shorter where there is one rank.
        drop_last: leave a shorter last batch out.
        start: the position at which the first batch begins.
        rank: whose batches these are.
        world_size: number of ranks. Where there are several, each has as many batches as any other.
        uneven: what becomes of rows that do not make a full batch for each of several ranks: "pad" follows
            them with the epoch's first rows, fewer than world_size * batch_size, "drop" leaves them out.
    """

    order: Order
    number: int
    batch_size: int
    drop_last: bool = False
    start: int = 0
    rank: int = 0
    world_size: int = 1
    uneven: str = "pad"

    @property
    def stop(self) -> int:
        """The position after the last row that is given out at all."""
        left = max(self.order.length - self.start, 0)
        if self.world_size > 1 and self.uneven == "drop":
            left -= left % (self.world_size * self.batch_size)
        elif self.drop_last:
            left -= left % self.batch_size
        return self.start + left

    def __len__(self) -> int:
        """How many batches this rank has."""
        return -(-(self.stop - self.start) // (self.world_size * self.batch_size))

    def first(self, batch: int) -> int:
        """The position at which a batch of this rank begins."""
        return self.start + (batch * self.world_size + self.rank) * self.batch_size

    def position_after(self, batch: int) -> int:
        """The position at which all ranks stand once each has given out a batch of this number."""
        return min(self.start + (batch + 1) * self.world_size * self.batch_size, self.stop)

    def count_real(self, batch: int) -> int:
        """How many rows of a batch, the first ones, are no repetitions."""
        return min(max(self.stop - self.first(batch), 0), self.batch_size)

    def rows(self, batch: int) -> RowIndex:
        """The rows of a batch."""
        first, real = self.first(batch), self.count_real(batch)
        if real == self.batch_size or self.world_size == 1:
            return self.order.rows(self.number, first, first + real)
        # The epoch's positions once more from the beginning, as often as it takes.
        places = np.arange(first, first + self.batch_size, dtype=np.int64)
        places[real:] = (places[real:] - self.stop) % self.stop
        return self._rows_at(places)

    def _rows_at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows at any positions of the epoch."""
        rows = np.empty(len(places), dtype=np.int64)
        cuts = np.flatnonzero(np.diff(places) != 1) + 1
        for run in np.split(np.arange(len(places)), cuts):
            start = int(places[run[0]])
            rows[run] = row_array(self.order.rows(self.number, start, start + len(run)))
        return rows
