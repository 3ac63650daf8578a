"""Arrays of truth values."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from unienv_interface.backends.base import (
    AnyBackend,
    BArrayType,
    BDeviceType,
    BDtypeType,
    BRNGType,
    ComputeBackend,
)
from unienv_interface.errors import SpaceError
from unienv_interface.space.space import BoundedManner, Space, check_backend, convert_array
from unienv_interface.space.spaces.values import coerce_array

__all__ = ["BinarySpace"]


class BinarySpace(Space[BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Boolean arrays of one shape. Nested Python booleans are members too, numbers are not.

    Args:
        backend: what the arrays are made by.
        shape: shape of the arrays.
        dtype: the backend's boolean type, which is the default.
        device: where arrays are made.

    Raises:
        SpaceError: the data type is another.
    """

    backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType]
    dtype: BDtypeType

    def __init__(
        self,
        backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType],
        shape: Sequence[int],
        dtype: BDtypeType | None = None,
        device: BDeviceType | None = None,
    ) -> None:
        check_backend(backend)
        dtype = backend.default_boolean_dtype if dtype is None else dtype
        if not backend.dtype_is_boolean(dtype):
            raise SpaceError(f"dtype: expected a boolean type, got {dtype!r}")
        super().__init__(backend, shape, device, dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the values."""
        return self._shape or ()

    def _arguments(self) -> dict[str, Any]:
        return {"backend": self.backend, "shape": self.shape, "dtype": self.dtype, "device": self._device}

    def _identity(self) -> Hashable:
        return ()

    def to(
        self, backend: AnyBackend | None = None, device: Any | None = None
    ) -> BinarySpace[Any, Any, Any, Any]:
        destination = self._destination(backend, device)
        if destination is None:
            return self
        target, device = destination
        return BinarySpace(target, self.shape, device=device)

    def coerce(self, x: Any, *, path: str = "") -> BArrayType:
        array: BArrayType = coerce_array(self.backend, x, "bool", self.shape, path, self._device)
        return array

    def sample(self, rng: BRNGType, **kwargs: Any) -> tuple[BRNGType, BArrayType]:
        """Draw an array whose elements are true or false with equal probability."""
        bits: Any
        rng, bits = self.backend.random.random_discrete_uniform(
            self.shape, 0, 2, rng=rng, dtype=self.backend.dtype_from_name("uint8"), device=self._device
        )
        drawn: BArrayType = self.backend.astype(bits, self.dtype)
        return rng, drawn

    def create_empty(self) -> BArrayType:
        """A boolean array, not initialized."""
        empty: BArrayType = self.backend.empty(self.shape, dtype=self.dtype, device=self._device)
        return empty

    def is_bounded(self, manner: BoundedManner = "both") -> bool:
        """Always: truth values are."""
        return True

    def data_to(self, data: BArrayType, backend: AnyBackend | None = None, device: Any | None = None) -> Any:
        return convert_array(self.backend, data, backend, device)

    def get_repr(
        self,
        abbreviate: bool = False,
        include_backend: bool = True,
        include_device: bool = True,
        include_dtype: bool = True,
    ) -> str:
        if abbreviate:
            return f"bool {self.shape}"
        return self._format([f"shape={self.shape}"], include_backend, include_device, include_dtype=False)
