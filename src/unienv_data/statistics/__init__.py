"""Statistics of columns, gathered in one pass: accumulators that merge, and the document that keeps them.

Names load when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.statistics.column import QUANTILES, ColumnAccumulator, Summary
    from unienv_data.statistics.dataset import DatasetAccumulator
    from unienv_data.statistics.leaves import leaves_of, paths_of, spaces_of
    from unienv_data.statistics.series import Series, series_of
    from unienv_data.statistics.statistics import Statistics

__all__ = [
    "QUANTILES",
    "ColumnAccumulator",
    "DatasetAccumulator",
    "Series",
    "Statistics",
    "Summary",
    "leaves_of",
    "paths_of",
    "series_of",
    "spaces_of",
]

_COLUMN = "unienv_data.statistics.column"
_LEAVES = "unienv_data.statistics.leaves"
_SERIES = "unienv_data.statistics.series"

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "QUANTILES": _COLUMN,
        "ColumnAccumulator": _COLUMN,
        "DatasetAccumulator": "unienv_data.statistics.dataset",
        "Series": _SERIES,
        "Statistics": "unienv_data.statistics.statistics",
        "Summary": _COLUMN,
        "leaves_of": _LEAVES,
        "paths_of": _LEAVES,
        "series_of": _SERIES,
        "spaces_of": _LEAVES,
    },
)
