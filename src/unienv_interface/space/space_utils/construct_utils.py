"""The least space that holds some data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from unienv_interface.backends.base import AnyBackend
from unienv_interface.backends.dtypes import dtype_limits
from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace, join_path
from unienv_interface.space.space_utils.least_spaces import least_space
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    TextSpace,
    TupleSpace,
)
from unienv_interface.space.spaces.values import describe

__all__ = ["construct_space_from_data", "construct_space_from_data_stream"]

_UNBOUNDED_TEXT = 4096


def construct_space_from_data_stream(
    data: Iterable[Any], backend: AnyBackend, add_bounds: bool = True
) -> AnySpace:
    """The least space that holds every value of a stream.

    Args:
        data: values, at least one.
        backend: backend of the space.
        add_bounds: see `construct_space_from_data`.

    Raises:
        SpaceError: there are no values, or no space holds them all.
    """
    space: AnySpace | None = None
    for value in data:
        space = construct_space_from_data(value, backend, space, add_bounds)
    if space is None:
        raise SpaceError("data: expected at least one value")
    return space


def construct_space_from_data(
    data: Any, backend: AnyBackend, candidate_space: AnySpace | None = None, add_bounds: bool = False
) -> AnySpace:
    """The least space that holds a value, and the values of another space.

    Arrays become boxes, of varying shape where shapes differ; boolean ones binary spaces; numbers
    boxes without axes, in the backend's default types; mappings and sequences dict and tuple
    spaces; object arrays batched spaces.

    Args:
        data: arrays of the backend, numbers and strings, in mappings and sequences.
        backend: backend of the space.
        candidate_space: the other space.
        add_bounds: whether boxes are bounded by the values, and text by its length. Otherwise boxes
            have no bounds, and text may have 4,096 characters at least.

    Raises:
        SpaceError: no space holds the value, or both the value and those of the other space.
    """
    space = _space_of(data, backend, add_bounds, "")
    return space if candidate_space is None else least_space([candidate_space, space])


def _space_of(data: Any, backend: AnyBackend, add_bounds: bool, path: str) -> AnySpace:
    if isinstance(data, str):
        return TextSpace(backend, len(data) if add_bounds else max(len(data), _UNBOUNDED_TEXT))
    if isinstance(data, Mapping):
        parts = {k: _space_of(v, backend, add_bounds, join_path(path, k)) for k, v in data.items()}
        return DictSpace(backend, parts)
    if isinstance(data, np.ndarray) and data.dtype == object:
        return _space_of_batch(data, backend, add_bounds, path)
    if isinstance(data, tuple | list):
        values = enumerate(data)
        return TupleSpace(backend, [_space_of(v, backend, add_bounds, join_path(path, i)) for i, v in values])
    if isinstance(data, bool | int | float) and not isinstance(data, np.generic):
        data = backend.asarray(data)
    elif isinstance(data, np.generic) and not backend.is_backendarray(data):
        data = backend.from_numpy(np.asarray(data))
    if not backend.is_backendarray(data):
        expected = f"arrays of {backend}, numbers, strings, mappings or sequences"
        raise SpaceError(f"{path or 'data'}: expected {expected}, got {describe(data)}")
    return _space_of_array(data, backend, add_bounds)


def _space_of_array(data: Any, backend: AnyBackend, add_bounds: bool) -> AnySpace:
    shape, device = tuple(data.shape), backend.device(data)
    if backend.dtype_is_boolean(data.dtype):
        return BinarySpace(backend, shape, device=device)
    dtype = backend.dtype_name(data.dtype)
    low: Any
    high: Any
    low, high = dtype_limits(dtype)
    if add_bounds:
        host = backend.to_numpy(data)
        # What is not finite lies within no finite bounds.
        low, high = (np.where(np.isfinite(host), host, limit) for limit in (low, high))
        low, high = (bound.astype(host.dtype) for bound in (low, high))
    return BoxSpace(backend, low, high, data.dtype, device=device, shape=shape)


def _space_of_batch(data: Any, backend: AnyBackend, add_bounds: bool, path: str) -> AnySpace:
    single: AnySpace | None = None
    for index, value in enumerate(data.flat):
        place = join_path(path, index)
        space = _space_of(value, backend, add_bounds, place)
        single = space if single is None else least_space([single, space], place)
    if single is None:
        raise SpaceError(f"{path or 'data'}: an empty object array says nothing about its elements")
    return BatchedSpace(single, data.shape)
