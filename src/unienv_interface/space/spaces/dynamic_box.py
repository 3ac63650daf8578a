"""Boxes whose shape varies."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from unienv_interface.space.spaces._padding import (
    exact_fill_value,
    filled_axis_length,
    pad_axis,
    unpad_axis,
)
from unienv_interface.space.spaces.bounds import Bounds, make_bounds
from unienv_interface.space.spaces.box import BoxSpace
from unienv_interface.space.spaces.values import describe, host_numbers

__all__ = ["DynamicBoxSpace"]


class DynamicBoxSpace(Space[BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Arrays whose shape lies between two shapes, of numbers within bounds.

    A batch of such arrays is an object array (`BatchedSpace`): their lengths differ, and padding
    them would lose which entries were there. `pad_data` pads where an array of one shape is wanted.

    Args:
        backend: what the arrays are made by.
        low: least values, broadcastable to `shape_high` and the same along every axis of variable
            length; as for `BoxSpace`.
        high: greatest values, likewise.
        shape_low: least length of each axis.
        shape_high: greatest length of each axis.
        dtype: data type of the arrays, integer or floating.
        device: where arrays are made.
        fill_value: what `pad_data` pads with. Where it lies outside the bounds, `unpad_data` takes
            off exactly what was padded.

    Attributes:
        fill_value: as given, rounded to a floating data type.

    Raises:
        SpaceError: the shapes have different numbers of axes, or an axis is longer in `shape_low`;
            the bounds do not fit (see `BoxSpace`) or vary along an axis of variable length; the
            data type does not hold the fill value.
    """

    backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType]
    dtype: BDtypeType
    fill_value: int | float

    def __init__(
        self,
        backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType],
        low: int | float | BArrayType | NDArray[Any],
        high: int | float | BArrayType | NDArray[Any],
        shape_low: Sequence[int],
        shape_high: Sequence[int],
        dtype: BDtypeType,
        device: BDeviceType | None = None,
        fill_value: int | float = 0,
    ) -> None:
        check_backend(backend)
        self._dtype_name = backend.dtype_name(dtype)
        if self._dtype_name not in (*INTEGERS, *FLOATING):
            raise SpaceError(f"dtype: expected an integer or floating type, got {self._dtype_name}")
        self._shape_low = validate_shape(shape_low, "shape_low")
        self._shape_high = validate_shape(shape_high, "shape_high")
        if len(self._shape_low) != len(self._shape_high) or any(
            least > most for least, most in zip(self._shape_low, self._shape_high, strict=True)
        ):
            raise SpaceError(f"shape_low: expected at most shape_high {shape_high}, got {shape_low}")
        self._bounds = make_bounds(low, high, self._dtype_name, self._shape_high)
        for name, bound in (("low", self._bounds.low), ("high", self._bounds.high)):
            if any(bound.shape[axis] > 1 for axis in self.variable_axes):
                raise SpaceError(f"{name}: expected the same along axes {self.variable_axes}, which vary")
        self.fill_value = exact_fill_value(fill_value, self._dtype_name)
        super().__init__(backend, None, device, dtype)

    @property
    def shape_low(self) -> tuple[int, ...]:
        """Least length of each axis."""
        return self._shape_low

    @property
    def shape_high(self) -> tuple[int, ...]:
        """Greatest length of each axis."""
        return self._shape_high

    @property
    def variable_axes(self) -> tuple[int, ...]:
        """The axes whose length varies."""
        pairs = enumerate(zip(self._shape_low, self._shape_high, strict=True))
        return tuple(axis for axis, (least, most) in pairs if least != most)

    @property
    def bounds(self) -> Bounds:
        """The bounds for `shape_high`, on the host, in their shortest form."""
        return self._bounds

    def bounds_of(self, shape: Sequence[int]) -> Bounds:
        """The bounds of arrays of one shape.

        Raises:
            SpaceError: the shape is not within this space.
        """
        if not self.shape_contains(shape):
            raise SpaceError(f"shape: expected {self._shape_low} ... {self._shape_high}, got {tuple(shape)}")
        return make_bounds(self._bounds.low, self._bounds.high, self._dtype_name, tuple(shape))

    def box(self, shape: Sequence[int]) -> BoxSpace[BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """The box of this space's arrays of one shape.

        Raises:
            SpaceError: the shape is not within this space.
        """
        bounds = self.bounds_of(shape)
        return BoxSpace(
            self.backend, bounds.low, bounds.high, self.dtype, device=self._device, shape=bounds.shape
        )

    def get_low(self, shape: Sequence[int]) -> BArrayType:
        """Least values of arrays of that shape."""
        return self.box(shape).low

    def get_high(self, shape: Sequence[int]) -> BArrayType:
        """Greatest values of arrays of that shape."""
        return self.box(shape).high

    def shape_contains(self, shape: Sequence[int]) -> bool:
        """Whether arrays of that shape can be members."""
        return len(shape) == len(self._shape_low) and all(
            least <= dim <= most
            for least, dim, most in zip(self._shape_low, shape, self._shape_high, strict=True)
        )

    def _arguments(self) -> dict[str, Any]:
        return {
            "backend": self.backend,
            "low": self._bounds.low,
            "high": self._bounds.high,
            "shape_low": self._shape_low,
            "shape_high": self._shape_high,
            "dtype": self.dtype,
            "device": self._device,
            "fill_value": self.fill_value,
        }

    def _identity(self) -> Hashable:
        return (self._bounds, self._shape_low, self.fill_value)

    def to(
        self, backend: AnyBackend | None = None, device: Any | None = None
    ) -> DynamicBoxSpace[Any, Any, Any, Any]:
        destination = self._destination(backend, device)
        if destination is None:
            return self
        target, device = destination
        return self._replace(backend=target, device=device, dtype=self._dtype_on(target))

    # -- values --------------------------------------------------------------------------------

    @cached_property
    def _boxes(self) -> dict[tuple[int, ...], BoxSpace[BArrayType, BDeviceType, BDtypeType, BRNGType]]:
        """Boxes of the shapes met last."""
        return {}

    def coerce(self, x: Any, *, path: str = "") -> BArrayType:
        host = None if self.backend.is_backendarray(x) or isinstance(x, np.ndarray) else host_numbers(x)
        shape = getattr(x if host is None else host, "shape", None)
        if not isinstance(shape, tuple) or not self.shape_contains(shape):
            actual = describe(x) if not isinstance(shape, tuple) else f"shape {tuple(shape)}"
            raise SpaceValueError(path, f"shape {self._shape_low} ... {self._shape_high}", actual)
        shape = tuple(shape)
        box = self._boxes.get(shape)
        if box is None:
            if len(self._boxes) >= 32:
                self._boxes.clear()
            box = self._boxes[shape] = self.box(shape)
        return box.coerce(x, path=path)

    def sample(self, rng: BRNGType, **kwargs: Any) -> tuple[BRNGType, BArrayType]:
        """Draw the length of each axis uniformly, then the elements as a box of that shape does.

        - [a, b]: uniform
        - [a, inf): a plus an exponential with rate 1
        - (-inf, b]: b minus an exponential with rate 1
        - (-inf, inf): standard normal

        Returns:
            The generator to go on with, and the array.
        """
        shape = list(self._shape_low)
        for axis in self.variable_axes:
            rng, length = self.backend.random.random_discrete_uniform(
                (), self._shape_low[axis], self._shape_high[axis] + 1, rng=rng
            )
            shape[axis] = int(self.backend.to_numpy(length))
        return self.box(shape).sample(rng)

    def create_empty(self) -> BArrayType:
        """An array of the greatest shape, not initialized."""
        empty: BArrayType = self.backend.empty(self._shape_high, dtype=self.dtype, device=self._device)
        return empty

    def is_bounded(self, manner: BoundedManner = "both") -> bool:
        """Whether all bounds are finite: the low ones, the high ones, or both."""
        return self.box(self._shape_high).is_bounded(manner)

    def clip(self, x: BArrayType) -> BArrayType:
        """A new array with the values of `x` clipped to the bounds, in the space's type.

        Axes longer than `shape_high` are cut.

        Raises:
            SpaceValueError: `x` is no array of the backend, has another number of axes, or an axis
                shorter than `shape_low`.
        """
        if not self.backend.is_backendarray(x):
            raise SpaceValueError("", f"array by {self.backend}", describe(x))
        cut: BArrayType = x[tuple(slice(0, most) for most in self._shape_high)] if x.shape else x
        if not self.shape_contains(cut.shape):
            raise SpaceValueError("", f"shape of at least {self._shape_low}", f"shape {tuple(x.shape)}")
        return self.box(cut.shape).clip(cut)

    def data_to(self, data: BArrayType, backend: AnyBackend | None = None, device: Any | None = None) -> Any:
        return convert_array(self.backend, data, backend, device)

    # -- padding -------------------------------------------------------------------------------

    def pad_data(
        self, data: BArrayType, start_axis: int | None = None, end_axis: int | None = None
    ) -> BArrayType:
        """Pad the variable axes with the fill value up to their greatest length.

        Args:
            data: array with as many axes as this space.
            start_axis: first axis to pad.
            end_axis: axis to stop at; by default all are padded.
        """
        for axis in self._padded_axes(start_axis, end_axis):
            data = pad_axis(self.backend, data, axis, self._shape_high[axis], self.fill_value)
        return data

    def unpad_data(
        self, data: BArrayType, start_axis: int | None = None, end_axis: int | None = None
    ) -> BArrayType:
        """Cut entries that hold nothing but the fill value off the ends of the variable axes.

        No axis becomes shorter than its least length. Where the fill value is within the bounds,
        values that equal it and stand at an end are cut too: `flatten_data` is exact instead.

        Args:
            data: array with as many axes as this space.
            start_axis: first axis to cut.
            end_axis: axis to stop at; by default all are cut.
        """
        for axis in self._padded_axes(start_axis, end_axis):
            data = unpad_axis(self.backend, data, axis, self.fill_value, self._shape_low[axis])
        return data

    def _padded_axes(self, start_axis: int | None, end_axis: int | None) -> list[int]:
        chosen = range(len(self._shape_low))[start_axis:end_axis]
        return [axis for axis in self.variable_axes if axis in chosen]

    @staticmethod
    def pad_array_on_axis(
        backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType],
        data: BArrayType,
        axis: int,
        target_size: int,
        fill_value: int | float = 0,
    ) -> BArrayType:
        """`data` with `fill_value` appended along `axis` up to `target_size` entries."""
        return pad_axis(backend, data, axis, target_size, fill_value)

    @staticmethod
    def get_array_axis_length(
        backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType],
        data: BArrayType,
        axis: int,
        fill_value: int | float = 0,
    ) -> int:
        """Number of entries along `axis` up to the last that holds something else than `fill_value`."""
        return filled_axis_length(backend, data, axis, fill_value)

    @staticmethod
    def unpad_array_on_axis(
        backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType],
        data: BArrayType,
        axis: int,
        fill_value: int | float = 0,
    ) -> BArrayType:
        """`data` without the entries at the end of `axis` that hold nothing but `fill_value`."""
        return unpad_axis(backend, data, axis, fill_value, 0)

    def get_repr(
        self,
        abbreviate: bool = False,
        include_backend: bool = True,
        include_device: bool = True,
        include_dtype: bool = True,
    ) -> str:
        low, high = self._bounds.format()
        shapes = f"{self._shape_low}..{self._shape_high}"
        if abbreviate:
            return f"[{low}, {high}] {shapes}{f' {self._dtype_name}' if include_dtype else ''}"
        parts = [low, high, f"shape={shapes}", f"fill_value={self.fill_value}"]
        return self._format(parts, include_backend, include_device, include_dtype)
