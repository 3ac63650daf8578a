"""Flattening of arrays of varying shape.

The lengths of the variable axes stand first, then the elements, padded with the fill value to the
greatest shape; so no trailing value is taken for padding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space.space_utils.flat_counts import count_dtype, read_counts, write_counts
from unienv_interface.space.space_utils.flat_layout import FlatLayout, layout_of
from unienv_interface.space.space_utils.flat_spaces import flat_parts
from unienv_interface.space.space_utils.flat_values import flatten_part, join_parts, unflatten_part
from unienv_interface.space.spaces import DynamicBoxSpace
from unienv_interface.space.spaces.aliases import AnyDynamicBox
from unienv_interface.space.spaces.bounds import Bounds, make_bounds
from unienv_interface.space.spaces.values import cast_exact

__all__: list[str] = []


@layout_of.register(DynamicBoxSpace)
def _(space: AnyDynamicBox, start_dim: int) -> FlatLayout:
    variable, most = space.variable_axes, space.shape_high
    fixed = min(variable, default=len(most))
    if not 0 <= start_dim <= fixed:
        raise SpaceError(f"start_dim: expected 0 ... {fixed} for {space!r}, got {start_dim}")
    dtypes = {space.bounds.dtype}
    if variable:
        dtypes.add(count_dtype(max(most[axis] for axis in variable)))
    size = len(variable) + math.prod(most[start_dim:])
    return FlatLayout(most[:start_dim], size, frozenset(dtypes))


@flat_parts.register(DynamicBoxSpace)
def _(space: AnyDynamicBox, start_dim: int) -> list[Bounds]:
    variable, least, most = space.variable_axes, space.shape_low, space.shape_high
    elements = _with_fill_value(space).reshaped(start_dim, len(most), (math.prod(most[start_dim:]),))
    if not variable:
        return [elements]
    lows, highs = ([shape[axis] for axis in variable] for shape in (least, most))
    lengths = make_bounds(lows, highs, count_dtype(max(highs)), (*most[:start_dim], len(variable)))
    return [lengths, elements]


def _with_fill_value(space: AnyDynamicBox) -> Bounds:
    """The bounds of padded arrays: wherever padding may be, the fill value is within them."""
    bounds, fill = space.bounds, space.fill_value
    if not space.variable_axes or bool(np.all(bounds.low <= fill) and np.all(bounds.high >= fill)):
        return bounds
    padding = np.zeros(space.shape_high, dtype=bool)
    for axis in space.variable_axes:
        padding[(slice(None),) * axis + (slice(space.shape_low[axis], None),)] = True
    low, high = bounds.full()
    held = low.dtype.type(fill)
    return make_bounds(
        np.where(padding, np.minimum(low, held), low),
        np.where(padding, np.maximum(high, held), high),
        bounds.dtype,
        bounds.shape,
    )


@flatten_part.register(DynamicBoxSpace)
def _(space: AnyDynamicBox, data: Any, start_dim: int, dtype: str, path: str) -> Any:
    backend = space.backend
    if not backend.is_backendarray(data) or isinstance(data, np.generic):
        data = space.coerce(data, path=path)
    shape = tuple(data.shape)
    # The kept axes may be of any length.
    if not space.shape_contains((*space.shape_low[:start_dim], *shape[start_dim:])):
        expected = f"shape {space.shape_low} ... {space.shape_high}"
        raise SpaceValueError(path, expected, f"shape {shape}")
    head = shape[:start_dim]
    padded = space.pad_data(data, start_axis=start_dim)
    elements = backend.reshape(padded, (*head, math.prod(space.shape_high[start_dim:])))
    parts = [cast_exact(backend, elements, dtype, path)]
    if space.variable_axes:
        lengths = [shape[axis] for axis in space.variable_axes]
        rows = np.broadcast_to(lengths, (*head, len(lengths))).copy()
        parts.insert(0, write_counts(backend, rows, dtype, data))
    return join_parts(space, parts, dtype)


@unflatten_part.register(DynamicBoxSpace)
def _(space: AnyDynamicBox, flat: Any, start_dim: int, path: str) -> Any:
    backend, variable = space.backend, space.variable_axes
    shape = list(space.shape_high[start_dim:])
    padded = backend.reshape(flat[..., len(variable) :], (*flat.shape[:-1], *shape))
    for position, axis in enumerate(variable):
        least, most = space.shape_low[axis], space.shape_high[axis]
        lengths = set(read_counts(backend, flat[..., position], least, most, path).reshape(-1).tolist())
        if len(lengths) > 1:
            raise SpaceValueError(path, f"one length of axis {axis} in all rows", f"{sorted(lengths)[:4]}")
        shape[axis - start_dim] = lengths.pop() if lengths else least
    cut = padded[(Ellipsis, *(slice(0, length) for length in shape))]
    return cast_exact(backend, cut, space.bounds.dtype, path)
