"""Windows: which steps around each row are shown together. Frozen, pure."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Offsets", "Steps", "checked_offsets", "edge_repeats", "steps"]

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Offsets:
    """The steps of each column.

    Attributes:
        patterns: what the user calls each group of columns with the same steps; None for all columns.
        steps: for each group its offsets from the row, ascending.
        groups: number of the group of each leaf, by path; leaves that are not here show the row alone.
    """

    patterns: tuple[str | None, ...]
    steps: tuple[tuple[int, ...], ...]
    groups: Mapping[tuple[Hashable, ...], int] = field(default_factory=dict)

    @cached_property
    def extent(self) -> tuple[int, int]:
        """How many rows before and after its own the longest windows need."""
        lowest, highest = min(group[0] for group in self.steps), max(group[-1] for group in self.steps)
        return max(-lowest, 0), max(highest, 0)

    @cached_property
    def arrays(self) -> tuple[Integers, ...]:
        """The offsets of each group as (T,) arrays."""
        return tuple(np.array(group, dtype=np.int64) for group in self.steps)

    def complete(self, runs: Integers) -> Integers:
        """The rows whose windows lie within their run.

        Args:
            runs: (R, 2) half-open ranges of rows.

        Returns:
            (K, 2) half-open ranges of rows.
        """
        before, after = self.extent
        inner = runs + np.array([before, -after], dtype=np.int64)
        return inner[inner[:, 1] > inner[:, 0]]


class Steps(NamedTuple):
    """The rows of windows.

    Attributes:
        rows: (B, T), at the end of a run its last row again.
        is_real: (B, T), False where a row stands in for one that is not there.
    """

    rows: Integers
    is_real: NDArray[np.bool_]


def steps(rows: Integers, before: Integers, after: Integers, offsets: Integers) -> Steps:
    """The windows around rows.

    Args:
        rows: (B,) rows.
        before: (B,) how many rows of its run stand before each.
        after: (B,) how many after it.
        offsets: (T,) the steps.
    """
    nearest = np.clip(offsets, -before[:, None], after[:, None])
    return Steps(rows[:, None] + nearest, nearest == offsets)


def edge_repeats(is_real: NDArray[np.bool_], zero: int) -> Integers:
    """Which step stands in each place of a window once the steps that are not real are filled.

    They repeat the last of the real ones that follow one another from the step `zero` on.

    Args:
        is_real: (B, T); the step `zero` counts as real.
        zero: the place of the row itself.

    Returns:
        (B, T) places.
    """
    width = is_real.shape[1]
    # Minimum of what precedes, going outward: real, and reached from the middle without a gap.
    left = np.logical_and.accumulate(is_real[:, :zero][:, ::-1], axis=1).sum(axis=1)
    right = np.logical_and.accumulate(is_real[:, zero + 1 :], axis=1).sum(axis=1)
    places = np.arange(width)
    edges = np.where(places < zero, zero - left[:, None], zero + right[:, None])
    return np.where(is_real | (places == zero), places, edges)


def checked_offsets(offsets: Any, name: str = "fixed_offset") -> tuple[int, ...]:
    """Offsets as ascending integers.

    Args:
        offsets: a sequence or 1-D host array of integers.
        name: what they are called in messages.

    Raises:
        ValueError: there are none, one is no integer, or they do not ascend.
    """
    items = offsets.tolist() if isinstance(offsets, np.ndarray) else offsets
    if not isinstance(items, Sequence) or isinstance(items, str):
        raise ValueError(f"{name}: expected a sequence of integers, got {offsets!r}")
    try:
        found = tuple(operator.index(item) for item in items if not isinstance(item, bool))
    except TypeError:
        found = ()
    if len(found) != len(items) or not found:
        raise ValueError(f"{name}: expected one or more integers, got {offsets!r}")
    if any(after <= before for before, after in pairwise(found)):
        raise ValueError(f"{name}: expected ascending integers, got {list(found)}")
    return found
