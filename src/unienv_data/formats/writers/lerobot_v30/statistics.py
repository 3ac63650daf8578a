"""Statistics as LeRobot keeps them: of all rows in `meta/stats.json`, of each episode in the episode table.

Pictures are counted by channel, from 0 to 1, in lists of shape (C, 1, 1); whole numbers' bounds are whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from unienv_data.statistics import ColumnAccumulator, Summary, series_of
from unienv_interface.space.space import AnySpace

__all__ = ["FeatureStatistics"]


class FeatureStatistics:
    """Takes the values of features, episode by episode.

    Args:
        spaces: feature -> space of a row's value; of numbers.
    """

    def __init__(self, spaces: Mapping[str, AnySpace]) -> None:
        self._series = {name: series_of(space) for name, space in spaces.items()}
        self._whole = self._fresh()
        self._open = self._fresh()

    def _fresh(self) -> dict[str, ColumnAccumulator]:
        return {name: ColumnAccumulator(series) for name, series in self._series.items()}

    def add(self, name: str, values: Any) -> None:
        """Take rows (B, *D) of the open episode."""
        self._open[name].add(values)

    def end_episode(self) -> dict[str, dict[str, Any]]:
        """Feature -> what is known of it in the rows since the last end."""
        found = {name: self._document(name, each.summary()) for name, each in self._open.items()}
        for name, each in self._open.items():
            self._whole[name].merge(each)
        self._open = self._fresh()
        return found

    def whole(self) -> dict[str, dict[str, Any]]:
        """Feature -> what is known of it in all ended episodes."""
        return {name: self._document(name, each.summary()) for name, each in self._whole.items()}

    def _document(self, name: str, summary: Summary) -> dict[str, Any]:
        series = self._series[name]
        found: dict[str, Any] = {}
        for key, numbers in (summary.numbers or {}).items():
            array = np.asarray(numbers)
            if series is not None and series.is_image:
                array = array.reshape(-1, 1, 1)
            elif not array.shape:
                array = array.reshape(1)
            if series is not None and series.dtype.kind == "b" and key in ("min", "max"):
                array = array.astype(np.bool_)
            found[key] = array.tolist()
        return {**found, "count": [summary.count]}
