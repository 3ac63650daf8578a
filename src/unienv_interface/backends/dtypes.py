"""The data types that all backends share: their names, and what holds what without loss.

Everything here speaks of names (`"float32"`) and of host arrays (NumPy), so that every backend
follows the same rules. NumPy has no bfloat16; on the host such values are float32, which holds
each of them exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.errors import SpaceError

__all__ = [
    "DTYPE_NAMES",
    "FLOATING",
    "INTEGERS",
    "dtype_limits",
    "holds_dtype",
    "host_dtype",
    "inexact_elements",
    "largest_finite",
    "promote_dtypes",
    "round_floats",
]

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATING = ("float16", "bfloat16", "float32", "float64")
DTYPE_NAMES = ("bool", *INTEGERS, *FLOATING)

# Bits of the significand, the hidden one included: every integer up to 2**bits is a value of the type.
_PRECISION = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}
_FLOAT_SUBSETS = {
    "float16": {"float16"},
    "bfloat16": {"bfloat16"},
    "float32": {"float16", "bfloat16", "float32"},
    "float64": {"float16", "bfloat16", "float32", "float64"},
}
_BFLOAT16_MAX = float(np.array(0x7F7F0000, dtype=np.uint32).view(np.float32))


def host_dtype(name: str) -> np.dtype[Any]:
    """The NumPy type that holds every value of the type called `name`."""
    return np.dtype(np.float32) if name == "bfloat16" else np.dtype(name)


def dtype_limits(name: str) -> tuple[int, int] | tuple[float, float]:
    """The least and greatest value of a type; infinite for floating types."""
    if name in FLOATING:
        return -np.inf, np.inf
    if name == "bool":
        return 0, 1
    info = np.iinfo(name)
    return int(info.min), int(info.max)


def largest_finite(name: str) -> float:
    """The greatest finite value of a floating type."""
    return _BFLOAT16_MAX if name == "bfloat16" else float(np.finfo(name).max)


def holds_dtype(target: str, source: str) -> bool:
    """Whether every value of the type `source` is a value of the type `target`."""
    if target == source or source == "bool":
        return True
    if source in FLOATING:
        return target in FLOATING and source in _FLOAT_SUBSETS[target]
    low, high = dtype_limits(source)
    if target in FLOATING:
        reach = 2 ** _PRECISION[target]
        return bool(-reach <= low and high <= reach)
    target_low, target_high = dtype_limits(target)
    return target != "bool" and bool(target_low <= low and high <= target_high)


def promote_dtypes(names: Iterable[str]) -> str:
    """The type that arrays of these types have in common, by NumPy's promotion rules.

    bfloat16, which NumPy lacks, follows the same pattern: with an integer type it becomes the
    least floating type that NumPy would choose at its precision, with float16 it becomes float32.

    Raises:
        SpaceError: no names are given.
    """
    unique = sorted(set(names))
    if not unique:
        raise SpaceError("no data types to promote")
    if "bfloat16" not in unique:
        return np.result_type(*(np.dtype(name) for name in unique)).name
    others = [name for name in unique if name != "bfloat16"]
    if not others or all(holds_dtype("bfloat16", name) for name in others):
        return "bfloat16"
    # Whatever bfloat16 cannot hold needs float32 at least.
    return np.result_type(np.float32, *(np.dtype(name) for name in others)).name


def inexact_elements(values: NDArray[Any], target: str) -> NDArray[Any] | None:
    """Which elements of a host array the type `target` cannot hold unchanged.

    Signs of zeros are not looked at; NaN is held by every floating type.

    Returns:
        A mask of the shape of `values`, or None when every value of their type is held.
    """
    source = values.dtype.name
    if holds_dtype(target, source):
        return None
    if target == "bool":
        return np.asarray((values != 0) & (values != 1))
    if target in INTEGERS:
        low, high = dtype_limits(target)
        if source in INTEGERS:
            return np.asarray((values < low) | (values > high))
        wide = values.astype(np.float64)
        # high + 1 is a power of two, so both limits are exact as floats; high itself may not be.
        with np.errstate(invalid="ignore"):
            return ~np.asarray((wide >= low) & (wide < float(int(high) + 1)) & (wide == np.trunc(wide)))
    if source in INTEGERS:
        return _inexact_integers(values, target)
    return _inexact_floats(values, target)


def _inexact_integers(values: NDArray[Any], target: str) -> NDArray[Any]:
    wide = values.astype(np.float64)
    # Rounding may have reached 2**63 or 2**64, which does not convert back; 0 differs as well.
    overflown = wide >= float(dtype_limits(values.dtype.name)[1] + 1)
    back = np.where(overflown, 0.0, wide).astype(values.dtype)
    return np.asarray((back != values) | _inexact_floats(wide, target))


def _inexact_floats(values: NDArray[Any], target: str) -> NDArray[Any]:
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = values.astype(host_dtype(target))
    inexact = np.asarray((narrow != values) & ~np.isnan(values))
    if target == "bfloat16":
        bits = np.ascontiguousarray(narrow).view(np.uint32).reshape(narrow.shape)
        inexact |= ((bits & np.uint32(0xFFFF)) != 0) & ~np.isnan(narrow)
    return inexact


def round_floats(values: NDArray[Any], target: str) -> NDArray[Any]:
    """Floating-point values rounded to the nearest of a floating type, ties to even.

    Args:
        values: host array of a floating type.
        target: name of the floating type; the result has its host type.
    """
    with np.errstate(over="ignore"):
        narrow = values.astype(host_dtype(target))
    if target != "bfloat16":
        return narrow
    bits = np.ascontiguousarray(narrow).view(np.uint32).astype(np.uint64)
    # Add half of the last place kept, less one where that place is even, and cut.
    rounded = ((bits + 0x7FFF + ((bits >> np.uint64(16)) & np.uint64(1))) & np.uint64(0xFFFF0000)).astype(
        np.uint32
    )
    return np.where(np.isfinite(narrow), rounded.view(np.float32).reshape(narrow.shape), narrow)
