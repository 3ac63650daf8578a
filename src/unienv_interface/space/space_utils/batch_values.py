"""Batches of values: stacking them, and reading and writing their entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from unienv_interface.errors import SpaceValueError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_spaces import batch_space, unsupported
from unienv_interface.space.space_utils.graph_batches import put_graphs, stack_graphs, trim_graphs
from unienv_interface.space.space_utils.indexing import host_index, put, put_objects, take
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    DynamicBoxSpace,
    GraphInstance,
    GraphSpace,
    TextSpace,
    TupleSpace,
    UnionSpace,
)
from unienv_interface.space.spaces.aliases import (
    AnyBatched,
    AnyBinary,
    AnyBox,
    AnyDict,
    AnyDynamicBox,
    AnyGraph,
    AnyText,
    AnyTuple,
    AnyUnion,
)
from unienv_interface.space.spaces.batched import object_array
from unienv_interface.space.spaces.values import describe

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
    elif isinstance(data, GraphInstance):
        yield from _first_lengths(data.n_nodes)
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


@_stack.register(DynamicBoxSpace)
@_stack.register(TextSpace)
@_stack.register(UnionSpace)
def _(space: AnyDynamicBox | AnyText | AnyUnion, items: Sequence[Any], axis: int) -> Any:
    return object_array([space.coerce(item) for item in items], (len(items),))


@_stack.register(GraphSpace)
def _(space: AnyGraph, items: Sequence[Any], axis: int) -> Any:
    return stack_graphs(space, items, axis)


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


@get_at.register(BatchedSpace)
@get_at.register(DynamicBoxSpace)
@get_at.register(TextSpace)
@get_at.register(UnionSpace)
def _(space: AnyBatched | AnyDynamicBox | AnyText | AnyUnion, items: Any, index: Any) -> Any:
    return items[host_index(index)]


@get_at.register(GraphSpace)
def _(space: AnyGraph, items: Any, index: Any) -> Any:
    return trim_graphs(space.backend, items.map(lambda array: take(space.backend, array, index)))


@get_at.register(DictSpace)
def _(space: AnyDict, items: Any, index: Any) -> Any:
    return {key: get_at(part, items[key], index) for key, part in space.spaces.items()}


@get_at.register(TupleSpace)
def _(space: AnyTuple, items: Any, index: Any) -> Any:
    return tuple(get_at(part, item, index) for part, item in zip(space.spaces, items, strict=True))


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


@set_at.register(BatchedSpace)
@set_at.register(DynamicBoxSpace)
@set_at.register(TextSpace)
@set_at.register(UnionSpace)
def _(space: AnyBatched | AnyDynamicBox | AnyText | AnyUnion, items: Any, index: Any, value: Any) -> Any:
    return put_objects(items, index, value)


@set_at.register(GraphSpace)
def _(space: AnyGraph, items: Any, index: Any, value: Any) -> Any:
    return put_graphs(space, items, index, value)


@set_at.register(DictSpace)
def _(space: AnyDict, items: Any, index: Any, value: Any) -> Any:
    parts = value if isinstance(value, Mapping) else dict.fromkeys(space.spaces, value)
    return {key: set_at(part, items[key], index, parts[key]) for key, part in space.spaces.items()}


@set_at.register(TupleSpace)
def _(space: AnyTuple, items: Any, index: Any, value: Any) -> Any:
    parts = value if isinstance(value, tuple | list) else (value,) * len(space)
    triples = zip(space.spaces, items, parts, strict=True)
    return tuple(set_at(part, item, index, new) for part, item, new in triples)


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
