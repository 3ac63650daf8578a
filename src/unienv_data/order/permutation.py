"""Permutations and random integers by key, each entry computed by itself.

The arithmetic is on unsigned 64-bit integers alone: the same on every platform and with every version of
Python and NumPy.

A permutation of n is computed by a Feistel network over pairs (a, b) with a * b just above n (Black and
Rogaway, "Ciphers with arbitrary finite domains", 2002), walking its cycle on where a result lies beyond n;
keys come from BLAKE2b.
"""

from __future__ import annotations

import hashlib
import math
import operator
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex, row_array

__all__ = ["derive_key", "draw", "hashes", "high_product", "permute"]

_ROUNDS: Final = 8
# Below this a Feistel network's halves are too small to mix well, and sorting every position's hash is cheap.
_SORTED_UP_TO: Final = 1024

_ONE: Final = np.uint64(1)
_U32: Final = np.uint64(32)
_LOW_32: Final = np.uint64(0xFFFFFFFF)
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
    return (hashes(range(size), key) % np.uint64(n)).astype(np.int64)


def hashes(numbers: RowIndex, key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A random word for each number: what SplitMix64 gives, started from `key`, as its output of that number.

    Args:
        numbers: each at least 0.
        key: (1 or more,) uint64, from `derive_key`, of which the first is used.

    Returns:
        (len(numbers),) uint64.
    """
    z = row_array(numbers).astype(np.uint64)
    z += _ONE
    z *= _GOLDEN
    z += key[0]
    z ^= z >> _SHIFT_1
    z *= _MIX_1
    z ^= z >> _SHIFT_2
    z *= _MIX_2
    z ^= z >> _SHIFT_3
    return z


def high_product(words: NDArray[np.uint64], limits: int | NDArray[np.int64]) -> NDArray[np.uint64]:
    """Random words as numbers below limits: words * limits // 2**64.

    Args:
        words: (N,) uint64.
        limits: positive, at most 2**63, one or (N,).
    """
    factor = np.asarray(limits).astype(np.uint64)
    high, low = words >> _U32, words & _LOW_32
    factor_high, factor_low = factor >> _U32, factor & _LOW_32
    crossed, other = high * factor_low, low * factor_high
    carry = (low * factor_low >> _U32) + (crossed & _LOW_32) + (other & _LOW_32)
    product: NDArray[np.uint64] = high * factor_high + (crossed >> _U32) + (other >> _U32) + (carry >> _U32)
    return product


def _sorted_by_hash(n: int, key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """A permutation of a small n, all of it: the positions in the order of their hashes."""
    # The position in the low bits makes the keys distinct: every sorting algorithm gives the same.
    low_bits = np.uint64((1 << n.bit_length()) - 1)
    keys = (hashes(range(n), key) & ~low_bits) | np.arange(n, dtype=np.uint64)
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
