"""Which episode an episode is, whatever it lies in: a digest of its numbers and texts.

The digest is made of the rows of all columns but frames and those that a lossy codec has changed, as they
are handed to the store, under the names that they have there. Each row of each column becomes 64 bits by
multilinear hashing (Carter and Wegman's), mixed with its place in the episode, the column's name, shape and
dtype; an episode is the sum of its rows, modulo 2**64, twice with different keys. So parts of an episode can
be summed up apart, in any order, whatever cut it. It tells recordings apart; it is no defence against
somebody who means to make two alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData, EncodedRows, Ragged
from unienv_data.formats import SourceColumn
from unienv_data.formats.base import row_bytes

__all__ = [
    "DIGEST",
    "NO_ROWS",
    "EpisodeSum",
    "Words",
    "added",
    "columns_that_tell",
    "digest_of",
    "hash_rows",
    "words_of",
]

DIGEST = "digest"
"""The column of the episode table that holds it, 32 hexadecimal digits."""

FRAME_BYTES = 4096
"""A row of a column as large as this is a frame."""

EpisodeSum = tuple[int, int, int, int]
"""Two sums, how many rows, and how many columns have been looked at."""

NO_ROWS: EpisodeSum = (0, 0, 0, 0)

_KEYS = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)
_PLACES = np.uint64(0x8CB92BA72F3D8DD7)
_MASK = (1 << 64) - 1


def columns_that_tell(columns: Iterable[SourceColumn]) -> list[SourceColumn]:
    """The columns that the digest is made of, of those of a source."""
    return [
        column
        for column in columns
        if column.lossy is None and column.encoded is None and row_bytes([column.space]) < FRAME_BYTES
    ]


@dataclass(frozen=True, eq=False)
class Words:
    """Rows of a column, of which each is to become 64 bits.

    Args:
        values: (B, *D), of any dtype; of ragged rows 128 bits (B, 2) that stand for each.
        dtype: of the column.
        shape: of a row; None where rows vary.
    """

    values: NDArray[Any]
    dtype: np.dtype[Any]
    shape: tuple[int, ...] | None

    @staticmethod
    def joined(parts: Sequence[Words]) -> Words:
        """Rows of a column one after another; at least one part."""
        return replace(parts[0], values=np.concatenate([part.values for part in parts]))


def words_of(
    columns: Mapping[str, ColumnData], names: tuple[str, ...], start: int, stop: int
) -> dict[str, Words]:
    """Rows [start, stop) of those columns that tell episodes apart, as `hash_rows` takes them."""
    found: dict[str, Words] = {}
    for name, data in columns.items():
        if isinstance(data, EncodedRows) or not _is_within(name, names):
            continue
        if isinstance(data, Ragged):
            found[name] = Words(_ragged_words(data, start, stop), data.values.dtype, None)
        else:
            found[name] = Words(data[start:stop], data.dtype, data.shape[1:])
    return found


def hash_rows(columns: Mapping[str, Words], places: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """What each row adds to its episode.

    Args:
        columns: by the store's name, of B rows each.
        places: (B,) those of the rows in their episodes.

    Returns:
        (2, B).
    """
    sums = np.empty((len(columns), 2, len(places)), dtype=np.uint64)
    for total, (name, rows) in zip(sums, columns.items(), strict=True):
        words = _words(rows.values)
        weights, seeds = _weights(name, rows.dtype, rows.shape, words.shape[1])
        np.add((words @ weights).T, seeds, out=total)
    sums ^= _mixed(places + _PLACES)
    hashed: NDArray[np.uint64] = _mixed(sums).sum(axis=0, dtype=np.uint64)
    return hashed


@lru_cache(maxsize=1024)
def _is_within(name: str, groups: tuple[str, ...]) -> bool:
    return any(name == group or name.startswith(group + "/") for group in groups)


def added(one: EpisodeSum, other: EpisodeSum) -> EpisodeSum:
    """The sum of two parts of an episode."""
    return (one[0] + other[0]) & _MASK, (one[1] + other[1]) & _MASK, one[2] + other[2], max(one[3], other[3])


def digest_of(total: EpisodeSum, otherwise: str) -> str:
    """The digest of an episode.

    Args:
        total: the sum of all its rows.
        otherwise: what names it where all its columns are frames.
    """
    first, second, rows, used = total
    text = f"{first:016x}{second:016x}:{rows}" + ("" if used else f":{otherwise}")
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _words(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """(B, n) uint64 of the bytes of rows, zeros behind them."""
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1)
    if flat.size and flat.shape[1] * flat.itemsize % 8 == 0:
        return flat.view("<u8").astype(np.uint64, copy=False)
    data = flat.view(np.uint8).reshape(len(rows), -1) if flat.size else np.zeros((len(rows), 0), np.uint8)
    padded = np.zeros((len(rows), -(-data.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : data.shape[1]] = data
    return padded.view("<u8").astype(np.uint64, copy=False)


def _ragged_words(data: Ragged, start: int, stop: int) -> NDArray[np.uint64]:
    keys = np.column_stack([data.starts[start:stop], data.shapes[start:stop]])
    heads = np.ones(stop - start, dtype=np.bool_)  # texts are often those of the row before
    np.any(keys[1:] != keys[:-1], axis=1, out=heads[1:])
    known: dict[tuple[int, ...], tuple[int, int]] = {}
    words = []
    counts = data.counts[start:stop][heads].tolist()
    for (begin, *shape), count in zip(keys[heads].tolist(), counts, strict=True):
        found = known.get((begin, *shape))
        if found is None:
            told = data.values[begin : begin + count].tobytes() + repr(tuple(shape)).encode()
            hashed = hashlib.blake2b(told, digest_size=16).digest()
            found = known[begin, *shape] = (
                int.from_bytes(hashed[:8], "little"),
                int.from_bytes(hashed[8:], "little"),
            )
        words.append(found)
    rows = np.array(words, dtype=np.uint64).reshape(-1, 2)
    each: NDArray[np.uint64] = rows[np.cumsum(heads) - 1]
    return each


@lru_cache(maxsize=1024)
def _weights(
    name: str, dtype: np.dtype[Any], shape: tuple[int, ...] | None, count: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """For each of two keys, odd numbers (count, 2), and where to begin (2, 1).

    Args:
        name: the column's.
        dtype: of its values.
        shape: of a row; None where rows vary.
        count: how many numbers.
    """
    about = f"{name}:{dtype}" if shape is None else f"{name}:{dtype}:{shape}"
    seeds = np.array([_seed(about, key) for key in _KEYS], dtype=np.uint64)
    numbers = np.arange(1, count + 1, dtype=np.uint64) + seeds[:, None]
    return np.ascontiguousarray((_mixed(numbers) | np.uint64(1)).T), seeds[:, None]


def _seed(about: str, key: int) -> int:
    told = hashlib.blake2b(about.encode(), digest_size=7, key=key.to_bytes(8, "little")).digest()
    return int.from_bytes(told, "little")


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finalizer (Steele, Lea, Flood 2014)."""
    mixed: NDArray[np.uint64] = values >> np.uint64(30)
    mixed ^= values
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
