"""Arrays of entries of which each batch element has a number of its own, padded to the largest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.arrays import first_index
from unienv_interface.backends.base import AnyBackend
from unienv_interface.errors import SpaceValueError
from unienv_interface.space.spaces.bounds import Bounds
from unienv_interface.space.spaces.values import at, coerce_array, describe, host_numbers

__all__ = ["coerce_counts", "coerce_ragged", "fit_length", "zero_padding"]


def coerce_counts(
    backend: AnyBackend, x: Any, batch_shape: tuple[int, ...], least: int, greatest: int | None, path: str
) -> tuple[Any, NDArray[Any]]:
    """Numbers of entries as an array of the backend's default integers, and the same on the host.

    Raises:
        SpaceValueError: `x` is no such array, or a number is out of range.
    """
    integer = backend.dtype_name(backend.default_integer_dtype)
    array = coerce_array(backend, x, integer, batch_shape, path)
    host = backend.to_numpy(array)
    wrong = np.asarray(host < least) if greatest is None else np.asarray((host < least) | (host > greatest))
    if bool(wrong.any()):
        where = first_index(wrong)
        upper = "or more" if greatest is None else f"to {greatest}"
        raise SpaceValueError(path, f"{least} {upper}", f"{host[where]}{at(where)}")
    return array, host


def coerce_ragged(backend: AnyBackend, x: Any, counts: NDArray[Any], bounds: Bounds, path: str) -> Any:
    """Entries within bounds as an array of shape `(*B, max(counts), *F)`, padded with 0.

    Args:
        backend: whose array is wanted.
        x: array of shape `(*B, n, *F)`, with n at least max(counts), or nested numbers.
        counts: number of entries that count, shape `(*B)`.
        bounds: bounds of one entry, of shape `F`.
        path: where `x` stands, for the message.

    Raises:
        SpaceValueError: `x` is no such array, or an entry that counts is out of bounds.
    """
    if not backend.is_backendarray(x) and not isinstance(x, np.ndarray):
        numbers = host_numbers(x)
        # An empty list says nothing about the axes below it.
        if numbers is not None and numbers.size == 0 and counts.max(initial=0) == 0:
            numbers = np.zeros((*counts.shape, 0, *bounds.shape), dtype=bounds.low.dtype)
        x = x if numbers is None else backend.from_numpy(np.array(numbers))
    shape = getattr(x, "shape", None)
    longest = int(counts.max(initial=0))
    expected = (*counts.shape, longest, *bounds.shape)
    if not isinstance(shape, tuple) or len(shape) != len(expected) or shape[counts.ndim] < longest:
        raise SpaceValueError(path, f"{bounds.dtype} array of shape {expected} by {backend}", describe(x))
    if shape[counts.ndim] > longest:
        x = x[(slice(None),) * counts.ndim + (slice(0, longest),)]
    array = coerce_array(backend, x, bounds.dtype, expected, path)
    host = backend.to_numpy(array)
    counted = np.arange(longest) < counts[..., None]
    wide = counted.reshape(counted.shape + (1,) * len(bounds.shape))
    outside = bounds.outside(host) & wide
    if bool(outside.any()):
        where = first_index(outside)
        low, high = (bound[where[counts.ndim + 1 :]] for bound in bounds.full())
        raise SpaceValueError(path, f"values in [{low}, {high}]", f"{host[where]}{at(where)}")
    padding = np.broadcast_to(~wide, host.shape)
    if not bool(padding.any()) or not np.frombuffer(host[padding].tobytes(), dtype=np.uint8).any():
        return array
    return zero_padding(backend, array, counts)


def zero_padding(backend: AnyBackend, array: Any, counts: NDArray[Any]) -> Any:
    """An array of shape `(*B, n, *F)` with 0 wherever no entry counts."""
    n = array.shape[counts.ndim]
    counted = np.arange(n) < counts[..., None]
    if bool(counted.all()):
        return array
    shape = counted.shape + (1,) * (len(array.shape) - counted.ndim)
    mask = backend.from_numpy(counted.reshape(shape), device=backend.device(array))
    return backend.where(mask, array, backend.zeros((), dtype=array.dtype, device=backend.device(array)))


def fit_length(backend: AnyBackend, array: Any, axis: int, length: int) -> Any:
    """An array cut or padded with 0 to `length` entries along an axis."""
    if array.shape[axis] > length:
        return array[(slice(None),) * axis + (slice(0, length),)]
    return backend.pad_dim(array, axis, length)
