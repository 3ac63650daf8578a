"""Spaces of batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch
from typing import Any, TypeVar

from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace, validate_count
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    DynamicBoxSpace,
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
from unienv_interface.space.spaces.bounds import stack_bounds

__all__ = [
    "batch_differing_spaces",
    "batch_size",
    "batch_space",
    "unbatch_spaces",
    "unsupported",
]

T = TypeVar("T")


def unsupported(function: str, space: object) -> SpaceError:
    """The error for a space of which no implementation of `function` knows."""
    return SpaceError(f"{function}: not possible for a {type(space).__name__}")


# -- batch_space -----------------------------------------------------------------------------------


@singledispatch
def batch_space(space: AnySpace, n: int = 1) -> AnySpace:
    """The space of batches of `n` values of `space`.

    Arrays gain a first axis of length `n`, dicts and tuples are batched part by part, graphs are
    padded to the largest, and what does not stack (text, unions, arrays of varying shape) becomes a
    `BatchedSpace` of object arrays.
    """
    raise unsupported("batch_space", space)


@batch_space.register(BoxSpace)
def _(space: AnyBox, n: int = 1) -> AnySpace:
    return space.with_bounds(space.bounds.batched(validate_count(n, "n")))


@batch_space.register(BinarySpace)
def _(space: AnyBinary, n: int = 1) -> AnySpace:
    return BinarySpace(space.backend, (validate_count(n, "n"), *space.shape), device=space.device)


@batch_space.register(DictSpace)
def _(space: AnyDict, n: int = 1) -> AnySpace:
    return DictSpace(space.backend, {key: batch_space(part, n) for key, part in space.spaces.items()})


@batch_space.register(TupleSpace)
def _(space: AnyTuple, n: int = 1) -> AnySpace:
    return TupleSpace(space.backend, [batch_space(part, n) for part in space.spaces])


@batch_space.register(DynamicBoxSpace)
@batch_space.register(TextSpace)
@batch_space.register(UnionSpace)
def _(space: AnyDynamicBox | AnyText | AnyUnion, n: int = 1) -> AnySpace:
    return BatchedSpace(space, (validate_count(n, "n"),))


@batch_space.register(BatchedSpace)
def _(space: AnyBatched, n: int = 1) -> AnySpace:
    return BatchedSpace(space.single_space, (validate_count(n, "n"), *space.batch_shape))


@batch_space.register(GraphSpace)
def _(space: AnyGraph, n: int = 1) -> AnySpace:
    return space.with_batch_shape((validate_count(n, "n"), *space.batch_shape))


# -- batch_size ------------------------------------------------------------------------------------


@singledispatch
def batch_size(space: AnySpace) -> int | None:
    """How many values a value of `space` is a batch of; None where it is no batch.

    That is the length of the first axis, which the parts of dicts and tuples must share.
    """
    return None


@batch_size.register(BoxSpace)
@batch_size.register(BinarySpace)
def _(space: AnyBox | AnyBinary) -> int | None:
    return space.shape[0] if space.shape else None


@batch_size.register(BatchedSpace)
@batch_size.register(GraphSpace)
def _(space: AnyBatched | AnyGraph) -> int | None:
    return space.batch_shape[0] if space.batch_shape else None


@batch_size.register(DictSpace)
def _(space: AnyDict) -> int | None:
    return shared(batch_size(part) for part in space.spaces.values())


@batch_size.register(TupleSpace)
def _(space: AnyTuple) -> int | None:
    return shared(batch_size(part) for part in space.spaces)


def shared(values: Iterable[T | None]) -> T | None:
    """The one value that all are, None where they differ or there are none."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


# -- batch_differing_spaces ------------------------------------------------------------------------


def batch_differing_spaces(spaces: Sequence[AnySpace], device: Any | None = None) -> AnySpace:
    """The space of batches whose entry i is a value of `spaces[i]`.

    The spaces must be alike but for their bounds (boxes) or their lengths and characters (text,
    whose batch takes every text that any of them takes).

    Args:
        spaces: at least one.
        device: where the batches are made; by default where all the spaces' values are.

    Raises:
        SpaceError: the spaces are not alike.
    """
    if not spaces:
        raise SpaceError("spaces: expected at least one")
    first = spaces[0]
    for position, space in enumerate(spaces):
        if type(space) is not type(first) or space.backend is not first.backend:
            raise SpaceError(f"spaces[{position}]: expected a space like {first!r}, got {space!r}")
    batched = _batch_differing(first, spaces)
    return batched if device is None else batched.to(device=device)


@singledispatch
def _batch_differing(first: AnySpace, spaces: Sequence[AnySpace]) -> AnySpace:
    if any(space != first for space in spaces):
        raise SpaceError(f"spaces: expected equal ones, as {type(first).__name__} asks for")
    return batch_space(first, len(spaces))


@_batch_differing.register(BoxSpace)
def _(first: AnyBox, spaces: Sequence[AnyBox]) -> AnySpace:
    for position, space in enumerate(spaces):
        if (space.shape, space.dtype) != (first.shape, first.dtype):
            raise SpaceError(f"spaces[{position}]: expected shape and dtype of {first!r}, got {space!r}")
    batched = first.with_bounds(stack_bounds([space.bounds for space in spaces]))
    return batched._replace(device=first.abbr_device(spaces))


@_batch_differing.register(TextSpace)
def _(first: AnyText, spaces: Sequence[AnyText]) -> AnySpace:
    charsets = [space.charset for space in spaces]
    charset = frozenset[str]()
    for chars in charsets:
        charset |= chars or frozenset()
    merged = TextSpace(
        first.backend,
        max(space.max_length for space in spaces),
        min_length=min(space.min_length for space in spaces),
        charset=None if None in charsets else charset,
        device=first.abbr_device(spaces),
    )
    return BatchedSpace(merged, (len(spaces),))


@_batch_differing.register(DictSpace)
def _(first: AnyDict, spaces: Sequence[AnyDict]) -> AnySpace:
    for position, space in enumerate(spaces):
        if space.keys() != first.keys():
            raise SpaceError(f"spaces[{position}]: expected keys {list(first)}, got {list(space)}")
    parts = {key: batch_differing_spaces([space[key] for space in spaces]) for key in first}
    return DictSpace(first.backend, parts)


@_batch_differing.register(TupleSpace)
def _(first: AnyTuple, spaces: Sequence[AnyTuple]) -> AnySpace:
    for position, space in enumerate(spaces):
        if len(space) != len(first):
            raise SpaceError(f"spaces[{position}]: expected {len(first)} parts, got {len(space)}")
    parts = [batch_differing_spaces([space[i] for space in spaces]) for i in range(len(first))]
    return TupleSpace(first.backend, parts)


# -- unbatch_spaces --------------------------------------------------------------------------------


def unbatch_spaces(space: AnySpace) -> Iterator[AnySpace]:
    """The space of each entry of the batches of `space`, in order.

    Raises:
        SpaceError: its values are no batches.
    """
    count = batch_size(space)
    if count is None:
        raise SpaceError(f"unbatch_spaces: expected a space of batches, got {space!r}")
    return (_entry_space(space, index) for index in range(count))


@singledispatch
def _entry_space(space: AnySpace, index: int) -> AnySpace:
    raise unsupported("unbatch_spaces", space)


@_entry_space.register(BoxSpace)
def _(space: AnyBox, index: int) -> AnySpace:
    return space.with_bounds(space.bounds.element(index))


@_entry_space.register(BinarySpace)
def _(space: AnyBinary, index: int) -> AnySpace:
    return BinarySpace(space.backend, space.shape[1:], device=space.device)


@_entry_space.register(BatchedSpace)
def _(space: AnyBatched, index: int) -> AnySpace:
    rest = space.batch_shape[1:]
    return BatchedSpace(space.single_space, rest) if rest else space.single_space


@_entry_space.register(GraphSpace)
def _(space: AnyGraph, index: int) -> AnySpace:
    return space.with_batch_shape(space.batch_shape[1:])


@_entry_space.register(DictSpace)
def _(space: AnyDict, index: int) -> AnySpace:
    return DictSpace(space.backend, {key: _entry_space(part, index) for key, part in space.spaces.items()})


@_entry_space.register(TupleSpace)
def _(space: AnyTuple, index: int) -> AnySpace:
    return TupleSpace(space.backend, [_entry_space(part, index) for part in space.spaces])
