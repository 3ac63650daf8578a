"""Rows of a column that wait to be counted: short episodes are counted together, long ones as they come."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.statistics.column import STATISTICS, ColumnAccumulator, of_histogram
from unienv_data.statistics.episodes import packed
from unienv_data.statistics.histogram import Histogram
from unienv_data.statistics.series import Series
from unienv_data.statistics.short import of_each
from unienv_interface.space.space_utils.batch_utils import batch_size_data

__all__ = ["HELD_NUMBERS", "HeldColumn"]

HELD_NUMBERS = 1 << 19
"""Of a column: so many numbers wait, and an episode that has more is counted as it comes."""


class HeldColumn:
    """The rows of a column by episode.

    Args:
        series: how they are counted; None where only their number is.

    Attributes:
        whole: what has been counted, of all episodes.
        held: numbers of ended episodes that wait.
    """

    def __init__(self, series: Series | None) -> None:
        self.series = series if series is not None and series.size else None
        self.whole = ColumnAccumulator(series)
        self.held = 0
        self._by_value = series is not None and series.is_image and series.dtype.itemsize == 1
        self._ended: list[_Episode] = []
        self._open = _Episode()

    def add(self, values: Any) -> None:
        """Take rows (B, *D) of the open episode."""
        self._open.add(values, self.series, 0 if self._by_value else HELD_NUMBERS)

    def tally(self, count: int) -> None:
        """Take rows of the open episode of which only the number counts."""
        self._open.count += count

    def end(self) -> None:
        """The open episode ends."""
        self._ended.append(self._open)
        self.held += self._open.size
        if self._open.long is not None and self._open.long.histogram is not None:
            self.held += self._open.long.histogram.counts.size
        self._open = _Episode()

    def count_held(self) -> tuple[list[int], NDArray[np.float64] | None]:
        """Count the ended episodes.

        Returns:
            The rows of each (E,), and their statistics (E, 9, S), in the order of STATISTICS; None where the
            column holds no numbers.
        """
        episodes, self._ended, self.held = self._ended, [], 0
        counts = [episode.count for episode in episodes]
        if self.series is None:
            self.whole.tally(sum(counts))
            return counts, None
        block = np.full((len(episodes), len(STATISTICS), self.series.size), np.nan)
        short = [place for place, episode in enumerate(episodes) if episode.parts]
        if short:
            rows = np.concatenate([part for place in short for part in episodes[place].parts])
            block[short] = self._of_short(rows, [counts[place] for place in short], self.series)
        long = [(place, episode.long) for place, episode in enumerate(episodes) if episode.long is not None]
        for _, found in long:
            self.whole.merge(found)
        if self._by_value and long:
            block[[place for place, _ in long]] = _of_counted([found for _, found in long], self.series)
        else:
            for place, found in long:
                block[place] = packed(found.summary(), self.series.size)
        return counts, block

    def _of_short(self, rows: NDArray[Any], counts: list[int], series: Series) -> NDArray[np.float64]:
        numbers = series.split(rows)
        if rows.dtype.kind != "f" or np.isfinite(numbers).all():
            each = np.array(counts, np.int64) * (len(numbers) // len(rows))
            groups = of_each(numbers, each)
            if self.whole.histogram is None:
                self.whole.add_counted(len(rows), groups.moments(), groups.ordered)
            else:
                self.whole.add(rows)
            return groups.packed() / series.scale
        self.whole.add(rows)
        found = []
        for part in np.split(rows, np.cumsum(counts)[:-1]):
            alone = ColumnAccumulator(series)
            alone.add(part)
            found.append(packed(alone.summary(), series.size))
        return np.concatenate(found)


def _of_counted(found: list[ColumnAccumulator], series: Series) -> NDArray[np.float64]:
    """The statistics (E, 9, S) of episodes that were counted value by value."""
    counts = [each.histogram.counts for each in found if each.histogram is not None]
    numbers = of_histogram(Histogram.of(np.concatenate(counts), series.dtype))
    shape = len(found), series.size
    return np.stack([numbers[name].reshape(shape) / series.scale for name in STATISTICS], axis=1)


class _Episode:
    """Rows of one episode: those that wait, or what has been counted of one too long to wait."""

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self.parts: list[NDArray[Any]] = []
        self.long: ColumnAccumulator | None = None

    def add(self, values: Any, series: Series | None, most: int) -> None:
        """Take rows; those of more than `most` numbers do not wait."""
        self.count += int(batch_size_data(values) or 0)
        if series is None or not len(values):
            return
        self.parts.append(values)
        self.size += values.size
        if self.long is None and self.size > most:
            self.long = ColumnAccumulator(series)
        if self.long is not None:
            for part in self.parts:
                self.long.add(part)
            self.parts, self.size = [], 0
