"""The contract of a space: a set of values, described exactly."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import numpy as np

from unienv_interface.backends.base import AnyBackend, BDeviceType, BDtypeType, BRNGType, ComputeBackend
from unienv_interface.errors import SpaceError, SpaceValueError

__all__ = [
    "AnySpace",
    "BoundedManner",
    "Space",
    "check_backend",
    "check_children",
    "convert_array",
    "join_path",
    "validate_count",
    "validate_shape",
]

SpaceDataT = TypeVar("SpaceDataT")
SelfT = TypeVar("SelfT", bound="Space[Any, Any, Any, Any]")

BoundedManner: TypeAlias = Literal["both", "below", "above"]


def validate_shape(shape: Sequence[int], argument: str) -> tuple[int, ...]:
    """A shape as a tuple of Python integers.

    Raises:
        SpaceError: it is not a sequence of integers that are at least 0.
    """
    try:
        dims: tuple[Any, ...] = tuple(shape)
    except TypeError:
        raise SpaceError(f"{argument}: expected a sequence of integers, got {shape!r}") from None
    for dim in dims:
        if isinstance(dim, bool) or not isinstance(dim, int | np.integer) or dim < 0:
            raise SpaceError(f"{argument}: expected integers that are at least 0, got {shape!r}")
    return tuple(int(dim) for dim in dims)


def validate_count(count: Any, argument: str) -> int:
    """A number of things as a Python integer.

    Raises:
        SpaceError: it is no integer, or less than 0.
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
        raise SpaceError(f"{argument}: expected an integer that is at least 0, got {count!r}")
    return int(count)


def join_path(path: str, key: str | int) -> str:
    """The path of a part of the value at `path`."""
    return f"{path}/{key}" if path else str(key)


def _rebuild(cls: type[SelfT], arguments: dict[str, Any]) -> SelfT:
    return cls(**arguments)


class Space(ABC, Generic[SpaceDataT, BDeviceType, BDtypeType, BRNGType]):
    """A set of values: their structure, shapes, data types and bounds.

    Spaces are values themselves: immutable, hashable, and equal exactly if they are of one class
    and agree in everything that they were made from, bounds bit by bit. They pickle, and copies of
    a space are the space.

    Args:
        backend: what the arrays of the values are made by.
        shape: shape of the values, None where they have none.
        device: where values are made; None leaves it to the backend. Membership does not look at it.
        dtype: type of the elements, None where there is no one type.

    Attributes:
        backend: as given.
        dtype: as given, in the form that the `dtype` of the backend's arrays has.
    """

    backend: ComputeBackend[Any, BDeviceType, BDtypeType, BRNGType]
    dtype: BDtypeType | None

    def __init__(
        self,
        backend: ComputeBackend[Any, BDeviceType, BDtypeType, BRNGType],
        shape: Sequence[int] | None = None,
        device: BDeviceType | None = None,
        dtype: BDtypeType | None = None,
    ) -> None:
        """Set what all spaces have and freeze the instance: subclasses call this last."""
        check_backend(backend)
        self.backend = backend
        self.dtype = None if dtype is None else backend.canonical_dtype(dtype)
        self._device = backend.canonical_device(device)
        self._shape = None if shape is None else validate_shape(shape, "shape")
        self._frozen = True

    def __setattr__(self, name: str, value: Any) -> None:
        if "_frozen" in self.__dict__:
            raise AttributeError(f"{type(self).__name__} is immutable: cannot set {name!r}")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: cannot delete {name!r}")

    @property
    def device(self) -> BDeviceType | None:
        """Where values are made, None for wherever the backend makes them."""
        return self._device

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Shape of the values, None where they have none."""
        return self._shape

    # -- identity ------------------------------------------------------------------------------

    @abstractmethod
    def _arguments(self) -> dict[str, Any]:
        """The arguments from which the constructor makes an equal space."""

    @abstractmethod
    def _identity(self) -> Hashable:
        """What, beside class, backend and device, two spaces must agree in to be equal."""

    @cached_property
    def _key(self) -> Hashable:
        return (self.backend, self._device, self.dtype, self._shape, self._identity())

    @cached_property
    def _hash(self) -> int:
        return hash((type(self), self._key))

    def _replace(self: SelfT, **changes: Any) -> SelfT:
        """A space that differs from this one in the given constructor arguments."""
        return type(self)(**{**self._arguments(), **changes})

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Space) or type(self) is not type(other):
            return NotImplemented
        return self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> Any:
        arguments = self._arguments()
        if "device" in arguments:  # which not every library can pickle
            arguments["device"] = self.backend.serialize_device(self._device)
        return _rebuild, (type(self), arguments)

    def __copy__(self: SelfT) -> SelfT:
        return self

    def __deepcopy__(self: SelfT, memo: dict[int, Any]) -> SelfT:
        return self

    # -- values --------------------------------------------------------------------------------

    @abstractmethod
    def coerce(self, x: Any, *, path: str = "") -> SpaceDataT:
        """`x` in the canonical form of a value of this space, no value changed.

        Arrays of the backend and nested Python numbers become arrays of the space's type; what has
        the canonical form already comes back as it is, without a copy. Devices are left alone.

        Args:
            x: anything.
            path: where `x` stands in a larger value, for the message.

        Raises:
            SpaceValueError: `x` is no member of this space; InexactValueError where only the
                space's data type stands in the way.
        """

    def contains(self, x: Any) -> bool:
        """Whether `x` is a value of this space, as it is or after a conversion that changes nothing."""
        try:
            self.coerce(x)
        except SpaceValueError:
            return False
        return True

    def __contains__(self, x: Any) -> bool:
        return self.contains(x)

    @abstractmethod
    def sample(self, rng: BRNGType, **kwargs: Any) -> tuple[BRNGType, SpaceDataT]:
        """Draw one value; gives (the generator to go on with, the value)."""

    @abstractmethod
    def create_empty(self) -> SpaceDataT:
        """A value of the right structure whose elements are not initialized."""

    @abstractmethod
    def is_bounded(self, manner: BoundedManner = "both") -> bool:
        """Whether the elements of the values are bounded below, above, or both."""

    @abstractmethod
    def data_to(self, data: SpaceDataT, backend: AnyBackend | None = None, device: Any | None = None) -> Any:
        """A value of this space on another backend or device; memory is shared where possible."""

    # -- descriptions --------------------------------------------------------------------------

    @abstractmethod
    def to(self, backend: AnyBackend | None = None, device: Any | None = None) -> Space[Any, Any, Any, Any]:
        """The same space on another backend and/or device.

        A change of backend without a device leaves the device to the new backend.
        """

    def _destination(self, backend: AnyBackend | None, device: Any | None) -> tuple[AnyBackend, Any] | None:
        """The backend and device that `to` leads to, None where nothing changes."""
        target = self.backend if backend is None else backend
        if target is self.backend:
            device = self._device if device is None else target.canonical_device(device)
            if device == self._device:
                return None
        return target, device

    def _dtype_on(self, backend: AnyBackend) -> Any:
        """This space's data type on another backend."""
        if self.dtype is None:
            return None
        return backend.dtype_from_name(self.backend.dtype_name(self.dtype))

    @abstractmethod
    def get_repr(
        self,
        abbreviate: bool = False,
        include_backend: bool = True,
        include_device: bool = True,
        include_dtype: bool = True,
    ) -> str:
        """The space as text, with or without what its surroundings tell already."""

    def _format(
        self,
        parts: Iterable[str],
        include_backend: bool,
        include_device: bool,
        include_dtype: bool,
    ) -> str:
        shown = list(parts)
        if include_dtype and self.dtype is not None:
            shown.append(f"dtype={self.backend.dtype_name(self.dtype)}")
        if include_backend:
            shown.append(f"backend={self.backend.simplified_name}")
        if include_device and self._device is not None:
            shown.append(f"device={self._device}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __repr__(self) -> str:
        return self.get_repr()

    def __str__(self) -> str:
        return self.get_repr(abbreviate=True)

    @staticmethod
    def abbr_device(spaces: Iterable[Space[Any, BDeviceType, Any, Any]]) -> BDeviceType | None:
        """The device that all `spaces` share, None where they differ or there are none."""
        devices = [space.device for space in spaces]
        return devices[0] if devices and all(device == devices[0] for device in devices) else None


AnySpace: TypeAlias = Space[Any, Any, Any, Any]


def convert_array(source: AnyBackend, data: Any, backend: AnyBackend | None, device: Any | None) -> Any:
    """An array of `source` on another backend and/or device."""
    target = source if backend is None else backend
    if target is not source:
        data = target.from_other_backend(source, data)
    return data if device is None else target.to_device(data, device)


def check_backend(backend: Any) -> None:
    """Check that `backend` is one.

    Raises:
        SpaceError: it is not.
    """
    if not isinstance(backend, ComputeBackend):
        raise SpaceError(f"backend: expected a ComputeBackend, got {backend!r}")


def check_children(backend: AnyBackend, spaces: Mapping[str, Any] | Mapping[int, Any]) -> None:
    """Check the parts of a composed space.

    Raises:
        SpaceError: one is no space, or of another backend.
    """
    for key, space in spaces.items():
        if not isinstance(space, Space):
            raise SpaceError(f"spaces[{key!r}]: expected a Space, got {type(space).__name__}")
        if space.backend is not backend:
            raise SpaceError(f"spaces[{key!r}]: expected a space of {backend}, got one of {space.backend}")
