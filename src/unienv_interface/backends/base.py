"""The contract of a compute backend: an array-API namespace, and what spaces need beside it."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import array_api_compat
import array_api_extra
from numpy.typing import NDArray

from unienv_interface.backends.arrays import abbreviate, map_leaves
from unienv_interface.backends.dtypes import FLOATING, INTEGERS
from unienv_interface.backends.random import RandomNamespace
from unienv_interface.backends.registry import get_backend_from_tensor
from unienv_interface.errors import SpaceError

__all__ = [
    "AnyBackend",
    "ArrayAPIArray",
    "BArrayType",
    "BDeviceType",
    "BDtypeType",
    "BRNGType",
    "ComputeBackend",
    "get_backend_from_tensor",
]


class ArrayAPIArray(Protocol):
    """What the code here asks of any backend's array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every axis."""

    @property
    def dtype(self) -> Any:
        """The data type of the elements."""

    def __getitem__(self, key: Any, /) -> Any:
        """Elements by array-API indexing."""


BArrayType = TypeVar("BArrayType", bound=ArrayAPIArray)
BDeviceType = TypeVar("BDeviceType")
BDtypeType = TypeVar("BDtypeType")
BRNGType = TypeVar("BRNGType")


class ComputeBackend(ABC, Generic[BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """An array library, behind one interface.

    Every function, constant and data type of the library's array-API namespace (2024.12) is an
    attribute (`backend.concat`, `backend.pi`, `backend.float32`); what the standard lacks is
    defined here. A backend is a value: one ready instance a library, which pickles and copies to
    itself and is compared by identity.

    Attributes:
        simplified_name: "numpy", "pytorch" or "jax".
        random: random arrays, see `RandomNamespace`.
        host_only_dtypes: names of types that the library stores but does not compute with.
    """

    simplified_name: ClassVar[str]
    host_only_dtypes: ClassVar[frozenset[str]] = frozenset()
    random: RandomNamespace[BArrayType, BDeviceType, BDtypeType, BRNGType]

    def __init__(self, namespace: str, instance_name: str, dtypes: Mapping[str, BDtypeType]) -> None:
        self._namespace = namespace
        self._instance_name = instance_name
        self._dtypes = dict(dtypes)
        self._dtype_names = {dtype: name for name, dtype in self._dtypes.items()}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        # The namespace is imported when first needed (NumPy's takes a quarter of a second), and
        # each name is looked up once.
        value = getattr(importlib.import_module(self._namespace), name)
        self.__dict__[name] = value
        return value

    def __reduce__(self) -> str:
        return self._instance_name

    def __repr__(self) -> str:
        return self._instance_name

    # -- data types ----------------------------------------------------------------------------

    @property
    @abstractmethod
    def default_integer_dtype(self) -> BDtypeType:
        """The type of integers when none is named."""

    @property
    @abstractmethod
    def default_floating_dtype(self) -> BDtypeType:
        """The type of floating-point numbers when none is named."""

    @property
    def default_boolean_dtype(self) -> BDtypeType:
        """The type of truth values."""
        return self._dtypes["bool"]

    def canonical_dtype(self, dtype: Any) -> BDtypeType:
        """A data type of this backend, or its name, in the form that arrays' `dtype` has.

        Raises:
            SpaceError: it is no numeric or boolean type of this backend.
        """
        if isinstance(dtype, str) and dtype in self._dtypes:
            return self._dtypes[dtype]
        try:
            return self._dtypes[self._dtype_names[dtype]]
        except (KeyError, TypeError):
            names = ", ".join(self._dtypes)
            raise SpaceError(f"dtype: expected one of {names} of {self}, got {dtype!r}") from None

    def dtype_name(self, dtype: BDtypeType) -> str:
        """The array-API name of a data type ("float32"; "float16" and "bfloat16" beside them)."""
        try:
            return self._dtype_names[dtype]
        except (KeyError, TypeError):  # another form of it, or something else
            return self._dtype_names[self.canonical_dtype(dtype)]

    def dtype_from_name(self, name: str) -> BDtypeType:
        """The data type of that array-API name.

        Raises:
            SpaceError: this backend has none.
        """
        if name not in self._dtypes:
            raise SpaceError(f"dtype: expected one of {', '.join(self._dtypes)} of {self}, got {name!r}")
        return self._dtypes[name]

    def dtype_is_boolean(self, dtype: BDtypeType) -> bool:
        """Whether it is the type of truth values."""
        return self._name_or_none(dtype) == "bool"

    def dtype_is_real_integer(self, dtype: BDtypeType) -> bool:
        """Whether it is a signed or unsigned integer type."""
        return self._name_or_none(dtype) in INTEGERS

    def dtype_is_real_floating(self, dtype: BDtypeType) -> bool:
        """Whether it is a real floating-point type."""
        return self._name_or_none(dtype) in FLOATING

    def _name_or_none(self, dtype: BDtypeType) -> str | None:
        try:
            return self.dtype_name(dtype)
        except SpaceError:
            return None

    # -- devices -------------------------------------------------------------------------------

    @abstractmethod
    def canonical_device(self, device: Any) -> BDeviceType | None:
        """A device, or its name, in the one form that compares equal; None means wherever.

        Raises:
            SpaceError: this backend has no such device.
        """

    def serialize_device(self, device: BDeviceType | None) -> str | None:
        """A device as text, None for none."""
        device = self.canonical_device(device)
        return None if device is None else str(device)

    def deserialize_device(self, device: str | None) -> BDeviceType | None:
        """What `serialize_device` wrote."""
        return self.canonical_device(device)

    def device(self, x: BArrayType) -> BDeviceType:
        """The device that an array is on."""
        device: BDeviceType = array_api_compat.device(x)
        return device

    def to_device(self, x: BArrayType, device: BDeviceType) -> BArrayType:
        """An array on `device`: itself where it is there."""
        moved: BArrayType = array_api_compat.to_device(x, device)
        return moved

    @abstractmethod
    def is_on_host(self, x: BArrayType) -> bool:
        """Whether `to_numpy` needs no transfer from a device."""

    # -- conversion ----------------------------------------------------------------------------

    @abstractmethod
    def is_backendarray(self, x: object) -> bool:
        """Whether `x` is a numeric or boolean array of this backend."""

    @abstractmethod
    def from_numpy(
        self, x: NDArray[Any], *, dtype: BDtypeType | None = None, device: BDeviceType | None = None
    ) -> BArrayType:
        """An array of this backend with the values of a host array.

        Memory is shared where the library can and `x` is writable; it is copied otherwise.
        """

    @abstractmethod
    def to_numpy(self, x: BArrayType) -> NDArray[Any]:
        """A host array with the values of `x`: bfloat16 as float32, everything else in its own type.

        Memory is shared where the library can.
        """

    def from_other_backend(self, other: AnyBackend, data: Any) -> BArrayType:
        """An array of this backend with the values and type of an array of `other`.

        Host memory is shared where both libraries can, device memory by DLPack.

        Raises:
            SpaceError: this backend lacks the type.
        """
        if other is self:
            same: BArrayType = data
            return same
        dtype = self.dtype_from_name(other.dtype_name(data.dtype))
        if other.is_on_host(data):
            return self.from_numpy(other.to_numpy(data), dtype=dtype)
        shared: BArrayType = self.from_dlpack(data)
        return shared

    # -- arrays --------------------------------------------------------------------------------

    def at(self, x: BArrayType) -> Any:
        """`at(x)[index].set(v)`, and `add`, `multiply`, `min`, `max`: the array updated.

        Writable arrays are updated in place and returned; pass `copy=True` to keep them.
        """
        updater: Any = array_api_extra.at
        return updater(x)

    def pad_dim(self, x: BArrayType, dim: int, target_size: int, value: float | int | bool = 0) -> BArrayType:
        """Pad the end of axis `dim` with `value` up to `target_size` entries.

        Raises:
            ValueError: the axis is longer than that, or not there.
        """
        shape = tuple(x.shape)
        if not -len(shape) <= dim < len(shape):
            raise ValueError(f"dim: expected an axis of an array of shape {shape}, got {dim}")
        dim %= len(shape)
        missing = target_size - shape[dim]
        if missing < 0:
            raise ValueError(f"target_size: expected at least {shape[dim]} for axis {dim}, got {target_size}")
        if missing == 0:
            return x
        pad_shape = (*shape[:dim], missing, *shape[dim + 1 :])
        pad = self.full(pad_shape, value, dtype=x.dtype, device=self.device(x))
        padded: BArrayType = self.concat([x, pad], axis=dim)
        return padded

    def abbreviate_array(
        self, x: BArrayType, try_cast_scalar: bool = True
    ) -> BArrayType | float | int | bool:
        """`x` with every uniform axis cut to length 1; a Python scalar where all of `x` is one value.

        Values are the same when their bits are: NaN equals NaN, infinities themselves.

        Args:
            x: array of any shape; axes of length 0 stay.
            try_cast_scalar: give arrays with a single value as a scalar.
        """
        short = abbreviate(self.to_numpy(x))
        if try_cast_scalar and short.size == 1:
            scalar: float | int | bool = short.item()
            return scalar
        result: BArrayType = x[tuple(slice(0, length) for length in short.shape)]
        return result

    def map_fn_over_arrays(self, data: Any, fn: Callable[[BArrayType], Any]) -> Any:
        """Nested data with `fn` applied to its arrays of this backend, everything else as it is."""
        return map_leaves(data, self.is_backendarray, fn)


AnyBackend = ComputeBackend[Any, Any, Any, Any]
