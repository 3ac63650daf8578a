"""Boxes: arrays of numbers within elementwise bounds."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.arrays import first_index
from unienv_interface.backends.base import (
    AnyBackend,
    BArrayType,
    BDeviceType,
    BDtypeType,
    BRNGType,
    ComputeBackend,
)
from unienv_interface.backends.dtypes import FLOATING, INTEGERS
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space.space import BoundedManner, Space, check_backend, convert_array, validate_shape
from unienv_interface.space.spaces._clipping import clip_host
from unienv_interface.space.spaces._sampling import sample_within
from unienv_interface.space.spaces.bounds import Bounds, make_bounds
from unienv_interface.space.spaces.values import at, coerce_array, describe

__all__ = ["BoxSpace"]


class BoxSpace(Space[BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Arrays of shape `S`, of real or integer numbers within elementwise bounds, both included.

    Members are arrays of the backend, of this shape, within the bounds, whose values the data type
    holds: in that type, or in another that is of the same or a lower kind (bool, integer,
    floating) as long as conversion changes no value; and nested Python numbers of which the same
    is true. NaN is a member wherever a floating-point element has no finite bound.

    Bounds are kept on the host in their shortest form, so a box whose bounds are the same
    everywhere costs the same at any shape.

    Args:
        backend: what the arrays are made by.
        low: least values, broadcastable to the shape: a number, nested lists or an array of any
            backend. Floating-point bounds are rounded to a floating data type.
        high: greatest values, likewise.
        dtype: data type of the arrays, integer or floating.
        device: where arrays are made.
        shape: shape `S`; by default what `low` and `high` broadcast to.

    Raises:
        SpaceError: a bound does not broadcast to the shape, is NaN or is no value of the data
            type; some `low` is greater than its `high`; the data type is boolean.
    """

    backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType]
    dtype: BDtypeType

    def __init__(
        self,
        backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType],
        low: SupportsFloat | BArrayType | NDArray[Any],
        high: SupportsFloat | BArrayType | NDArray[Any],
        dtype: BDtypeType,
        device: BDeviceType | None = None,
        shape: Sequence[int] | None = None,
    ) -> None:
        check_backend(backend)
        self._dtype_name = backend.dtype_name(dtype)
        if self._dtype_name not in (*INTEGERS, *FLOATING):
            raise SpaceError(f"dtype: expected an integer or floating type, got {self._dtype_name}")
        wanted = None if shape is None else validate_shape(shape, "shape")
        self._bounds = make_bounds(low, high, self._dtype_name, wanted)
        super().__init__(backend, self._bounds.shape, device, dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the values."""
        return self._bounds.shape

    @property
    def bounds(self) -> Bounds:
        """The bounds on the host, in their shortest form."""
        return self._bounds

    @property
    def low(self) -> BArrayType:
        """Least values, in the full shape: a view where the backend has views, not to be written to."""
        return self._full(self._bounds.low)

    @property
    def high(self) -> BArrayType:
        """Greatest values, likewise."""
        return self._full(self._bounds.high)

    def _full(self, bound: NDArray[Any]) -> BArrayType:
        short = self.backend.from_numpy(bound, dtype=self.dtype, device=self._device)
        full: BArrayType = self.backend.broadcast_to(short, self.shape)
        return full

    def _arguments(self) -> dict[str, Any]:
        return {
            "backend": self.backend,
            "low": self._bounds.low,
            "high": self._bounds.high,
            "dtype": self.dtype,
            "device": self._device,
            "shape": self.shape,
        }

    def _identity(self) -> Hashable:
        return self._bounds

    def with_bounds(self, bounds: Bounds) -> BoxSpace[BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """A box of the same backend and device with other bounds, and so another shape or data type."""
        box: BoxSpace[BArrayType, BDeviceType, BDtypeType, BRNGType] = BoxSpace.__new__(BoxSpace)
        # Bounds were checked and cut short when they were made, so __init__ need not do it again.
        box._bounds, box._dtype_name = bounds, bounds.dtype
        dtype = self.backend.dtype_from_name(bounds.dtype)
        Space.__init__(box, self.backend, bounds.shape, self._device, dtype)
        return box

    def to(
        self, backend: AnyBackend | None = None, device: Any | None = None
    ) -> BoxSpace[Any, Any, Any, Any]:
        destination = self._destination(backend, device)
        if destination is None:
            return self
        target, device = destination
        return self._replace(backend=target, device=device, dtype=self._dtype_on(target))

    # -- values --------------------------------------------------------------------------------

    @cached_property
    def _restricts(self) -> tuple[bool, bool]:
        return self._bounds.restricts_low(), self._bounds.restricts_high()

    @cached_property
    def _backend_bounds(self) -> tuple[BArrayType, BArrayType]:
        """The short bounds as arrays of the backend, never handed out."""
        return (
            self.backend.from_numpy(self._bounds.low, dtype=self.dtype, device=self._device),
            self.backend.from_numpy(self._bounds.high, dtype=self.dtype, device=self._device),
        )

    def coerce(self, x: Any, *, path: str = "") -> BArrayType:
        array: BArrayType = coerce_array(self.backend, x, self._dtype_name, self.shape, path, self._device)
        if any(self._restricts) and not self._is_within(array):
            self._raise_outside(self.backend.to_numpy(array), path)
        return array

    def _is_within(self, array: BArrayType) -> bool:
        if 0 in self.shape:
            return True
        backend, bounds = self.backend, self._bounds
        if not backend.is_on_host(array) and self._dtype_name not in backend.host_only_dtypes:
            return self._is_within_on_device(array)
        host = backend.to_numpy(array)
        if bounds.low.size == bounds.high.size == 1:
            # Reductions make no temporary arrays; the least of values with a NaN is NaN.
            below, above = self._restricts
            return bool(
                (not below or host.min() >= bounds.low.flat[0])
                and (not above or host.max() <= bounds.high.flat[0])
            )
        return not bool(bounds.outside(host).any())

    def _is_within_on_device(self, array: Any) -> bool:
        backend, device = self.backend, self.backend.device(array)
        low, high = (backend.to_device(bound, device) for bound in self._backend_bounds)
        within = backend.logical_and(array >= low, array <= high)
        unbounded = self._bounds.unbounded()
        if bool(unbounded.any()):
            free = backend.from_numpy(unbounded.copy(), device=device)
            within = backend.logical_or(within, backend.logical_and(backend.isnan(array), free))
        return bool(backend.all(within))

    def _raise_outside(self, values: NDArray[Any], path: str) -> None:
        where = first_index(self._bounds.outside(values))
        low, high = (bound[where] for bound in self._bounds.full())
        raise SpaceValueError(path, f"values in [{low}, {high}]", f"{values[where]}{at(where)}")

    def sample(self, rng: BRNGType, **kwargs: Any) -> tuple[BRNGType, BArrayType]:
        """Draw one array, each element on its own, distributed as its bounds suggest.

        - [a, b]: uniform
        - [a, inf): a plus an exponential with rate 1
        - (-inf, b]: b minus an exponential with rate 1
        - (-inf, inf): standard normal

        Returns:
            The generator to go on with, and the array.
        """
        return sample_within(self.backend, self._bounds, self.shape, rng, self._device)

    def create_empty(self) -> BArrayType:
        """An array of the box's shape and type, not initialized."""
        empty: BArrayType = self.backend.empty(self.shape, dtype=self.dtype, device=self._device)
        return empty

    def is_bounded(self, manner: BoundedManner = "both") -> bool:
        """Whether all bounds are finite: the low ones, the high ones, or both."""
        below, above = np.isfinite(self._bounds.low).all(), np.isfinite(self._bounds.high).all()
        return bool({"below": below, "above": above, "both": below and above}[manner])

    def clip(self, x: BArrayType) -> BArrayType:
        """A new array with the values of `x` clipped to the bounds, in the box's type.

        Args:
            x: array of the backend, shape `(*batch, *S)`. Of another type, it is clipped before it
                is converted: nothing wraps around, fractions are dropped in integer boxes.

        Raises:
            SpaceValueError: `x` is no array of such a shape.
        """
        backend, ndim = self.backend, len(self.shape)
        if not backend.is_backendarray(x) or tuple(x.shape[len(x.shape) - ndim :]) != self.shape:
            raise SpaceValueError("", f"array of shape (*batch, *{self.shape}) by {backend}", describe(x))
        if x.dtype != self.dtype or self._dtype_name in backend.host_only_dtypes:
            clipped = clip_host(backend.to_numpy(x), self._bounds)
            return backend.from_numpy(clipped, dtype=self.dtype, device=backend.device(x))
        low, high = (backend.to_device(bound, backend.device(x)) for bound in self._backend_bounds)
        result: BArrayType = backend.clip(x, low, high)
        return result

    def data_to(self, data: BArrayType, backend: AnyBackend | None = None, device: Any | None = None) -> Any:
        return convert_array(self.backend, data, backend, device)

    def get_repr(
        self,
        abbreviate: bool = False,
        include_backend: bool = True,
        include_device: bool = True,
        include_dtype: bool = True,
    ) -> str:
        low, high = self._bounds.format()
        if abbreviate:
            dtype = f" {self._dtype_name}" if include_dtype else ""
            return f"[{low}, {high}] {self.shape}{dtype}"
        parts = [low, high, f"shape={self.shape}"]
        return self._format(parts, include_backend, include_device, include_dtype)
