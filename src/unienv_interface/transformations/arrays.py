"""What the transformations of arrays share: which values they take, and constants where the values are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.backends.arrays import abbreviate
from unienv_interface.backends.base import AnyBackend
from unienv_interface.backends.dtypes import DTYPE_NAMES, FLOATING
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.backends.registry import get_backend_from_tensor
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.spaces import BoxSpace
from unienv_interface.space.spaces.aliases import AnyBinary, AnyBox
from unienv_interface.space.spaces.values import cast_exact, check_kind, describe, host_numbers

__all__ = ["Constants", "as_box", "batch_of", "dtype_name", "floating_name", "host_array", "short_form"]


def as_box(space: AnySpace, who: str) -> AnyBox:
    """`space`, which is a box.

    Raises:
        SpaceError: it is not.
    """
    if not isinstance(space, BoxSpace):
        raise SpaceError(f"{who}: expected a BoxSpace, got {space!r}")
    return space


def batch_of(space: AnyBox | AnyBinary, data: Any, item_axes: int = 0) -> Any:
    """`data` as an array of the space's type: a value of the space, or a batch of its values.

    Bounds are not looked at.

    Args:
        space: space of the values, of shape `S`, or of batches of them; in the latter a first axis of
            length 1 stands for any length.
        data: array of the backend of shape `(*batch, *S)`.
        item_axes: how many of the last axes surely belong to the values, so that their length counts.

    Raises:
        SpaceValueError: `data` is something else.
    """
    backend, shape = space.backend, space.shape
    dtype = backend.dtype_name(space.dtype)
    if not backend.is_backendarray(data):
        raise SpaceValueError("", f"{dtype} array of shape (*batch, *{shape}) by {backend}", describe(data))
    axes = tuple(data.shape)[len(data.shape) - len(shape) :]
    has_open_axis = len(shape) > item_axes and shape[:1] == (1,) and len(data.shape) >= len(shape)
    if (axes[1:] != shape[1:]) if has_open_axis else (axes != shape):
        raise SpaceValueError("", f"shape (*batch, *{shape})", f"shape {tuple(data.shape)}")
    if isinstance(data, np.generic):
        data = np.asarray(data)
    check_kind(backend.dtype_name(data.dtype), dtype, "")
    return cast_exact(backend, data, dtype, "")


def host_array(argument: str, value: Any) -> NDArray[Any]:
    """Numbers that a caller gave, as a host array: integers as they are, other numbers as float64.

    Args:
        argument: what the caller calls it.
        value: a number, nested lists, or an array of any backend.

    Raises:
        SpaceError: it is something else.
    """
    array = host_numbers(value)
    if array is None:
        try:
            array = get_backend_from_tensor(value).to_numpy(value)
        except TypeError:
            kind = describe(value)
            raise SpaceError(f"{argument}: expected numbers or an array of numbers, got {kind}") from None
    array = np.array(array, dtype=np.float64 if array.dtype.kind == "f" else None)
    array.flags.writeable = False
    return array


def short_form(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only array that broadcasts to the same values, of as few axes and elements as can be."""
    short = abbreviate(array)
    ndim = next((short.ndim - axis for axis, length in enumerate(short.shape) if length != 1), 0)
    result = short.reshape(short.shape[short.ndim - ndim :]).copy()
    result.flags.writeable = False
    return result


def dtype_name(argument: str, dtype: Any) -> str:
    """The array-API name of a data type of any backend.

    Raises:
        SpaceError: it is no numeric type.
    """
    try:
        name = NumpyComputeBackend.dtype_name(dtype)
    except SpaceError:
        name = getattr(dtype, "__name__", str(dtype)).removeprefix("torch.")
    if name in DTYPE_NAMES and name != "bool":
        return name
    raise SpaceError(f"{argument}: expected a data type or its name, got {dtype!r}")


def floating_name(argument: str, dtype: Any) -> str:
    """The array-API name of a floating data type of any backend.

    Raises:
        SpaceError: it is no floating type.
    """
    name = dtype_name(argument, dtype)
    if name not in FLOATING:
        raise SpaceError(f"{argument}: expected a floating data type, got {dtype!r}")
    return name


class Constants:
    """Host arrays as arrays of a backend, made once a device.

    Args:
        backend: whose arrays are wanted.
        arrays: of types that the backend has too.
    """

    def __init__(self, backend: AnyBackend, arrays: Sequence[NDArray[Any]]) -> None:
        self._backend = backend
        self._arrays = arrays
        self._made: dict[Any, tuple[Any, ...]] = {}

    def beside(self, x: Any) -> tuple[Any, ...]:
        """The arrays on the device of `x`, not to be written to."""
        device = self._backend.device(x)
        made = self._made.get(device)
        if made is None:
            made = tuple(self._backend.from_numpy(array, device=device) for array in self._arrays)
            self._made[device] = made
        return made
