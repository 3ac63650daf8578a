"""Flattening of unions: the position of the space, then the value, padded with 0 to the longest."""

from __future__ import annotations

from typing import Any

import numpy as np

from unienv_interface.errors import SpaceError
from unienv_interface.space.space import join_path
from unienv_interface.space.space_utils.flat_counts import count_dtype, read_counts, write_counts
from unienv_interface.space.space_utils.flat_layout import FlatLayout, flat_layout, layout_of
from unienv_interface.space.space_utils.flat_spaces import flat_parts, flatten_space
from unienv_interface.space.space_utils.flat_values import flatten_part, join_parts, unflatten_part
from unienv_interface.space.spaces import UnionSpace
from unienv_interface.space.spaces._ragged import fit_length
from unienv_interface.space.spaces.aliases import AnyUnion
from unienv_interface.space.spaces.bounds import Bounds, make_bounds

__all__: list[str] = []


@layout_of.register(UnionSpace)
def _(space: AnyUnion, start_dim: int) -> FlatLayout:
    if start_dim != 0:
        raise SpaceError(f"start_dim: expected 0 for {space!r}, got {start_dim}")
    parts = [flat_layout(part, 0) for part in space.spaces]
    dtypes = frozenset({count_dtype(len(parts) - 1)}).union(*(part.dtypes for part in parts))
    return FlatLayout((), 1 + max(part.size for part in parts), dtypes)


@flat_parts.register(UnionSpace)
def _(space: AnyUnion, start_dim: int) -> list[Bounds]:
    layout = flat_layout(space, start_dim)
    longest = layout.size - 1
    lows, highs = [], []
    for part in space.spaces:
        low, high = flatten_space(part).bounds.within(layout.dtype).full()
        lows.append(np.pad(low, (0, longest - low.size)))
        highs.append(np.pad(high, (0, longest - high.size)))
    values = make_bounds(np.min(lows, axis=0), np.max(highs, axis=0), layout.dtype, (longest,))
    return [make_bounds(0, len(space) - 1, count_dtype(len(space) - 1), (1,)), values]


@flatten_part.register(UnionSpace)
def _(space: AnyUnion, data: Any, start_dim: int, dtype: str, path: str) -> Any:
    index, value = space.coerce(data, path=path)
    flat = flatten_part(space.spaces[index], value, 0, dtype, join_path(path, 1))
    padded = fit_length(space.backend, flat, 0, flat_layout(space, 0).size - 1)
    return join_parts(space, [write_counts(space.backend, [index], dtype, flat), padded], dtype)


@unflatten_part.register(UnionSpace)
def _(space: AnyUnion, flat: Any, start_dim: int, path: str) -> Any:
    counts = read_counts(space.backend, flat[:1], 0, len(space) - 1, join_path(path, 0))
    index = int(counts[0])
    part = space.spaces[index]
    value = flat[1 : 1 + flat_layout(part, 0).size]
    return index, unflatten_part(part, value, 0, join_path(path, 1))
