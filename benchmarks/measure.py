"""Timing readers so that their ratios mean something on a machine that is not quiet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers import Reader


@dataclass(frozen=True)
class Timing:
    """Seconds that one reader took, one figure a round."""

    reader: type[Reader]
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle figure."""
        return float(np.median(self.seconds))

    def ratio_to(self, other: Timing) -> float:
        """How many times as long as `other` this took for the same rows: the median over rounds."""
        return float(np.median(np.divide(self.seconds, other.seconds)))


def interleave(
    readers: Sequence[Reader], rows: Sequence[NDArray[np.int64]], expected: NDArray[np.uint8]
) -> list[Timing]:
    """Let all readers read the same rows, round by round, each round beginning with another.

    A slow second of the machine then falls on all of them, and none profits from coming last. In its turn a
    reader reads several batches one after another, as training does, and the middle one counts: right after
    another library has run, the threads of the next one still share a core for some milliseconds. Before the
    first round every reader reads once unmeasured, and what it reads is compared with what was written.

    Args:
        readers: ready to read.
        rows: the rows of each round, R of (B,), or of (K, B) for K batches a turn.
        expected: all rows (N, *D).

    Raises:
        ValueError: a reader does not read what was written.
    """
    for reader in readers:
        first = np.atleast_2d(rows[0])[0]
        if not np.array_equal(reader.read(first), expected[first]):
            raise ValueError(f"{reader.name} read other values than were written")
    seconds: list[list[float]] = [[] for _ in readers]
    for number, asked in enumerate(rows):
        for turn in range(len(readers)):
            place = (number + turn) % len(readers)
            seconds[place].append(_turn(readers[place], np.atleast_2d(asked)))
    return [Timing(type(reader), tuple(figures)) for reader, figures in zip(readers, seconds, strict=True)]


def _turn(reader: Reader, batches: NDArray[np.int64]) -> float:
    """Seconds that the middle one of several batches (K, B) takes."""
    figures = []
    for batch in batches:
        start = time.perf_counter()
        reader.read(batch)
        figures.append(time.perf_counter() - start)
    return float(np.median(figures))
