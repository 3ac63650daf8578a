"""What is known of each episode, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from unienv_data.statistics.column import STATISTICS, Summary
from unienv_data.statistics.series import Series

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EpisodeStatistics", "packed"]


def packed(found: Summary, size: int) -> NDArray[np.float64]:
    """The numbers of one episode (1, 9, S), in the order of STATISTICS; NaN where there are none."""
    if not found.numbers:
        return np.full((1, len(STATISTICS), size), np.nan)
    flat = [np.asarray(found.numbers[name], np.float64).reshape(-1) for name in STATISTICS]
    return np.stack(flat)[np.newaxis]


class EpisodeStatistics:
    """The statistics of episodes, in the order in which they came.

    Args:
        series: path -> how the column is counted.

    Attributes:
        lengths: rows of each episode.
    """

    def __init__(self, series: Mapping[str, Series | None]) -> None:
        self._series = series
        self.lengths: list[int] = []
        self._counts: dict[str, list[int]] = {path: [] for path in series}
        self._numbers: dict[str, list[NDArray[np.float64]]] = {path: [] for path in series}

    def __len__(self) -> int:
        return len(self.lengths)

    def append(
        self,
        lengths: list[int],
        counts: Mapping[str, list[int]],
        numbers: Mapping[str, NDArray[np.float64]],
    ) -> None:
        """Take the next episodes.

        Args:
            lengths: rows of each (E,).
            counts: path -> rows of each that were looked at (E,).
            numbers: path -> (E, 9, S) of columns of numbers, in the order of STATISTICS; what is there of an
                episode of which no row was looked at says nothing.
        """
        self.lengths += lengths
        for path, found in counts.items():
            self._counts[path] += found
        for path, block in numbers.items():
            self._numbers[path].append(block)

    def extend(self, later: Self) -> None:
        """Take all episodes of another one of the same columns."""
        self.lengths += later.lengths
        for path in self._series:
            self._counts[path] += later._counts[path]
            self._numbers[path] += later._numbers[path]

    def beside(self, other: Self) -> Self:
        """The same episodes, with the columns of both."""
        joined = type(self)({**self._series, **other._series})
        joined.lengths = list(self.lengths)
        joined._counts = {**self._counts, **other._counts}
        joined._numbers = {**self._numbers, **other._numbers}
        return joined

    def table(self) -> pa.Table:
        """A row an episode.

        int64 `length`; of each column `PATH/count`, and of those with numbers `PATH/mean` and so on, as
        double or as a list of the numbers of one statistic, flat; null where no row of the episode was looked
        at. Whole numbers beyond 2**53 are rounded here.
        """
        import pyarrow as pa

        columns: dict[str, Any] = {"length": pa.array(self.lengths, pa.int64())}
        for path, series in self._series.items():
            columns[f"{path}/count"] = pa.array(self._counts[path], pa.int64())
            if series is None or not series.size:
                continue
            nothing = np.empty((0, len(STATISTICS), series.size))
            numbers = np.concatenate([nothing, *self._numbers[path]])
            unseen = np.array(self._counts[path], np.int64) == 0
            for number, name in enumerate(STATISTICS):
                flat = pa.array(np.ascontiguousarray(numbers[:, number]).reshape(-1))
                if series.shape:
                    mask = pa.array(unseen)
                    columns[f"{path}/{name}"] = pa.FixedSizeListArray.from_arrays(
                        flat, series.size, mask=mask
                    )
                else:
                    columns[f"{path}/{name}"] = pa.array(numbers[:, number, 0], mask=unseen)
        return pa.table(columns)
