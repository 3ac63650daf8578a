"""Numbers in strict JSON: infinities are strings, and no value is changed on the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.dtypes import FLOATING
from unienv_interface.space.space_utils.document_reading import Problems
from unienv_interface.space.spaces.values import host_numbers

__all__ = ["dump_bound", "dump_number", "number_reader"]

_INFINITIES = {"Infinity": math.inf, "-Infinity": -math.inf}


def dump_bound(bound: NDArray[Any]) -> Any:
    """A bound in its shortest form as nested arrays; a single number where it is the same everywhere.

    Floating-point numbers have the fewest digits that give the same value when they are rounded to
    the bound's data type.
    """
    if bound.size == 1:
        return dump_number(bound.reshape(-1)[0])
    return _nested(bound)


def _nested(bound: NDArray[Any]) -> Any:
    return [_nested(part) for part in bound] if bound.ndim else dump_number(bound[()])


def dump_number(value: Any) -> int | float | str | bool:
    """A Python or NumPy number."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    # str of a NumPy scalar has the fewest digits of its own type.
    return float(str(value))


def number_reader(dtype: str, *, nested: bool) -> Callable[[Any, Problems], Any]:
    """The reader of a number of a data type, or of nested arrays of such numbers.

    Args:
        dtype: name of the data type: integers for integer types, truth values for bool.
        nested: whether arrays are read too.
    """

    def read(value: Any, problems: Problems) -> Any:
        if nested and isinstance(value, list):
            before = len(problems.found)
            numbers = [read(item, problems.at(position)) for position, item in enumerate(value)]
            if len(problems.found) == before and host_numbers(numbers) is None:
                problems.add("evenly nested arrays of numbers", value)
            return numbers
        if dtype in FLOATING and isinstance(value, str) and value in _INFINITIES:
            return _INFINITIES[value]
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if dtype in FLOATING:
            is_number = is_number or (isinstance(value, float) and math.isfinite(value))
        if dtype == "bool":
            is_number = isinstance(value, bool)
        if not is_number:
            infinities = ", 'Infinity' or '-Infinity'" if dtype in FLOATING else ""
            problems.add(f"{_KINDS.get(dtype, 'an integer')}{infinities}", value)
            return 0
        return value

    return read


_KINDS = {"bool": "true or false", **dict.fromkeys(FLOATING, "a finite number")}
