"""Statistics of numbers while they are written, so that they are not read again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from unienv_data.columns.data import ColumnData
from unienv_data.statistics import DatasetAccumulator, series_of, spaces_of
from unienv_data.store import pool
from unienv_interface.space.space import AnySpace

__all__ = ["Collector"]


class Collector:
    """Takes the rows of a conversion in order, of the columns of numbers that are stored as they are.

    Of images a sample is looked at later, which is not known before it is known which rows there are.

    Args:
        space: one row.
        without: paths of columns that are passed over: whose rows come back changed, or come encoded.
    """

    def __init__(self, space: AnySpace, without: Collection[str]) -> None:
        numbers = {
            path: part
            for path, part in spaces_of(space).items()
            if path not in without and (series := series_of(part)) is not None and not series.is_image
        }
        self._found: DatasetAccumulator | None = DatasetAccumulator(numbers, each=pool.map_threaded)

    def add(self, columns: Mapping[str, ColumnData], start: int, stop: int) -> None:
        """Take rows [start, stop) of columns, by the store's names; of one episode.

        Columns that are not as they should be have whatever has been taken given up.
        """
        if self._found is None:
            return
        rows = {}
        for path, series in self._found.series.items():
            values = columns.get(path)
            if series is None or not isinstance(values, np.ndarray) or values.dtype != series.dtype:
                self.give_up()
                return
            rows[path] = values[start:stop].copy()  # what waits would keep all that was read with it
        self._found.add(rows)

    def end_episode(self, length: int) -> None:
        """The rows since the last end are an episode."""
        if self._found is not None:
            self._found.end_episode(length)

    def give_up(self) -> None:
        """Not all episodes come this way: let whoever needs the statistics read the rows."""
        self._found = None

    def found(self, lengths: Collection[int]) -> DatasetAccumulator | None:
        """What has been found of episodes of these lengths; None where others came, or nothing was taken."""
        if self._found is None or not self._found.series:
            return None
        return self._found if self._found.episodes.lengths == list(lengths) else None
