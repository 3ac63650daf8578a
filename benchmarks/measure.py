"""Timing contenders so that their ratios mean something on a machine that is not quiet."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.contender import Contender
from benchmarks.readers.base import Reader

C = TypeVar("C", bound=Contender)


@dataclass(frozen=True)
class Timing:
    """Seconds that one contender took, one figure a round."""

    contender: type[Contender]
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle figure."""
        return float(np.median(self.seconds))

    def ratio_to(self, other: Timing) -> float:
        """How many times as long as `other` this took for the same work: the median over rounds."""
        return float(np.median(np.divide(self.seconds, other.seconds)))


def in_turns(contenders: Sequence[C], rounds: int, turn: Callable[[C, int], float]) -> list[Timing]:
    """Let every contender have its turn in every round, each round beginning with another.

    A slow second of the machine then falls on all of them, and none profits from coming last.

    Args:
        contenders: ready to begin.
        rounds: turns of each.
        turn: from a contender and the number of the round to the seconds that it took.
    """
    seconds: list[list[float]] = [[] for _ in contenders]
    for number in range(rounds):
        for step in range(len(contenders)):
            place = (number + step) % len(contenders)
            seconds[place].append(turn(contenders[place], number))
    return [Timing(type(one), tuple(figures)) for one, figures in zip(contenders, seconds, strict=True)]


def interleave(
    readers: Sequence[Reader],
    rows: Sequence[NDArray[np.int64]],
    expected: Mapping[str, NDArray[Any]],
    *,
    warm_up: int = 1,
) -> list[Timing]:
    """Let all readers read the same rows, round by round.

    In its turn a reader reads several batches one after another, as training does, and the middle one counts:
    right after another library has run, the threads of the next one still share a core for some milliseconds.
    Before the first round every reader reads some batches unmeasured, and what it reads is compared with what
    was written.

    Args:
        readers: ready to read.
        rows: the rows of each round, R of (B,), or of (K, B) for K batches a turn.
        expected: all rows (N, *D) of each column.
        warm_up: batches that are read unmeasured.

    Raises:
        ValueError: a reader does not read what was written.
    """
    first = np.atleast_2d(rows[0])[0]
    others = np.random.default_rng(1)
    for reader in readers:
        for number in range(max(warm_up, 1)):
            count = len(next(iter(expected.values())))
            asked = first if number == 0 else others.choice(count, len(first), replace=False)
            values = reader.read(asked)
            if values.keys() != expected.keys():
                raise ValueError(f"{reader.name} read {sorted(values)}, expected {sorted(expected)}")
            for name, column in expected.items():
                if not np.array_equal(values[name], column[asked]):
                    raise ValueError(f"{reader.name} read other values of {name} than were written")
    return in_turns(
        readers, len(rows), lambda reader, number: middle_seconds(reader.read, np.atleast_2d(rows[number]))
    )


def middle_seconds(read: Callable[[NDArray[np.int64]], object], batches: NDArray[np.int64]) -> float:
    """Seconds that the middle one of several batches (K, B) takes: after another library has run, its threads
    are still awake."""
    figures = []
    for batch in batches:
        start = time.perf_counter()
        read(batch)
        figures.append(time.perf_counter() - start)
    return float(np.median(figures))
