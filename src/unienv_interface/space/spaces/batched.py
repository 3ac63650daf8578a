"""Batches of values that do not stack into arrays."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.base import AnyBackend, BDeviceType, BDtypeType, BRNGType
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space.space import AnySpace, BoundedManner, Space, join_path, validate_shape
from unienv_interface.space.spaces.values import describe

__all__ = ["BatchedSpace", "object_array"]


def object_array(values: Iterable[Any], shape: tuple[int, ...]) -> NDArray[np.object_]:
    """An object array of that shape with these values, in order, each kept as one object."""
    array = np.empty(shape, dtype=object)
    flat = array.reshape(-1)
    for position, value in enumerate(values):
        flat[position] = value
    return array


class BatchedSpace(Space[NDArray[Any], BDeviceType, BDtypeType, BRNGType]):
    """NumPy object arrays of shape `batch_shape` whose elements are values of one space.

    The arrays are NumPy's whatever the backend, which is that of the elements. Arrays of strings
    and nested lists of this shape are members too.

    Args:
        single_space: space of the elements.
        batch_shape: shape of the object arrays.

    Attributes:
        single_space: as given.
        batch_shape: as given.
    """

    single_space: Space[Any, BDeviceType, BDtypeType, BRNGType]

    def __init__(
        self, single_space: Space[Any, BDeviceType, BDtypeType, BRNGType], batch_shape: Sequence[int]
    ) -> None:
        if not isinstance(single_space, Space):
            raise SpaceError(f"single_space: expected a Space, got {type(single_space).__name__}")
        self.single_space = single_space
        self.batch_shape = validate_shape(batch_shape, "batch_shape")
        super().__init__(
            single_space.backend,
            self.batch_shape + (single_space.shape or ()),
            single_space.device,
            single_space.dtype,
        )

    def _arguments(self) -> dict[str, Any]:
        return {"single_space": self.single_space, "batch_shape": self.batch_shape}

    def _identity(self) -> Hashable:
        return (self.single_space, self.batch_shape)

    def to(self, backend: AnyBackend | None = None, device: Any | None = None) -> BatchedSpace[Any, Any, Any]:
        single: AnySpace = self.single_space.to(backend, device)
        return self if single is self.single_space else BatchedSpace(single, self.batch_shape)

    def coerce(self, x: Any, *, path: str = "") -> NDArray[Any]:
        values = _elements(x, self.batch_shape)
        if values is None:
            raise SpaceValueError(path, f"object array of shape {self.batch_shape}", describe(x))
        try:
            coerced = [self.single_space.coerce(value) for value in values]
        except SpaceValueError:
            coerced = self._coerce_each(values, path)
        if isinstance(x, np.ndarray) and all(new is old for new, old in zip(coerced, values, strict=True)):
            return x if x.dtype == object else object_array(coerced, self.batch_shape)
        return object_array(coerced, self.batch_shape)

    def _coerce_each(self, values: list[Any], path: str) -> list[Any]:
        """The values in canonical form, with each one's place for the message, which takes its time."""
        coerced = []
        for index, value in zip(np.ndindex(self.batch_shape), values, strict=True):
            place = path
            for position in index:
                place = join_path(place, position)
            coerced.append(self.single_space.coerce(value, path=place))
        return coerced

    def sample(self, rng: BRNGType, **kwargs: Any) -> tuple[BRNGType, NDArray[Any]]:
        """Draw every element independently."""
        drawn = []
        for _ in range(math.prod(self.batch_shape)):
            rng, value = self.single_space.sample(rng, **kwargs)
            drawn.append(value)
        return rng, object_array(drawn, self.batch_shape)

    def create_empty(self) -> NDArray[Any]:
        """An object array of values that are not initialized."""
        count = math.prod(self.batch_shape)
        return object_array((self.single_space.create_empty() for _ in range(count)), self.batch_shape)

    def is_bounded(self, manner: BoundedManner = "both") -> bool:
        """Whether the elements are."""
        return self.single_space.is_bounded(manner)

    def data_to(
        self, data: NDArray[Any], backend: AnyBackend | None = None, device: Any | None = None
    ) -> NDArray[Any]:
        moved = (self.single_space.data_to(value, backend, device) for value in data.flat)
        return object_array(moved, data.shape)

    def get_repr(
        self,
        abbreviate: bool = False,
        include_backend: bool = True,
        include_device: bool = True,
        include_dtype: bool = True,
    ) -> str:
        single = self.single_space.get_repr(abbreviate, False, False, include_dtype)
        if abbreviate:
            return f"{self.batch_shape} of {single}"
        return self._format(
            [single, f"batch_shape={self.batch_shape}"], include_backend, include_device, False
        )


def _elements(x: Any, shape: tuple[int, ...]) -> list[Any] | None:
    """The elements of `x` in order, None where it has not this shape."""
    if isinstance(x, np.ndarray):
        if x.shape != shape or x.dtype.kind not in "OUT":
            return None
        return list(x.flat)
    if not shape:
        return [x]
    if not isinstance(x, list) or len(x) != shape[0]:
        return None
    elements: list[Any] = []
    for item in x:
        inner = _elements(item, shape[1:]) if shape[1:] else [item]
        if inner is None:
            return None
        elements += inner
    return elements
