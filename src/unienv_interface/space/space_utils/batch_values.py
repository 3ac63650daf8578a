"""Batches of values: stacking them, and reading and writing their entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from unienv_interface.backends.base import AnyBackend, get_backend_from_tensor
from unienv_interface.errors import SpaceValueError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_spaces import batch_space, unsupported
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    TextSpace,
    TupleSpace,
)
from unienv_interface.space.spaces.aliases import AnyBatched, AnyBinary, AnyBox, AnyDict, AnyText, AnyTuple
from unienv_interface.space.spaces.batched import object_array
from unienv_interface.space.spaces.values import cast_exact, check_exact, check_kind, describe, host_numbers

__all__ = ["batch_size_data", "concatenate", "get_at", "iterate", "set_at"]


def batch_size_data(data: Any) -> int | None:
    """How many values `data` is a batch of: the length of the first axis of its arrays.

    Args:
        data: arrays of any backend, object arrays among them, in mappings, tuples and lists.

    Returns:
        The length that all arrays share; None where there are no arrays, or arrays without axes.

    Raises:
        SpaceValueError: arrays differ in it.
    """
    sizes = set(_first_lengths(data))
    if len(sizes) > 1:
        raise SpaceValueError("", "arrays of one batch size", f"sizes {sorted(sizes, key=str)}")
    return sizes.pop() if sizes else None


def _first_lengths(data: Any) -> Iterator[int | None]:
    shape = getattr(data, "shape", None)
    if isinstance(shape, tuple):
        yield int(shape[0]) if shape else None
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from _first_lengths(value)
    elif isinstance(data, tuple | list):
        for value in data:
            yield from _first_lengths(value)


# -- concatenate -----------------------------------------------------------------------------------


def concatenate(space: AnySpace, items: Iterable[Any], axis: int = 0) -> Any:
    """A batch of values of `space`, as `batch_space(space, len(items))` describes it.

    Args:
        space: space of each item.
        items: values; none make an empty batch.
        axis: where the new axis goes.

    Raises:
        SpaceValueError: an item is no value of the space.
    """
    values = list(items)
    if not values:
        return batch_space(space, 0).create_empty()
    return _stack(space, values, axis)


@singledispatch
def _stack(space: AnySpace, items: Sequence[Any], axis: int) -> Any:
    raise unsupported("concatenate", space)


@_stack.register(BoxSpace)
@_stack.register(BinarySpace)
def _(space: AnyBox | AnyBinary, items: Sequence[Any], axis: int) -> Any:
    return space.backend.stack([as_array(space, item) for item in items], axis=axis)


@_stack.register(TextSpace)
def _(space: AnyText, items: Sequence[Any], axis: int) -> Any:
    return stack_objects(items)


@_stack.register(BatchedSpace)
def _(space: AnyBatched, items: Sequence[Any], axis: int) -> Any:
    return np.stack([space.coerce(item) for item in items], axis=axis)


@_stack.register(DictSpace)
def _(space: AnyDict, items: Sequence[Any], axis: int) -> Any:
    return {key: _stack(part, [item[key] for item in items], axis) for key, part in space.spaces.items()}


@_stack.register(TupleSpace)
def _(space: AnyTuple, items: Sequence[Any], axis: int) -> Any:
    return tuple(_stack(part, [item[i] for item in items], axis) for i, part in enumerate(space.spaces))


def as_array(space: AnyBox | AnyBinary, item: Any) -> Any:
    """An item as an array of its space's type; arrays of that type are not looked into."""
    if space.backend.is_backendarray(item) and item.dtype == space.dtype and not isinstance(item, np.generic):
        return item
    return space.coerce(item)


def stack_objects(items: Sequence[Any]) -> Any:
    """The items in an object array of shape (len(items),)."""
    return object_array(items, (len(items),))


# -- get_at ----------------------------------------------------------------------------------------


@singledispatch
def get_at(space: AnySpace, items: Any, index: Any) -> Any:
    """Entries of a batch: one value for an integer, else a batch.

    Args:
        space: space of the batch, or of its entries: only its structure is used.
        items: the batch.
        index: integer, slice, list or array of integers (of any backend), array of booleans,
            Ellipsis, or a tuple of these where the batch has several batch axes.
    """
    raise unsupported("get_at", space)


@get_at.register(BoxSpace)
@get_at.register(BinarySpace)
def _(space: AnyBox | AnyBinary, items: Any, index: Any) -> Any:
    return take(space.backend, items, index)


@get_at.register(TextSpace)
@get_at.register(BatchedSpace)
def _(space: AnyText | AnyBatched, items: Any, index: Any) -> Any:
    return items[host_index(index)]


@get_at.register(DictSpace)
def _(space: AnyDict, items: Any, index: Any) -> Any:
    return {key: get_at(part, items[key], index) for key, part in space.spaces.items()}


@get_at.register(TupleSpace)
def _(space: AnyTuple, items: Any, index: Any) -> Any:
    return tuple(get_at(part, item, index) for part, item in zip(space.spaces, items, strict=True))


def take(backend: AnyBackend, items: Any, index: Any) -> Any:
    """`items[index]`, always an array of the backend."""
    taken = items[backend_index(backend, items, index)]
    # NumPy gives scalars where nothing is left of the shape.
    return np.asarray(taken) if isinstance(taken, np.generic) else taken


def backend_index(backend: AnyBackend, items: Any, index: Any) -> Any:
    """An index of any backend, or plain Python, as one that `items` of this backend understands."""
    if isinstance(index, tuple):
        return tuple(_index_part(backend, items, part, axis) for axis, part in enumerate(index))
    return _index_part(backend, items, index, 0)


def _index_part(backend: AnyBackend, items: Any, part: Any, axis: int) -> Any:
    if part is None or part is Ellipsis or isinstance(part, int):
        return part
    if isinstance(part, np.integer):
        return int(part)
    if isinstance(part, slice):
        if part.step is None or part.step > 0:
            return part
        part = np.arange(items.shape[axis])[part]  # not every backend counts backwards
    if isinstance(part, list | range):
        part = np.asarray(part, dtype=None if len(part) else np.int64)
    if not backend.is_backendarray(part):
        host = part if isinstance(part, np.ndarray) else get_backend_from_tensor(part).to_numpy(part)
        part = backend.from_numpy(host, device=backend.device(items))
    # Other integers mean other things to some: uint8 is a mask to torch.
    if backend.dtype_is_real_integer(part.dtype):
        return backend.astype(part, backend.default_integer_dtype, copy=False)
    return part


def host_index(index: Any) -> Any:
    """An index of any backend as one that NumPy understands."""
    if isinstance(index, tuple):
        return tuple(host_index(part) for part in index)
    if index is None or index is Ellipsis or isinstance(index, int | slice | np.integer | np.ndarray):
        return index
    if isinstance(index, list | range):
        return np.asarray(index, dtype=None if len(index) else np.int64)
    return get_backend_from_tensor(index).to_numpy(index)


# -- set_at ----------------------------------------------------------------------------------------


@singledispatch
def set_at(space: AnySpace, items: Any, index: Any, value: Any) -> Any:
    """A batch with some of its entries replaced.

    What can be written to is updated in place; go on with what is returned.

    Args:
        space: space of the batch, or of its entries: only its structure is used.
        items: the batch.
        index: as in `get_at`.
        value: one value for an integer index, else a batch, or something that broadcasts to it. A
            number, or a boolean, goes into every array of a structured batch.

    Raises:
        SpaceValueError: the arrays of the batch cannot hold the value unchanged.
    """
    raise unsupported("set_at", space)


@set_at.register(BoxSpace)
@set_at.register(BinarySpace)
def _(space: AnyBox | AnyBinary, items: Any, index: Any, value: Any) -> Any:
    return put(space.backend, items, index, value)


@set_at.register(TextSpace)
@set_at.register(BatchedSpace)
def _(space: AnyText | AnyBatched, items: Any, index: Any, value: Any) -> Any:
    return put_objects(items, index, value)


@set_at.register(DictSpace)
def _(space: AnyDict, items: Any, index: Any, value: Any) -> Any:
    parts = value if isinstance(value, Mapping) else dict.fromkeys(space.spaces, value)
    return {key: set_at(part, items[key], index, parts[key]) for key, part in space.spaces.items()}


@set_at.register(TupleSpace)
def _(space: AnyTuple, items: Any, index: Any, value: Any) -> Any:
    parts = value if isinstance(value, tuple | list) else (value,) * len(space)
    triples = zip(space.spaces, items, parts, strict=True)
    return tuple(set_at(part, item, index, new) for part, item, new in triples)


def put(backend: AnyBackend, items: Any, index: Any, value: Any) -> Any:
    """An array with entries replaced, checking that its type holds them."""
    dtype = backend.dtype_name(items.dtype)
    if not backend.is_backendarray(value) or isinstance(value, np.generic):
        host = host_numbers(value)
        if host is None:
            raise SpaceValueError("", f"values of type {dtype} by {backend}", describe(value))
        check_kind(host.dtype.name, dtype, "")
        check_exact(host, dtype, "")
        value = backend.from_numpy(np.array(host), dtype=items.dtype, device=backend.device(items))
    else:
        check_kind(backend.dtype_name(value.dtype), dtype, "")
        value = cast_exact(backend, value, dtype, "")
    return backend.at(items)[backend_index(backend, items, index)].set(value)


def put_objects(items: Any, index: Any, value: Any) -> Any:
    """An object array with entries replaced; a value that is no object array goes into each of them."""
    if not items.flags.writeable:
        items = items.copy()
    where = host_index(index)
    # Into one place the value goes as it is; NumPy would spread lists and arrays over several.
    is_one_place = np.ndim(np.broadcast_to(False, items.shape)[where]) == 0
    if not is_one_place and not (isinstance(value, np.ndarray) and value.dtype == object):
        value = object_array([value], ())
    items[where] = value
    return items


def iterate(space: AnySpace, items: Any) -> Iterator[Any]:
    """The values that a batch holds, in order.

    Args:
        space: space of the batch.
        items: the batch.

    Raises:
        SpaceValueError: `items` is no batch.
    """
    count = batch_size_data(items)
    if count is None:
        raise SpaceValueError("", "a batch", describe(items))
    return (get_at(space, items, index) for index in range(count))
