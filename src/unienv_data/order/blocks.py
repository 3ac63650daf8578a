"""How the rows of a batch fall into groups that lie together in storage. Frozen, pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Blocks", "even_blocks"]

Integers = NDArray[np.int64]

_EVEN_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Blocks:
    """Every row of a batch in one block, blocks in the order of storage.

    A block is given by its runs of consecutive rows, so that blocks take no memory for each row.

    Attributes:
        starts: (R,) the first row of each run; of a block ascending.
        counts: (R,) how many rows a run has, at least one.
        bounds: (N + 1,) block k has the runs from `bounds[k]` to `bounds[k + 1]`, at least one.
        stored_bytes: what is fetched for one block at most; 0 where that is not known.
        is_remote: whether fetching asks elsewhere.
    """

    starts: Integers
    counts: Integers
    bounds: Integers
    stored_bytes: int = 0
    is_remote: bool = False

    @staticmethod
    def of(
        starts: Integers,
        counts: Integers,
        groups: Integers,
        *,
        stored_bytes: int = 0,
        is_remote: bool = False,
    ) -> Blocks:
        """The blocks of runs in any order.

        Args:
            starts: (R,) the first row of each run; no row in two runs.
            counts: (R,) how many rows a run has; empty ones are left out.
            groups: (R,) which block each run belongs to, by any numbers in the order of storage.
            stored_bytes: what is fetched for one block.
            is_remote: whether that asks elsewhere.
        """
        there = counts > 0
        starts, counts, groups = starts[there], counts[there], groups[there]
        order = np.lexsort((starts, groups))
        starts, counts, groups = starts[order], counts[order], groups[order]
        begins = np.append(True, groups[1:] != groups[:-1])[: len(groups)]
        # Runs of a block that continue one another are one.
        heads = begins | np.append(True, starts[1:] != (starts + counts)[:-1])[: len(starts)]
        first = np.flatnonzero(heads)
        joined = np.add.reduceat(counts, first) if len(first) else counts
        bounds = np.append(np.flatnonzero(begins[first]), len(first))
        return Blocks(starts[first], joined, bounds.astype(np.int64), stored_bytes, is_remote)

    @staticmethod
    def joined(parts: Sequence[Blocks], lengths: Sequence[int]) -> Blocks:
        """The blocks of several batches whose rows follow one another.

        Args:
            parts: the blocks of each batch.
            lengths: how many rows each has.
        """
        rows = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        runs = np.concatenate(([0], np.cumsum([len(part.starts) for part in parts]))).astype(np.int64)
        none = np.empty(0, dtype=np.int64)
        return Blocks(
            np.concatenate([none, *(part.starts + row for part, row in zip(parts, rows, strict=False))]),
            np.concatenate([none, *(part.counts for part in parts)]),
            np.concatenate(
                [none, *(part.bounds[:-1] + run for part, run in zip(parts, runs, strict=False)), runs[-1:]]
            ),
            max((part.stored_bytes for part in parts), default=0),
            any(part.is_remote for part in parts),
        )

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @cached_property
    def _run_ends(self) -> Integers:
        """(R + 1,) how many rows stand before each run, all blocks one after another."""
        return np.concatenate(([0], np.cumsum(self.counts)))

    @cached_property
    def sizes(self) -> Integers:
        """(N,) how many rows each block has."""
        return np.diff(self._run_ends[self.bounds])

    @property
    def length(self) -> int:
        """How many rows there are."""
        return int(self._run_ends[-1])

    @cached_property
    def layout(self) -> int:
        """A number of 63 bits that is another one where rows fall into blocks otherwise."""
        digest = hashlib.blake2b(digest_size=8, person=b"unienv-blocks-v1")
        for array in (self.starts, self.counts, self.bounds):
            digest.update(np.ascontiguousarray(array, dtype="<i8").data)
        return int.from_bytes(digest.digest(), "little") >> 1

    def cut(self, length: int) -> Blocks:
        """Without the rows from `length` on."""
        if length >= self.length:
            return self
        counts = np.clip(length - self.starts, 0, self.counts)
        groups = np.repeat(np.arange(len(self)), np.diff(self.bounds))
        return replace(
            Blocks.of(self.starts, counts, groups),
            stored_bytes=self.stored_bytes,
            is_remote=self.is_remote,
        )

    def rows(self, block: int, start: int, stop: int) -> Integers:
        """The rows of a block from its row number `start` to `stop`, ascending."""
        low, high = int(self.bounds[block]), int(self.bounds[block + 1])
        if high - low == 1:
            first = int(self.starts[low])
            return np.arange(first + start, first + stop, dtype=np.int64)
        within = np.arange(start, stop, dtype=np.int64) + self._run_ends[low]
        run = np.searchsorted(self._run_ends, within, side="right") - 1
        rows: Integers = self.starts[run] + within - self._run_ends[run]
        return rows


def even_blocks(length: int, *, size: int = _EVEN_ROWS) -> Blocks:
    """Blocks of as many consecutive rows, where nothing is known of how they lie.

    Args:
        length: how many rows there are.
        size: rows of a block; the last may have fewer.
    """
    starts = np.arange(0, length, size, dtype=np.int64)
    counts = np.minimum(length - starts, size)
    return Blocks(starts, counts, np.arange(len(starts) + 1, dtype=np.int64))
