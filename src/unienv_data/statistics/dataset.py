"""The statistics of all columns, of a dataset and of each of its episodes, in one pass.

Rows come in order, episode by episode. Work that several processes share is joined by `merge`, in the order
of the rows:

    >>> from unienv_interface.backends import NumpyComputeBackend as numpy
    >>> import numpy as np
    >>> from unienv_interface.space import BoxSpace
    >>> spaces = {"state": BoxSpace(numpy, -9, 9, np.float32, shape=(2,))}
    >>> first, second = DatasetAccumulator(spaces), DatasetAccumulator(spaces)
    >>> first.add({"state": np.zeros((3, 2), np.float32)}); first.end_episode(3)
    >>> second.add({"state": np.full((1, 2), 4, np.float32)}); second.end_episode(1)
    >>> first.merge(second)
    >>> first.summaries()["state"]["mean"], first.episodes.lengths
    (array([1., 1.]), [3, 1])
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Self

from unienv_data.columns import EncodedRows
from unienv_data.statistics.column import ColumnAccumulator, Summary
from unienv_data.statistics.episodes import EpisodeStatistics
from unienv_data.statistics.held import HELD_NUMBERS, HeldColumn
from unienv_data.statistics.series import Series, series_of
from unienv_interface.space.space import AnySpace

__all__ = ["DatasetAccumulator"]

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


class DatasetAccumulator:
    """Takes rows of some columns in order, and whole episodes that others have taken.

    Args:
        spaces: path -> space of one row's value.
        without: paths of columns that are not looked at.
        each: calls a function on each of some columns, as `map` does; several at a time, if it likes.

    Attributes:
        series: path -> how the column is counted; None where it holds no numbers.
    """

    def __init__(
        self, spaces: Mapping[str, AnySpace], without: Collection[str] = (), each: Each = map
    ) -> None:
        self._each = each
        self.series: dict[str, Series | None] = {
            path: series_of(space) for path, space in spaces.items() if path not in without
        }
        self._episodes = EpisodeStatistics(self.series)
        self._columns = {path: HeldColumn(series) for path, series in self.series.items()}
        self._lengths: list[int] = []

    def add(self, rows: Mapping[str, Any]) -> None:
        """Take rows of the open episode.

        Args:
            rows: path -> batched values (B, *D). Columns that are not looked at, and rows that are encoded,
                are passed over.
        """
        for path, values in rows.items():
            if path in self._columns and not isinstance(values, EncodedRows):
                self._columns[path].add(values)

    def tally(self, count: int) -> None:
        """Take rows of the open episode, of those columns that are no numbers."""
        for path, series in self.series.items():
            if series is None:
                self._columns[path].tally(count)

    def end_episode(self, length: int) -> None:
        """The rows since the last end are an episode.

        Args:
            length: how many rows it has, looked at or not.
        """
        for column in self._columns.values():
            column.end()
        self._lengths.append(length)
        if any(column.held > HELD_NUMBERS for column in self._columns.values()):
            self._count_held()

    def end_rows(self) -> None:
        """The rows since the last end are no episode, but count for the whole."""
        self._count_held()
        for column in self._columns.values():
            column.end()
            column.count_held()

    def _count_held(self) -> None:
        counted = self._each(HeldColumn.count_held, self._columns.values())
        found = dict(zip(self._columns, counted, strict=True))
        counts = {path: counted for path, (counted, _) in found.items()}
        numbers = {path: block for path, (_, block) in found.items() if block is not None}
        self._episodes.append(self._lengths, counts, numbers)
        self._lengths = []

    def merge(self, later: Self) -> None:
        """Take the episodes that another one of the same columns has taken; they come after this one's."""
        self._count_held()
        later._count_held()
        for path, column in later._columns.items():
            self._columns[path].whole.merge(column.whole)
        self._episodes.extend(later._episodes)

    def beside(self, other: Self) -> Self:
        """What is known of the same episodes, of the columns of both; neither takes further rows."""
        joined = type(self)({}, each=self._each)
        joined.series = {**self.series, **other.series}
        joined._episodes = self.episodes.beside(other.episodes)
        joined._columns = {**self._columns, **other._columns}
        return joined

    @property
    def episodes(self) -> EpisodeStatistics:
        """What is known of each ended episode."""
        if self._lengths:
            self._count_held()
        return self._episodes

    def summaries(self) -> dict[str, Summary]:
        """Path -> what is known of the column, over all ended episodes."""
        if self._lengths:
            self._count_held()
        whole = [column.whole for column in self._columns.values()]
        return dict(zip(self._columns, self._each(ColumnAccumulator.summary, whole), strict=True))
