"""What callers give as values: arrays, and numbers as plain Python data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.arrays import first_index
from unienv_interface.backends.base import AnyBackend
from unienv_interface.backends.dtypes import FLOATING, holds_dtype, inexact_elements
from unienv_interface.errors import InexactValueError, SpaceValueError

__all__ = ["at", "cast_exact", "check_exact", "check_kind", "coerce_array", "describe", "host_numbers"]

_KINDS = "biuf"


def host_numbers(x: Any) -> NDArray[Any] | None:
    """A host array equal to `x`; None where `x` is not plain numbers or no array is equal to it.

    Args:
        x: a Python or NumPy number, a NumPy array, or lists and tuples of these, nested evenly.
    """
    if isinstance(x, np.ndarray | np.generic):
        return np.asarray(x) if x.dtype.kind in _KINDS else None
    if isinstance(x, list | tuple):
        leaves = list(_leaves(x))
        if not all(isinstance(leaf, bool | int | float | np.number | np.bool_) for leaf in leaves):
            return None
    elif isinstance(x, bool | int | float):
        leaves = [x]
    else:
        return None
    try:
        array = np.asarray(x)
        if array.dtype.kind in "fO" and leaves and all(_is_integer(leaf) for leaf in leaves):
            # NumPy makes floats of 2**64 - 1 beside 0, and objects of what is larger.
            unsigned = min(leaves) >= 0 and max(leaves) < 2**64
            array = np.asarray(x, dtype=np.uint64 if unsigned else np.float64)
        elif array.dtype.kind == "O":  # integers past 64 bits among floats
            array = array.astype(np.float64)
    except (ValueError, OverflowError):  # uneven nesting; no such float
        return None
    if array.dtype.kind == "f" and array.size == len(leaves):
        # Among floats, NumPy rounds large integers.
        for leaf, value in zip(leaves, array.reshape(-1).tolist(), strict=True):
            if _is_integer(leaf) and int(leaf) != value:
                return None
    return array


def _is_integer(leaf: object) -> bool:
    return isinstance(leaf, int | np.integer)


def _leaves(x: list[Any] | tuple[Any, ...]) -> Iterator[Any]:
    for item in x:
        if isinstance(item, list | tuple):
            yield from _leaves(item)
        elif isinstance(item, np.ndarray):
            yield from item.flat
        else:
            yield item


def coerce_array(
    backend: AnyBackend, x: Any, dtype: str, shape: tuple[int, ...], path: str, device: Any | None = None
) -> Any:
    """`x` as an array of the backend, of this type and shape, no value changed.

    Args:
        backend: whose array is wanted.
        x: an array of the backend, or plain numbers.
        dtype: name of the data type wanted.
        shape: shape wanted.
        path: where `x` stands, for the message.
        device: where plain numbers become an array; arrays stay where they are.

    Raises:
        SpaceValueError: `x` is something else, or of another shape or a higher kind of type.
        InexactValueError: the data type does not hold its values.
    """
    if not backend.is_backendarray(x) or isinstance(x, np.generic):
        numbers = None if isinstance(x, np.ndarray) else host_numbers(x)
        if numbers is None:
            raise SpaceValueError(path, f"{dtype} array of shape {shape} by {backend}", describe(x))
        _check_shape(numbers.shape, shape, path)
        check_kind(numbers.dtype.name, dtype, path)
        check_exact(numbers, dtype, path)
        return backend.from_numpy(np.array(numbers), dtype=backend.dtype_from_name(dtype), device=device)
    _check_shape(tuple(x.shape), shape, path)
    check_kind(backend.dtype_name(x.dtype), dtype, path)
    return cast_exact(backend, x, dtype, path)


def cast_exact(backend: AnyBackend, x: Any, dtype: str, path: str) -> Any:
    """An array of the backend in another data type, no value changed; itself in its own.

    Args:
        backend: whose array it is.
        x: array of any shape.
        dtype: name of the data type wanted.
        path: where `x` stands, for the message.

    Raises:
        InexactValueError: the data type does not hold its values.
        SpaceError: the backend has no such type.
    """
    wanted = backend.dtype_from_name(dtype)
    if x.dtype == wanted:
        return x
    if not holds_dtype(dtype, backend.dtype_name(x.dtype)):
        check_exact(backend.to_numpy(x), dtype, path)
    return backend.astype(x, wanted)


def check_kind(source: str, dtype: str, path: str) -> None:
    """Check that one data type is of the same or a higher kind (bool, integer, floating) than another.

    Raises:
        SpaceValueError: it is of a lower kind.
    """
    if _rank(dtype) < _rank(source):
        raise SpaceValueError(path, f"values of type {dtype}", f"values of type {source}")


def check_exact(values: NDArray[Any], dtype: str, path: str) -> None:
    """Check that a data type holds all `values` of a host array.

    Raises:
        InexactValueError: it does not.
    """
    inexact = inexact_elements(values, dtype)
    if inexact is not None and bool(inexact.any()):
        where = first_index(inexact)
        raise InexactValueError(path, f"values that {dtype} holds", f"{values[where]}{at(where)}")


def at(index: tuple[int, ...]) -> str:
    """` at index (i, j)`, nothing for scalars."""
    return f" at index {index}" if index else ""


def describe(x: Any) -> str:
    """What `x` is, in a few words."""
    if x is None or isinstance(x, bool | int | float | str):
        text = repr(x)
        return text if len(text) <= 40 else f"{text[:37]}..."
    name = f"{type(x).__module__}.{type(x).__qualname__}".removeprefix("builtins.")
    dtype, shape = getattr(x, "dtype", None), getattr(x, "shape", None)
    if dtype is not None and isinstance(shape, tuple):
        return f"{name} of {dtype} and shape {tuple(shape)}"
    return name


def _rank(dtype: str) -> int:
    return 0 if dtype == "bool" else 2 if dtype in FLOATING else 1


def _check_shape(actual: tuple[int, ...], expected: tuple[int, ...], path: str) -> None:
    if actual != expected:
        raise SpaceValueError(path, f"shape {expected}", f"shape {actual}")
