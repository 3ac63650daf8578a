"""The least space that holds some data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from unienv_interface.backends.base import AnyBackend
from unienv_interface.backends.dtypes import dtype_limits
from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace, join_path
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    DynamicBoxSpace,
    TextSpace,
    TupleSpace,
)
from unienv_interface.space.spaces.aliases import (
    AnyBatched,
    AnyBinary,
    AnyBox,
    AnyDict,
    AnyDynamicBox,
    AnyText,
    AnyTuple,
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
    return space if candidate_space is None else _join(candidate_space, space, "")


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
        single = space if single is None else _join(single, space, place)
    if single is None:
        raise SpaceError(f"{path or 'data'}: an empty object array says nothing about its elements")
    return BatchedSpace(single, data.shape)


# -- the least space that holds the values of two --------------------------------------------------


def _join(first: AnySpace, second: AnySpace, path: str) -> AnySpace:
    if first == second:
        return first
    joined = _join_kinds(first, second, path) if first.backend is second.backend else None
    if joined is None:
        raise SpaceError(f"{path or 'data'}: no space holds the values of both {first!r} and {second!r}")
    return joined


@singledispatch
def _join_kinds(first: AnySpace, second: AnySpace, path: str) -> AnySpace | None:
    """The least space that holds the values of both; None where there is none."""
    return None


@_join_kinds.register(BinarySpace)
def _(first: AnyBinary, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, BinarySpace) or first.shape != second.shape:
        return None
    return BinarySpace(first.backend, first.shape)


@_join_kinds.register(BoxSpace)
@_join_kinds.register(DynamicBoxSpace)
def _(first: AnyBox | AnyDynamicBox, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, BoxSpace | DynamicBoxSpace) or first.dtype != second.dtype:
        return None
    spans = [_span(space) for space in (first, second)]
    if len(spans[0][0]) != len(spans[1][0]):
        return None
    least = tuple(map(min, spans[0][0], spans[1][0]))
    most = tuple(map(max, spans[0][1], spans[1][1]))
    device = first.abbr_device([first, second])
    variable = tuple(axis for axis in range(len(most)) if least[axis] != most[axis])
    lows = [_reduce(np.minimum, space.bounds.low, variable) for space in (first, second)]
    highs = [_reduce(np.maximum, space.bounds.high, variable) for space in (first, second)]
    low, high = np.minimum(*lows), np.maximum(*highs)
    if not variable:
        return BoxSpace(first.backend, low, high, first.dtype, device=device, shape=most)
    fill = next((s.fill_value for s in (first, second) if isinstance(s, DynamicBoxSpace)), 0)
    return DynamicBoxSpace(first.backend, low, high, least, most, first.dtype, device, fill)


def _span(space: AnyBox | AnyDynamicBox) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if isinstance(space, BoxSpace):
        return space.shape, space.shape
    return space.shape_low, space.shape_high


def _reduce(extreme: np.ufunc, bound: Any, axes: tuple[int, ...]) -> Any:
    """A bound made the same along axes of variable length."""
    for axis in axes:
        bound = extreme.reduce(bound, axis=axis, keepdims=True)
    return bound


@_join_kinds.register(TextSpace)
def _(first: AnyText, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, TextSpace):
        return None
    both = (first.charset, second.charset)
    return TextSpace(
        first.backend,
        max(first.max_length, second.max_length),
        min_length=min(first.min_length, second.min_length),
        charset=None if None in both else frozenset().union(*(chars or () for chars in both)),
    )


@_join_kinds.register(DictSpace)
def _(first: AnyDict, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, DictSpace) or first.keys() != second.keys():
        return None
    parts = {key: _join(first[key], second[key], join_path(path, key)) for key in first}
    return DictSpace(first.backend, parts)


@_join_kinds.register(TupleSpace)
def _(first: AnyTuple, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, TupleSpace) or len(first) != len(second):
        return None
    pairs = enumerate(zip(first.spaces, second.spaces, strict=True))
    return TupleSpace(first.backend, [_join(a, b, join_path(path, i)) for i, (a, b) in pairs])


@_join_kinds.register(BatchedSpace)
def _(first: AnyBatched, second: AnySpace, path: str) -> AnySpace | None:
    if not isinstance(second, BatchedSpace) or first.batch_shape != second.batch_shape:
        return None
    return BatchedSpace(_join(first.single_space, second.single_space, path), first.batch_shape)
