"""Values as flat arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space.space import AnySpace, join_path
from unienv_interface.space.space_utils.flat_layout import flat_layout
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
from unienv_interface.space.spaces.values import cast_exact, describe

__all__ = ["flatten_data", "flatten_part", "join_parts", "unflatten_data", "unflatten_part"]


def flatten_data(space: AnySpace, data: Any, start_dim: int = 0) -> Any:
    """A value of `space` as one array, a value of `flatten_space(space, start_dim)`.

    Dicts are laid out in order of their keys, tuples in theirs. Nothing is rounded. The axes before
    `start_dim` may be of other lengths than those of the space.

    Args:
        space: space of the value.
        data: the value.
        start_dim: first axis to be flattened.

    Returns:
        Array of shape `(*head, flat_dim)`; it may share memory with `data`.

    Raises:
        SpaceError: values of `space` cannot be flattened so.
        SpaceValueError: `data` has not the structure and shapes of `space`.
        InexactValueError: the common data type does not hold a value (an int64 beyond 2**53 beside
            floating-point numbers).
    """
    return flatten_part(space, data, start_dim, flat_layout(space, start_dim).dtype, "")


def unflatten_data(space: AnySpace, data: Any, start_dim: int = 0) -> Any:
    """The value that `flatten_data` made into `data`: its exact inverse.

    Args:
        space: space of the value.
        data: array of shape `(*head, flat_dim)`, of any data type.
        start_dim: as it was for `flatten_data`.

    Returns:
        A value of `space`, whose arrays may share memory with `data`.

    Raises:
        SpaceError: values of `space` cannot be flattened so.
        SpaceValueError: `data` is no array of that length, or holds no text where text belongs.
        InexactValueError: `data` holds values that the part they belong to cannot (1.5 for an
            integer, 0.1 in float64 for a float32).
    """
    layout = flat_layout(space, start_dim)
    shape = tuple(getattr(data, "shape", ()))
    if not space.backend.is_backendarray(data) or not shape or shape[-1] != layout.size:
        expected = f"array of shape (*head, {layout.size}) by {space.backend}"
        raise SpaceValueError("", expected, describe(data))
    return unflatten_part(space, data, start_dim, "")


@singledispatch
def flatten_part(space: AnySpace, data: Any, start_dim: int, dtype: str, path: str) -> Any:
    """The value as an array of shape `(*head, n)`, of the type `dtype`."""
    raise SpaceError(f"flatten: not possible for a {type(space).__name__}")


@singledispatch
def unflatten_part(space: AnySpace, flat: Any, start_dim: int, path: str) -> Any:
    """The value that lies in an array of shape `(*head, n)`."""
    raise SpaceError(f"unflatten: not possible for a {type(space).__name__}")


@flatten_part.register(BoxSpace)
@flatten_part.register(BinarySpace)
def _(space: AnyBox | AnyBinary, data: Any, start_dim: int, dtype: str, path: str) -> Any:
    if not space.backend.is_backendarray(data) or isinstance(data, np.generic):
        data = space.coerce(data, path=path)
    shape = tuple(data.shape)
    if len(shape) != len(space.shape) or shape[start_dim:] != space.shape[start_dim:]:
        raise SpaceValueError(path, f"shape {space.shape}", f"shape {shape}")
    size = flat_layout(space, start_dim).size
    return cast_exact(space.backend, space.backend.reshape(data, (*shape[:start_dim], size)), dtype, path)


@unflatten_part.register(BoxSpace)
@unflatten_part.register(BinarySpace)
def _(space: AnyBox | AnyBinary, flat: Any, start_dim: int, path: str) -> Any:
    shape = (*flat.shape[:-1], *space.shape[start_dim:])
    dtype = space.backend.dtype_name(space.dtype)
    return cast_exact(space.backend, space.backend.reshape(flat, shape), dtype, path)


@flatten_part.register(DictSpace)
def _(space: AnyDict, data: Any, start_dim: int, dtype: str, path: str) -> Any:
    if not isinstance(data, Mapping) or data.keys() != space.keys():
        raise SpaceValueError(path, f"mapping with keys {list(space)}", describe(data))
    return join_parts(
        space,
        [
            flatten_part(part, data[key], start_dim, dtype, join_path(path, key))
            for key, part in space.spaces.items()
        ],
        dtype,
    )


@unflatten_part.register(DictSpace)
def _(space: AnyDict, flat: Any, start_dim: int, path: str) -> Any:
    parts, start = {}, 0
    for key, part in space.spaces.items():
        stop = start + flat_layout(part, start_dim).size
        parts[key] = unflatten_part(part, flat[..., start:stop], start_dim, join_path(path, key))
        start = stop
    return parts


@flatten_part.register(TupleSpace)
def _(space: AnyTuple, data: Any, start_dim: int, dtype: str, path: str) -> Any:
    if not isinstance(data, tuple | list) or len(data) != len(space):
        raise SpaceValueError(path, f"tuple of {len(space)} values", describe(data))
    pairs = enumerate(zip(space.spaces, data, strict=True))
    return join_parts(
        space,
        [flatten_part(part, value, start_dim, dtype, join_path(path, i)) for i, (part, value) in pairs],
        dtype,
    )


@unflatten_part.register(TupleSpace)
def _(space: AnyTuple, flat: Any, start_dim: int, path: str) -> Any:
    parts, start = [], 0
    for position, part in enumerate(space.spaces):
        stop = start + flat_layout(part, start_dim).size
        parts.append(unflatten_part(part, flat[..., start:stop], start_dim, join_path(path, position)))
        start = stop
    return tuple(parts)


def join_parts(space: AnySpace, parts: list[Any], dtype: str) -> Any:
    """Flat arrays of the type `dtype` joined along their last axis."""
    if not parts:
        return space.backend.empty((0,), dtype=space.backend.dtype_from_name(dtype), device=space.device)
    return parts[0] if len(parts) == 1 else space.backend.concat(parts, axis=-1)


@flatten_part.register(TextSpace)
def _(space: AnyText, data: Any, start_dim: int, dtype: str, path: str) -> Any:
    text = space.coerce(data, path=path)
    index, padding = space.charset_index or {}, len(space.charset_list or ())
    positions = [index[char] for char in text] + [padding] * (space.max_length - len(text))
    backend = space.backend
    array = backend.from_numpy(np.array(positions, dtype=np.int32), device=space.device)
    return cast_exact(backend, array, dtype, path)


@unflatten_part.register(TextSpace)
def _(space: AnyText, flat: Any, start_dim: int, path: str) -> Any:
    chars = space.charset_list or ()
    positions: list[Any] = space.backend.to_numpy(flat).tolist()
    length = len(positions)
    while length and positions[length - 1] == len(chars):
        length -= 1
    for position in positions[:length]:
        if not (0 <= position < len(chars) and position == int(position)):
            raise SpaceValueError(path, f"positions in a charset of {len(chars)}", str(position))
    return "".join(chars[int(position)] for position in positions[:length])


@flatten_part.register(BatchedSpace)
def _(space: AnyBatched, data: Any, start_dim: int, dtype: str, path: str) -> Any:
    single, axes = space.single_space, len(space.batch_shape)
    if not isinstance(data, np.ndarray):
        data = space.coerce(data, path=path)
    shape = data.shape
    if len(shape) != axes or shape[start_dim:] != space.batch_shape[start_dim:]:
        raise SpaceValueError(path, f"object array of shape {space.batch_shape}", describe(data))
    size = flat_layout(space, start_dim).size
    head = shape[:start_dim]
    if data.size == 0:
        backend = space.backend
        return backend.empty((*head, size), dtype=backend.dtype_from_name(dtype), device=space.device)
    rows = [flatten_part(single, value, 0, dtype, join_path(path, i)) for i, value in enumerate(data.flat)]
    return space.backend.reshape(space.backend.stack(rows), (*head, size))


@unflatten_part.register(BatchedSpace)
def _(space: AnyBatched, flat: Any, start_dim: int, path: str) -> Any:
    single = flat_layout(space.single_space, 0).size
    shape = (*flat.shape[:-1], *space.batch_shape[start_dim:])
    rows = space.backend.reshape(flat, (int(np.prod(shape)), single))
    values = (
        unflatten_part(space.single_space, rows[row, ...], 0, join_path(path, row))
        for row in range(rows.shape[0])
    )
    return object_array(values, shape)
