"""Statistics of columns, and the linear maps that normalize by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.dtypes import INTEGERS
from unienv_interface.errors import SpaceError
from unienv_interface.space.space_utils.document_numbers import dump_bound
from unienv_interface.transformations.arrays import host_array, short_form
from unienv_interface.transformations.linear import LinearMap

__all__ = ["MODES", "SCALE", "ColumnStatistics", "check_statistics"]

MODES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"mean_std": ("mean", "std"), "min_max": ("min", "max"), "quantile": ("q01", "q99")}
)
"""The two statistics that each mode of normalization needs."""

SCALE = "scale"
"""What whole numbers were divided by before they were counted; 1 where nothing is said."""

_EPS = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}


@dataclass(frozen=True, eq=False)
class ColumnStatistics:
    """What one column is normalized by.

    Attributes:
        mode: one of `MODES`.
        first: mean, min or q01; float64, in its shortest form, broadcastable to the column's shape.
        second: std, max or q99, likewise.
        scale: what whole numbers were divided by before they were counted, as those of images are (255).
    """

    mode: str
    first: NDArray[Any]
    second: NDArray[Any]
    scale: float = 1.0

    @classmethod
    def select(cls, column: str, mode: str, statistics: Any) -> ColumnStatistics:
        """What a mode needs of a column's statistics.

        Args:
            column: path of the column, for the message.
            mode: one of `MODES`.
            statistics: name -> numbers, broadcastable to the column's shape; others are not looked at.

        Raises:
            SpaceError: some are missing, not finite or at odds.
        """
        names = MODES[mode]
        if not isinstance(statistics, Mapping):
            raise SpaceError(f"{column}: expected a mapping with {', '.join(names)}, got {statistics!r}")
        arrays = []
        for name in names:
            if name not in statistics:
                raise SpaceError(f"{column}: {mode} needs {', '.join(names)}, got {_names_of(statistics)}")
            array = host_array(f"{column}/{name}", statistics[name]).astype(np.float64)
            if not np.isfinite(array).all():
                raise SpaceError(f"{column}/{name}: expected finite numbers, got {array}")
            arrays.append(short_form(array))
        first, second = arrays
        try:
            with np.errstate(over="ignore"):
                span = np.asarray(second if mode == "mean_std" else second - first)
                np.broadcast_shapes(span.shape, first.shape)
        except ValueError:
            shapes = f"{first.shape} and {second.shape}"
            raise SpaceError(f"{column}: expected shapes that broadcast together, got {shapes}") from None
        if bool(np.any(span < 0)):
            least = "0" if mode == "mean_std" else names[0]
            raise SpaceError(f"{column}/{names[1]}: expected at least {least}, got {second}")
        if not np.isfinite(span).all():
            raise SpaceError(f"{column}: expected a finite range, got {first} to {second}")
        return cls(mode, first, second, _checked_scale(column, statistics.get(SCALE, 1)))

    def map_for(self, dtype: str, shape: tuple[int, ...], epsilon: float) -> LinearMap:
        """The map that normalizes values of a data type.

        Where the spread is at most `epsilon`, or at most what rounding to the type makes of one number,
        an element is taken for constant: it is moved to 0, and not scaled.

        Args:
            dtype: name of the values' type.
            shape: their shape.
            epsilon: greatest spread of a constant.

        Raises:
            SpaceError: the statistics do not broadcast to the shape.
        """
        for name, array in zip(MODES[self.mode], (self.first, self.second), strict=True):
            _check_broadcast(name, array.shape, shape)
        first, second = self.first, self.second
        if dtype in INTEGERS and self.scale != 1:
            # Fractions that are to be normalized have been divided already, by ImageToFloatTransformation.
            first, second = first * self.scale, second * self.scale
        if self.mode == "mean_std":
            centre, spread = first, second
            span, width, base = second, 1.0, 0.0
        else:
            # Halves, since the sum may overflow.
            centre, spread = first / 2 + second / 2, second / 2 - first / 2
            span, width, base = second - first, 2.0, -1.0
        is_constant = (spread <= epsilon) | (spread <= _EPS.get(dtype, 0.0) * np.abs(centre))
        return LinearMap(
            shift=np.where(is_constant, centre, first),
            span=np.where(is_constant, 1.0, span),
            width=np.where(is_constant, 1.0, width),
            base=np.where(is_constant, 0.0, base),
        )

    def document(self) -> dict[str, Any]:
        """The statistics as JSON."""
        arrays = zip(MODES[self.mode], (self.first, self.second), strict=True)
        document = {name: dump_bound(array) for name, array in arrays}
        return document if self.scale == 1 else {**document, SCALE: self.scale}


def check_statistics(statistics: Any, mode: Any) -> dict[str, ColumnStatistics]:
    """What each column is normalized by.

    Args:
        statistics: column -> name -> numbers.
        mode: one of `MODES` for all columns, or column -> mode, where other columns are left alone.

    Raises:
        SpaceError: something is missing, unknown, not finite or at odds.
    """
    if not isinstance(statistics, Mapping):
        raise SpaceError(f"statistics: expected a mapping, got {type(statistics).__name__}")
    modes = dict(mode) if isinstance(mode, Mapping) else dict.fromkeys(statistics, mode)
    selected = {}
    for column, wanted in sorted(modes.items(), key=lambda item: str(item[0])):
        if not isinstance(wanted, str) or wanted not in MODES:
            raise SpaceError(f"mode: expected one of {', '.join(MODES)} for {column!r}, got {wanted!r}")
        if not isinstance(column, str):
            raise SpaceError(f"statistics: expected strings as keys, got {column!r}")
        if column not in statistics:
            raise SpaceError(f"statistics: expected those of {column!r}, got {_names_of(statistics)}")
        try:
            selected[column] = ColumnStatistics.select(column, wanted, statistics[column])
        except SpaceError as exc:
            raise SpaceError(f"statistics: {exc}") from None
    return selected


def _checked_scale(column: str, scale: Any) -> float:
    is_number = isinstance(scale, int | float | np.integer | np.floating) and not isinstance(scale, bool)
    if not is_number or not 0 < scale < np.inf:
        raise SpaceError(f"{column}/{SCALE}: expected a number greater than 0, got {scale!r}")
    return float(scale)


def _check_broadcast(name: str, given: tuple[int, ...], shape: tuple[int, ...]) -> None:
    try:
        fits = np.broadcast_shapes(given, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise SpaceError(
            f"{name}: expected what broadcasts to shape {shape}, got shape {given}"
            " (a number a channel has shape (C,) in HWC images and (C, 1, 1) in CHW ones)"
        )


def _names_of(statistics: Mapping[Any, Any]) -> list[str]:
    return sorted(str(name) for name in statistics)
