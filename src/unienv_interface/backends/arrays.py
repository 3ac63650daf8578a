"""Pure functions on arrays and nested data that every backend shares."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["abbreviate", "first_index", "map_leaves"]


def abbreviate(array: NDArray[Any]) -> NDArray[Any]:
    """A view of `array` with every axis along which all values are the same cut to length 1.

    Values are compared bit by bit, so NaN equals NaN and 0.0 is not -0.0. Axes of length 0 are kept.
    """
    bits = array.view(f"u{array.dtype.itemsize}") if array.dtype.kind == "f" else array
    for axis in range(array.ndim):
        if array.shape[axis] <= 1:
            continue
        head = (slice(None),) * axis + (slice(0, 1),)
        # A stride of 0 is a broadcast axis: the same memory, nothing to compare.
        if bits.strides[axis] == 0 or bool(np.all(bits == bits[head])):
            array, bits = array[head], bits[head]
    return array


def first_index(mask: NDArray[Any]) -> tuple[int, ...]:
    """The index of the first true element of a mask that has one."""
    return tuple(int(position) for position in np.argwhere(mask)[0])


def map_leaves(data: Any, is_leaf: Callable[[object], bool], fn: Callable[[Any], Any]) -> Any:
    """`data` with `fn` applied to the leaves in its mappings, tuples, lists and dataclass instances.

    Mappings come back as dicts, named tuples and dataclasses as their own type; whatever else is
    no leaf is kept as it is.
    """
    if is_leaf(data):
        return fn(data)
    if isinstance(data, Mapping):
        return {key: map_leaves(value, is_leaf, fn) for key, value in data.items()}
    if isinstance(data, tuple):
        items = [map_leaves(item, is_leaf, fn) for item in data]
        return type(data)(*items) if hasattr(data, "_fields") else tuple(items)
    if isinstance(data, list):
        return [map_leaves(item, is_leaf, fn) for item in data]
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        fields = [field.name for field in dataclasses.fields(data) if field.init]
        changed = {name: map_leaves(getattr(data, name), is_leaf, fn) for name in fields}
        return dataclasses.replace(data, **changed)
    return data
