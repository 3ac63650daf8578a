"""Columns in another data type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.conversion.shaping.changes import Change, Place, changed_column, shown
from unienv_data.errors import ConversionError
from unienv_data.formats import SourceColumn
from unienv_data.formats.tabular.arrow import array_space
from unienv_interface.backends.dtypes import inexact_elements
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BinarySpace, BoxSpace
from unienv_interface.space.space import AnySpace

__all__ = ["Cast", "cast_column", "parse_cast"]

LOSSY = "lossy"
_WIDTHS = {"int": (8, 16, 32, 64), "uint": (8, 16, 32, 64), "float": (16, 32, 64)}
_DTYPES = ("bool", *(f"{kind}{bits}" for kind, widths in _WIDTHS.items() for bits in widths))


@dataclass(frozen=True)
class Cast:
    """Another data type.

    Args:
        dtype: which.
        lossy: whether values may be rounded to the nearest that it has.
    """

    dtype: np.dtype[Any]
    lossy: bool

    def __str__(self) -> str:
        return f"{self.dtype}:{LOSSY}" if self.lossy else str(self.dtype)


def parse_cast(text: str) -> Cast:
    """The cast that `uint8` or `uint8:lossy` spells.

    Raises:
        ConversionError: it is no data type that a column can have.

    Example:
        >>> parse_cast("float32:lossy")
        Cast(dtype=dtype('float32'), lossy=True)
    """
    name, colon, mode = text.partition(":")
    if name not in _DTYPES or (colon and mode != LOSSY):
        raise ConversionError(
            f"cast {text!r}: a data type was expected, one of {', '.join(_DTYPES)}, or such a one "
            f"with :{LOSSY} where values may be rounded"
        )
    return Cast(np.dtype(name), bool(colon))


def cast_column(column: SourceColumn, cast: Cast) -> tuple[SourceColumn, Change | None]:
    """The column in another data type, and how its values become that; None where they have it already.

    A value that the data type does not hold is refused. A lossy cast rounds it, halves to even; what lies
    beyond the data type's range, or is no number where it has no such value, is refused all the same.

    Raises:
        ConversionError: the column does not hold numbers.
    """
    space = column.space
    if not isinstance(space, (BoxSpace, BinarySpace)):
        raise ConversionError(f"cast: {shown(column)} holds no numbers, but {type(space).__name__}")
    old = np.dtype(space.dtype)
    if old == cast.dtype:
        return column, None
    target = _cast_space(space, cast.dtype)
    about = {"cast_from": old.name}
    changed = changed_column(column, target, about, f"cast to {cast.dtype}" if cast.lossy else None)

    def change(values: NDArray[Any], place: Place) -> NDArray[Any]:
        return cast_values(values, cast, place)

    return changed, change


def cast_values(values: NDArray[Any], cast: Cast, place: Place) -> NDArray[Any]:
    """Rows (B, *D) in another data type.

    Raises:
        ConversionError: a value is none of the data type; the first one is named.
    """
    rounded = _rounded(values, cast.dtype) if cast.lossy else values
    refused = inexact_elements(rounded, cast.dtype.name)
    if refused is not None and cast.lossy and cast.dtype.kind == "f":
        with np.errstate(over="ignore"):
            refused = np.isinf(rounded.astype(cast.dtype)) & np.isfinite(rounded)
    if refused is not None and refused.any():
        first = tuple(int(axis[0]) for axis in np.nonzero(refused))
        where = f" at {list(first[1:])}" if first[1:] else ""
        value = values[first]
        raise ConversionError(
            f"{place.of_row(first[0])} has {value}{where}, which {cast.dtype} does not hold"
            + ("" if cast.lossy else _advice(value, cast))
        )
    with np.errstate(over="ignore"):
        return rounded.astype(cast.dtype)


def _rounded(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.rint(values) if dtype.kind in "iu" and values.dtype.kind == "f" else values


def _advice(value: Any, cast: Cast) -> str:
    """What may be done where rounding would help."""
    try:
        cast_values(np.asarray([value]), Cast(cast.dtype, True), Place("", "", "", 0))
    except ConversionError:
        return "; leave it in its own data type"
    return f"; --cast PATTERN={cast.dtype}:{LOSSY} rounds it to the nearest"


def _cast_space(space: AnySpace, dtype: np.dtype[Any]) -> AnySpace:
    """One row's value in another data type; bounds that say more than the data types stay."""
    shape = tuple(space.shape or ())
    if not isinstance(space, BoxSpace) or dtype.kind == "b":
        return array_space(dtype, shape)
    low, high = np.asarray(space.bounds.low), np.asarray(space.bounds.high)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        # In floats, the greatest of 64 bits would round up past itself.
        if np.any(low < limits.min) or np.any(high > limits.max) or low.dtype.kind == "f":
            low, high = (_within(bound, limits) for bound in (low, high))
    with np.errstate(over="ignore"):
        low, high = low.astype(dtype), high.astype(dtype)
    return BoxSpace(NumpyComputeBackend, low, high, dtype.type, shape=shape)


def _within(bound: NDArray[Any], limits: Any) -> NDArray[Any]:
    """Bounds as whole numbers that an integer type has; those of floats rounded as values are."""
    least, most = int(limits.min), int(limits.max)
    whole = [
        most if number >= most else least if number <= least else int(np.rint(number))
        for number in bound.reshape(-1)
    ]
    return np.array(whole, dtype=limits.dtype).reshape(bound.shape)
