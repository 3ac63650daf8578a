"""Elementwise bounds, held on the host in the shortest form that broadcasts to the full arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.arrays import abbreviate, first_index
from unienv_interface.backends.base import AnyBackend
from unienv_interface.backends.dtypes import (
    FLOATING,
    dtype_limits,
    host_dtype,
    inexact_elements,
    round_floats,
)
from unienv_interface.backends.registry import get_backend_from_tensor
from unienv_interface.errors import SpaceError
from unienv_interface.space.spaces.values import host_numbers

__all__ = ["Bounds", "concatenate_bounds", "make_bounds", "stack_bounds"]


@dataclass(frozen=True, eq=False, slots=True)
class Bounds:
    """Bounds of arrays of one shape and data type, both included.

    Attributes:
        low: least values, read-only, with as many axes as the shape, each of full length, or of
            length 1 where the bound is the same along it (always so if it can be).
        high: greatest values, likewise.
        shape: shape of the arrays.
        dtype: name of the data type, in which both are exact.
    """

    low: NDArray[Any]
    high: NDArray[Any]
    shape: tuple[int, ...]
    dtype: str

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bounds):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        shapes = (self.shape, self.low.shape, self.high.shape)
        return (self.dtype, shapes, self.low.tobytes(), self.high.tobytes())

    def restricts_low(self) -> bool:
        """Whether some low bound is tighter than the data type's own."""
        return bool(np.any(self.low > dtype_limits(self.dtype)[0]))

    def restricts_high(self) -> bool:
        """Whether some high bound is tighter than the data type's own."""
        return bool(np.any(self.high < dtype_limits(self.dtype)[1]))

    def unbounded(self) -> NDArray[Any]:
        """Where there is no bound at all, so that even NaN is within; broadcasts to the shape."""
        return np.asarray((self.low == -np.inf) & (self.high == np.inf))

    def outside(self, values: NDArray[Any]) -> NDArray[Any]:
        """Which host values, of a shape that ends in this one, are out of bounds.

        NaN is, but where there is no bound at all.
        """
        found = np.asarray((values < self.low) | (values > self.high))
        if self.dtype in FLOATING:
            found |= np.isnan(values) & ~self.unbounded()
        return found

    def full(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Both bounds in the full shape, as read-only views."""
        return np.broadcast_to(self.low, self.shape), np.broadcast_to(self.high, self.shape)

    def format(self) -> tuple[str, str]:
        """Both bounds as short text."""
        low, high = (
            str(bound.item()) if bound.size == 1 else np.array2string(bound, threshold=8, separator=", ")
            for bound in (self.low, self.high)
        )
        return low, high

    # -- the same bounds in other shapes -------------------------------------------------------

    def batched(self, n: int) -> Bounds:
        """The bounds of `n` such arrays along a new first axis."""
        return Bounds(self.low[None], self.high[None], (n, *self.shape), self.dtype)

    def element(self, index: int) -> Bounds:
        """The bounds of entry `index` along the first axis."""
        low, high = (bound[index if bound.shape[0] > 1 else 0] for bound in (self.low, self.high))
        return make_bounds(low, high, self.dtype, self.shape[1:])

    def swapped(self, axis1: int, axis2: int) -> Bounds:
        """The bounds with two axes exchanged."""
        shape = list(self.shape)
        shape[axis1], shape[axis2] = shape[axis2], shape[axis1]
        low, high = (np.swapaxes(bound, axis1, axis2) for bound in (self.low, self.high))
        return make_bounds(low, high, self.dtype, tuple(shape))

    def reshaped(self, start: int, stop: int, axes: tuple[int, ...]) -> Bounds:
        """The bounds with the axes `start` to `stop` (not included) made into others of the same size."""
        shape = self.shape[:start] + axes + self.shape[stop:]
        low, high = (self._reshape(bound, start, stop, axes) for bound in (self.low, self.high))
        return make_bounds(low, high, self.dtype, shape)

    def _reshape(self, bound: NDArray[Any], start: int, stop: int, axes: tuple[int, ...]) -> NDArray[Any]:
        head, tail = bound.shape[:start], bound.shape[stop:]
        if bound.shape[start:stop] == (1,) * (stop - start):
            return bound.reshape(head + (1,) * len(axes) + tail)
        return np.broadcast_to(bound, head + self.shape[start:stop] + tail).reshape(head + axes + tail)

    def within(self, dtype: str) -> Bounds:
        """The bounds of those values that another data type holds too.

        Raises:
            SpaceError: it holds none.
        """
        return make_bounds(
            _next_held(self.low, dtype, np.inf), _next_held(self.high, dtype, -np.inf), dtype, self.shape
        )


def make_bounds(low: Any, high: Any, dtype: str, shape: tuple[int, ...] | None = None) -> Bounds:
    """Bounds from whatever a caller may give: numbers, nested lists, arrays of any backend.

    Floating-point bounds are rounded to a floating data type; every other change is refused.
    Nothing that is given is kept: the result owns its memory.

    Args:
        low: least values, broadcastable to the shape.
        high: greatest values, likewise.
        dtype: name of the data type.
        shape: the shape; by default what `low` and `high` broadcast to.

    Raises:
        SpaceError: naming the argument that does not fit.
    """
    low_host, high_host = _host("low", low), _host("high", high)
    if shape is None:
        try:
            shape = np.broadcast_shapes(low_host.shape, high_host.shape)
        except ValueError:
            raise SpaceError(
                f"low, high: shapes {low_host.shape} and {high_host.shape} do not broadcast together"
            ) from None
    least, greatest = dtype_limits(dtype)
    lows = _fit("low", low_host, dtype, shape, least)
    highs = _fit("high", high_host, dtype, shape, greatest)
    crossed = np.asarray(lows > highs)
    if bool(crossed.any()):
        where = first_index(crossed)
        pair = [np.broadcast_to(bound, crossed.shape)[where] for bound in (lows, highs)]
        raise SpaceError(f"low: expected at most high, got {pair[0]} > {pair[1]} at index {where}")
    if dtype in FLOATING and (bool(np.any(lows == np.inf)) or bool(np.any(highs == -np.inf))):
        raise SpaceError("low, high: expected low < inf and high > -inf, beyond which nothing lies")
    return Bounds(lows, highs, shape, dtype)


def stack_bounds(parts: Sequence[Bounds]) -> Bounds:
    """The bounds of arrays of one shape and type, each with its own, along a new first axis."""
    low = np.stack(np.broadcast_arrays(*(part.low for part in parts)))
    high = np.stack(np.broadcast_arrays(*(part.high for part in parts)))
    return make_bounds(low, high, parts[0].dtype, (len(parts), *parts[0].shape))


def concatenate_bounds(parts: Sequence[Bounds]) -> Bounds:
    """The bounds of arrays joined along their last axis, all others being of equal length."""
    shape = (*parts[0].shape[:-1], sum(part.shape[-1] for part in parts))
    low = _join([part.low for part in parts], [part.shape[-1] for part in parts])
    high = _join([part.high for part in parts], [part.shape[-1] for part in parts])
    return make_bounds(low, high, parts[0].dtype, shape)


def _join(bounds: Sequence[NDArray[Any]], lengths: Sequence[int]) -> NDArray[Any]:
    if all(bound.size == 1 and bound.flat[0] == bounds[0].flat[0] for bound in bounds):
        return bounds[0]
    head = np.broadcast_shapes(*(bound.shape[:-1] for bound in bounds))
    return np.concatenate(
        [np.broadcast_to(b, (*head, length)) for b, length in zip(bounds, lengths, strict=True)], axis=-1
    )


def _host(argument: str, bound: Any) -> NDArray[Any]:
    array = host_numbers(bound)
    if array is not None:
        return array
    try:
        backend: AnyBackend = get_backend_from_tensor(bound)
    except TypeError:
        raise SpaceError(f"{argument}: expected a number or an array of numbers, got {bound!r}") from None
    return backend.to_numpy(bound)


def _fit(
    argument: str, bound: NDArray[Any], dtype: str, shape: tuple[int, ...], default: int | float
) -> NDArray[Any]:
    """The bound in its shortest form, in the data type, owning its memory."""
    if bound.ndim > len(shape) or any(
        length not in (1, dim) for length, dim in zip(reversed(bound.shape), reversed(shape), strict=False)
    ):
        raise SpaceError(f"{argument}: expected what broadcasts to shape {shape}, got shape {bound.shape}")
    if bound.size == 0:
        bound = np.full((), default, dtype=host_dtype(dtype))
    bound = abbreviate(bound)
    bound = bound.reshape((1,) * (len(shape) - bound.ndim) + bound.shape)
    if bool(np.any(bound != bound)):
        raise SpaceError(f"{argument}: expected numbers, got NaN")
    exact = bound
    unlimited = np.zeros(bound.shape, dtype=bool)
    if dtype in FLOATING and bound.dtype.kind == "f":
        exact = round_floats(bound, dtype)
        wrong: NDArray[Any] | None = np.isinf(exact) & ~np.isinf(bound)
    else:
        if dtype not in FLOATING and bound.dtype.kind == "f":
            # -inf as a low bound of integers, and inf as a high one, is no bound but the type's own.
            unlimited = np.asarray(bound == (np.inf if default > 0 else -np.inf))
            exact = np.where(unlimited, 0.0, bound)
        wrong = inexact_elements(exact, dtype)
    if wrong is not None and bool(wrong.any()):
        raise SpaceError(f"{argument}: {dtype} cannot hold {bound[wrong].flat[0]}")
    # Adding 0 turns -0.0 into 0.0: bounds that mean the same set are the same bits.
    held = np.where(unlimited, host_dtype(dtype).type(default), exact.astype(host_dtype(dtype)))
    held += held.dtype.type(0)
    result = abbreviate(held).copy()
    result.flags.writeable = False
    return result


def _next_held(bound: NDArray[Any], dtype: str, toward: float) -> NDArray[Any]:
    """The bound in a data type; what that does not hold, as the next value that it does."""
    cast = np.array(bound, dtype=host_dtype(dtype))
    inexact = inexact_elements(bound, dtype)
    if inexact is None or not bool(inexact.any()):
        return cast
    for index in map(tuple, np.argwhere(inexact)):
        exact, rounded = bound[index].item(), cast[index].item()
        if (rounded < exact) if toward > 0 else (rounded > exact):
            cast[index] = np.nextafter(cast[index], toward)
    return cast
