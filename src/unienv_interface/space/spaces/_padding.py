"""Padding arrays along their axes, and taking the padding off."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from unienv_interface.backends.base import BArrayType, BDeviceType, BDtypeType, BRNGType, ComputeBackend
from unienv_interface.backends.dtypes import FLOATING, host_dtype, inexact_elements, round_floats
from unienv_interface.errors import SpaceError
from unienv_interface.space.spaces.values import host_numbers

__all__ = ["exact_fill_value", "filled_axis_length", "pad_axis", "unpad_axis"]


def exact_fill_value(fill_value: Any, dtype: str) -> int | float:
    """A fill value as the Python number that a data type holds.

    Raises:
        SpaceError: it is no number, or the data type does not hold it.
    """
    host = host_numbers(fill_value)
    if host is None or host.ndim or bool(np.isnan(host)):
        raise SpaceError(f"fill_value: expected a number, got {fill_value!r}")
    rounds = dtype in FLOATING and host.dtype.kind == "f"
    held = round_floats(host, dtype) if rounds else host
    inexact = inexact_elements(held, dtype)
    if (inexact is not None and bool(inexact)) or (math.isinf(held) and not math.isinf(host)):
        raise SpaceError(f"fill_value: {dtype} cannot hold {fill_value!r}")
    # Adding 0 turns -0.0 into 0.0, which is the same fill value.
    number: int | float = (held.astype(host_dtype(dtype)) + host_dtype(dtype).type(0)).item()
    return number


def pad_axis(
    backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType],
    data: BArrayType,
    axis: int,
    target_size: int,
    fill_value: int | float,
) -> BArrayType:
    """`data` with `fill_value` appended along `axis` up to `target_size` entries.

    Raises:
        ValueError: there are more entries than that.
    """
    return backend.pad_dim(data, axis, target_size, fill_value)


def filled_axis_length(
    backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType],
    data: BArrayType,
    axis: int,
    fill_value: int | float,
) -> int:
    """Number of entries along `axis` up to the last that holds something else than `fill_value`."""
    host = np.moveaxis(backend.to_numpy(data), axis, 0)
    differs = np.asarray(host != fill_value).any(axis=tuple(range(1, host.ndim)))
    return int(np.flatnonzero(differs)[-1]) + 1 if bool(differs.any()) else 0


def unpad_axis(
    backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType],
    data: BArrayType,
    axis: int,
    fill_value: int | float,
    least: int,
) -> BArrayType:
    """`data` without the entries at the end of `axis` that hold nothing but `fill_value`.

    Args:
        backend: the backend of the array.
        data: any array.
        axis: the axis.
        fill_value: what padding consists of.
        least: number of entries that stay whatever they hold.
    """
    axis %= len(data.shape)
    length = max(filled_axis_length(backend, data, axis, fill_value), least)
    cut: BArrayType = data[(slice(None),) * axis + (slice(0, length),)]
    return cut
