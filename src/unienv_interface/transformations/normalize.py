"""Columns normalized by their statistics, and back."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

from unienv_interface.backends.dtypes import FLOATING, promote_dtypes
from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.document_numbers import number_reader
from unienv_interface.space.space_utils.document_reading import Problems, flag
from unienv_interface.space.spaces.aliases import AnyBox
from unienv_interface.transformations.arrays import as_box, floating_name
from unienv_interface.transformations.box_template import BoxTemplate
from unienv_interface.transformations.documents import (
    dtype_or_none,
    numbers,
    object_of,
    one_of,
    read_parameters,
    text,
)
from unienv_interface.transformations.linear import apply_linear, mapped_bounds
from unienv_interface.transformations.parts import check_separator, find_parts, located, plan_parts
from unienv_interface.transformations.planning import Plan, PlannedTransformation, leads_back, same
from unienv_interface.transformations.registry import register_transformation
from unienv_interface.transformations.statistics import MODES, SCALE, ColumnStatistics, check_statistics

__all__ = ["DenormalizeTransformation", "NormalizeTransformation"]


class _ColumnsTransformation(PlannedTransformation):
    """What both have: statistics of columns, and a plan for each column that is there."""

    has_inverse = True

    def __init__(
        self, statistics: Any, mode: Any, epsilon: float, ignore_missing_keys: bool, nested_separator: str
    ) -> None:
        self.columns = check_statistics(statistics, mode)
        self.epsilon = _checked_epsilon(epsilon)
        self.ignore_missing_keys = bool(ignore_missing_keys)
        self.nested_separator = check_separator(nested_separator)
        super().__init__()

    def _parts(self, space: AnySpace) -> dict[str, AnySpace]:
        return find_parts(space, self.columns, self.nested_separator, ignore_missing=self.ignore_missing_keys)

    def _plan(self, source_space: AnySpace) -> Plan:
        plans = {}
        for column, part in self._parts(source_space).items():
            with located(column):
                plans[column] = self._column_plan(column, as_box(part, type(self).__name__))
        return plan_parts(source_space, plans, self.nested_separator) or Plan(source_space, same)

    @abstractmethod
    def _column_plan(self, column: str, box: AnyBox) -> Plan:
        """What is done to one column."""

    def _options(self) -> dict[str, Any]:
        return {
            "epsilon": self.epsilon,
            "ignore_missing_keys": self.ignore_missing_keys,
            "nested_separator": self.nested_separator,
        }

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        return {
            "statistics": {column: chosen.document() for column, chosen in self.columns.items()},
            "mode": {column: chosen.mode for column, chosen in self.columns.items()},
            **self._options(),
        }


@register_transformation("normalize")
class NormalizeTransformation(_ColumnsTransformation):
    """Columns of numbers brought to a common scale by their statistics; the others stay as they are.

    - `mean_std`: (x - mean) / std
    - `min_max`: min becomes -1, max becomes 1
    - `quantile`: q01 becomes -1, q99 becomes 1; what lies beyond lies beyond

    An element whose spread (std, or half the range) is at most `epsilon`, or no more than rounding
    makes of one number, is constant: it is moved to 0 and not scaled. Bounds follow the values.
    Computed in float32, or in float64 where a type or the statistics ask for it.

    The inverse leads back to the bounds and data types of the source. It gives the value that came in
    to within a few roundings of `max(abs(x), abs(shift), span)`, in the coarser type; whole numbers
    exactly where the type of the results has enough digits.

    Args:
        statistics: column -> statistic ("mean", "std", "min", "max", "q01", "q99"; others are not
            looked at) -> numbers that broadcast to the column's shape. A column is named by its path
            (`observation/state`); a space that is a box itself is the column "". Where they have a `scale`,
            they are of values divided by it: those of a column of whole numbers are multiplied by it, so that
            statistics of images from 0 to 1 are right before and after `ImageToFloatTransformation`.
        mode: one of the three for all columns, or column -> mode, where columns that are not named are
            left as they are.
        dtype: floating data type of the results; by default that of the column where it is floating,
            and else what NumPy promotes it and float32 to.
        epsilon: greatest spread of a constant, in units of the column.
        ignore_missing_keys: pass over columns that a space does not have; otherwise they are an error.
        nested_separator: what stands between the keys of a path.

    Raises:
        SpaceError: statistics are missing, not finite or at odds.
    """

    def __init__(
        self,
        statistics: Mapping[str, Mapping[str, Any]],
        mode: str | Mapping[str, str] = "mean_std",
        *,
        dtype: Any | None = None,
        epsilon: float = 0.0,
        ignore_missing_keys: bool = False,
        nested_separator: str = "/",
    ) -> None:
        self.dtype = None if dtype is None else floating_name("dtype", dtype)
        super().__init__(statistics, mode, epsilon, ignore_missing_keys, nested_separator)

    def _column_plan(self, column: str, box: AnyBox) -> Plan:
        name = box.bounds.dtype
        wanted = self.dtype or (name if name in FLOATING else promote_dtypes([name, "float32"]))
        linear = self.columns[column].map_for(name, box.shape, self.epsilon)
        target = box.with_bounds(mapped_bounds(box.bounds, linear, wanted))
        return Plan(target, apply_linear(box, target, linear))

    def direction_inverse(self, source_space: AnySpace | None = None) -> DenormalizeTransformation:
        if source_space is None:
            raise SpaceError("source_space: needed for the bounds and data types that lead back")
        boxes = {
            column: BoxTemplate.of(as_box(part, column)) for column, part in self._parts(source_space).items()
        }
        return DenormalizeTransformation(
            {column: self.columns[column].document() for column in boxes},
            {column: self.columns[column].mode for column in boxes},
            boxes,
            dtype=self.dtype,
            epsilon=self.epsilon,
            nested_separator=self.nested_separator,
        )

    def _options(self) -> dict[str, Any]:
        return {"dtype": self.dtype, **super()._options()}

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        readers = {**_READERS, "dtype": dtype_or_none}
        return read_parameters(json_data, cls, readers, {**_DEFAULTS, "dtype": None}, _check_columns)


@register_transformation("denormalize")
class DenormalizeTransformation(_ColumnsTransformation):
    """Normalized columns brought back to their own scale: the inverse of `NormalizeTransformation`.

    Results are rounded to each column's data type and kept within its bounds. The inverse is there for
    spaces that `NormalizeTransformation` gives.

    Args:
        statistics: what the columns were normalized by.
        mode: how, likewise.
        boxes: column -> a box with the bounds and data type that it had.
        dtype: the data type of `NormalizeTransformation`, for the way there; None for its default.
        epsilon: as there.
        ignore_missing_keys: as there.
        nested_separator: as there.

    Raises:
        SpaceError: statistics are missing, not finite or at odds; a column has no box.
    """

    def __init__(
        self,
        statistics: Mapping[str, Mapping[str, Any]],
        mode: str | Mapping[str, str],
        boxes: Mapping[str, AnyBox | BoxTemplate],
        *,
        dtype: Any | None = None,
        epsilon: float = 0.0,
        ignore_missing_keys: bool = False,
        nested_separator: str = "/",
    ) -> None:
        self.boxes = {
            column: box if isinstance(box, BoxTemplate) else BoxTemplate.of(as_box(box, f"boxes: {column}"))
            for column, box in sorted(boxes.items())
        }
        self.dtype = None if dtype is None else floating_name("dtype", dtype)
        super().__init__(statistics, mode, epsilon, ignore_missing_keys, nested_separator)
        missing = sorted(self.columns.keys() ^ self.boxes.keys())
        if missing:
            raise SpaceError(f"boxes: expected one for each of {list(self.columns)}, differing in {missing}")

    def _column_plan(self, column: str, box: AnyBox) -> Plan:
        template = self.boxes[column]
        target = template.box_like(box)
        linear = self.columns[column].map_for(template.dtype, box.shape, self.epsilon)
        return Plan(target, apply_linear(box, target, linear.inverse()))

    def direction_inverse(self, source_space: AnySpace | None = None) -> NormalizeTransformation | None:
        found = self.columns if source_space is None else self._parts(source_space)
        inverse = NormalizeTransformation(
            {column: self.columns[column].document() for column in found},
            {column: self.columns[column].mode for column in found},
            dtype=self.dtype,
            epsilon=self.epsilon,
            ignore_missing_keys=self.ignore_missing_keys,
            nested_separator=self.nested_separator,
        )
        return inverse if source_space is None or leads_back(self, inverse, source_space) else None

    def _options(self) -> dict[str, Any]:
        boxes = {column: template.document() for column, template in self.boxes.items()}
        return {"boxes": boxes, "dtype": self.dtype, **super()._options()}

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        readers = {**_READERS, "boxes": object_of(BoxTemplate.read), "dtype": dtype_or_none}
        return read_parameters(json_data, cls, readers, {**_DEFAULTS, "dtype": None}, _check_columns)


def _checked_epsilon(epsilon: Any) -> float:
    if isinstance(epsilon, bool) or not isinstance(epsilon, int | float) or not 0 <= epsilon < math.inf:
        raise SpaceError(f"epsilon: expected a number that is at least 0, got {epsilon!r}")
    return float(epsilon)


def _mode(value: Any, problems: Problems) -> Any:
    read = one_of(*MODES)
    return object_of(read)(value, problems) if isinstance(value, Mapping) else read(value, problems)


def _statistics(value: Any, problems: Problems) -> Any:
    read = object_of(object_of(numbers))(value, problems)
    for column, statistics in read.items():
        for name in statistics.keys() - _STATISTICS:
            problems.at(column).at(name).found.append(
                f"{problems.at(column).at(name).location}: expected no such key"
            )
    return read


def _check_columns(arguments: Mapping[str, Any], problems: Problems) -> None:
    """Note what is wrong with each column's statistics."""
    statistics, mode = arguments["statistics"], arguments["mode"]
    modes = mode if isinstance(mode, Mapping) else dict.fromkeys(statistics, mode)
    place = problems.at("statistics")
    for column, wanted in modes.items():
        if column not in statistics:
            place.found.append(f"{place.at(column).location}: missing")
            continue
        try:
            ColumnStatistics.select(column, wanted, statistics[column])
        except SpaceError as exc:
            place.found.append(f"{place.location}: {exc}")


_STATISTICS = frozenset(name for names in MODES.values() for name in names) | {SCALE}
_READERS = {
    "statistics": _statistics,
    "mode": _mode,
    "epsilon": number_reader("float64", nested=False),
    "ignore_missing_keys": flag,
    "nested_separator": text,
}
_DEFAULTS = {"mode": "mean_std", "epsilon": 0.0, "ignore_missing_keys": False, "nested_separator": "/"}
