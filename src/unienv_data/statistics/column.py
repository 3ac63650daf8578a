"""The statistics of one column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from unienv_data.statistics.histogram import Histogram, fits_histogram
from unienv_data.statistics.moments import Moments
from unienv_data.statistics.series import Series
from unienv_data.statistics.sketch import Sketch
from unienv_interface.space.space_utils.batch_utils import batch_size_data

__all__ = ["QUANTILES", "STATISTICS", "ColumnAccumulator", "Summary", "of_histogram"]

QUANTILES: Mapping[str, float] = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
"""Name -> share of the numbers that are less."""

STATISTICS = ("mean", "std", "min", "max", *QUANTILES)
"""All that is said of numbers; each has the shape of the column's series."""


@dataclass(frozen=True, eq=False)
class Summary(Mapping[str, Any]):
    """What is known of a column; as a mapping, what is known of its numbers, and `count`.

    `min` and `max` of whole numbers are whole; everything else is float64. All are divided by `scale`.

    Attributes:
        count: rows that were looked at.
        shape: `S`, of each statistic; broadcasts to a row.
        numbers: STATISTICS -> (*S); None where the column holds no numbers, or no row was looked at. Those
            of an element that is always NaN are NaN.
        nans: how many numbers of each series are NaN, (*S); these are left out. None where none is.
        scale: what the values were divided by, 255 for images of 8 bits, else 1.
        rank_error: by how much of the numbers the rank of a quantile may be off, at most.
    """

    count: int
    shape: tuple[int, ...] = ()
    numbers: Mapping[str, NDArray[Any]] | None = None
    nans: NDArray[np.int64] | None = None
    scale: int = 1
    rank_error: float = 0.0

    @property
    def has_numbers(self) -> bool:
        """Whether there is more than a count."""
        return bool(self.numbers)

    def __getitem__(self, name: str) -> Any:
        if name == "count":
            return self.count
        if name == "scale" and self.scale != 1:
            return self.scale
        return (self.numbers or {})[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.numbers or ()
        yield "count"
        if self.scale != 1:
            yield "scale"

    def __len__(self) -> int:
        return len(self.numbers or ()) + 1 + (self.scale != 1)


class ColumnAccumulator:
    """Takes rows of a column, a batch at a time, and others that have done so.

    Args:
        series: how the rows are counted; None where they are no numbers, and only their number counts.
    """

    def __init__(self, series: Series | None) -> None:
        self.series = series
        self.count = 0
        self._histogram: Histogram | None = None
        self._moments: Moments | None = None
        self._sketch: Sketch | None = None
        if series is None or not series.size:
            return
        if fits_histogram(series.size, series.dtype):
            self._histogram = Histogram(series.size, series.dtype)
        else:
            self._moments = Moments(series.size, series.dtype)
            self._sketch = Sketch(series.size, series.dtype)

    def add(self, values: Any) -> None:
        """Take rows (B, *D), or a batch of anything else."""
        self.count += int(batch_size_data(values) or 0)
        if self.series is None or not self.series.size:
            return
        numbers = self.series.split(values)
        if self._histogram is not None:
            self._histogram.add(numbers)
        if self._moments is not None and self._sketch is not None:
            self._moments.add(numbers)
            self._sketch.add(numbers)

    def add_counted(self, count: int, moments: Moments, numbers: NDArray[Any]) -> None:
        """Take rows of which the moments are known, of a column that is not counted value by value.

        Args:
            count: rows.
            moments: of their numbers.
            numbers: (S, N), of the series' dtype, in any order; they stay as they are from now on.
        """
        if self._moments is None or self._sketch is None:
            raise ValueError("counted value by value: the values are needed")
        self.count += count
        self._moments.merge(moments)
        self._sketch.add_series(numbers)

    @property
    def histogram(self) -> Histogram | None:
        """How often each value was there; None where values are not counted one by one."""
        return self._histogram

    def tally(self, count: int) -> None:
        """Take rows of which only the number counts, since they are no numbers."""
        self.count += count

    def merge(self, other: Self) -> None:
        """Take what another one of the same column has taken."""
        self.count += other.count
        if self._histogram is not None and other._histogram is not None:
            self._histogram.merge(other._histogram)
        if self._moments is not None and other._moments is not None:
            self._moments.merge(other._moments)
        if self._sketch is not None and other._sketch is not None:
            self._sketch.merge(other._sketch)

    def summary(self) -> Summary:
        """What is known by now."""
        if self.series is None or not self.count or not self.series.size:
            return Summary(self.count, () if self.series is None else self.series.shape)
        nans, error = None, 0.0
        if self._histogram is not None:
            numbers = of_histogram(self._histogram)
        elif self._moments is not None and self._sketch is not None:
            numbers = _of_moments(self._moments, self._sketch)
            nans = self._moments.nans if self._moments.nans.any() else None
            error = self._sketch.rank_error
        shape, scale = self.series.shape, self.series.scale
        return Summary(
            self.count,
            shape,
            {
                name: (found / scale if scale != 1 else found).reshape(shape)
                for name, found in numbers.items()
            },
            None if nans is None else nans.reshape(shape),
            scale,
            error,
        )


def of_histogram(histogram: Histogram) -> dict[str, NDArray[Any]]:
    """STATISTICS -> (S,), of numbers that have been counted value by value."""
    mean, spread = histogram.moments()
    least, most = histogram.extremes()
    quantiles = dict(zip(QUANTILES, histogram.quantiles([*QUANTILES.values()]), strict=True))
    return {"mean": mean, "std": spread, "min": least, "max": most, **quantiles}


def _of_moments(moments: Moments, sketch: Sketch) -> dict[str, NDArray[Any]]:
    known = moments.count > 0
    quantiles = sketch.quantiles(list(QUANTILES.values()), moments.count)
    least, most = moments.least, moments.most
    if least.dtype.kind == "f":
        least, most = (np.where(known, bound.astype(np.float64), np.nan) for bound in (least, most))
    return {
        "mean": np.where(known, moments.mean, np.nan),
        "std": np.where(known, moments.spread(), np.nan),
        "min": least,
        "max": most,
        **dict(zip(QUANTILES, quantiles, strict=True)),
    }
