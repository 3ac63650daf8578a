"""How the values of a space lie in a flat array."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, singledispatch

from unienv_interface.backends.dtypes import promote_dtypes
from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.spaces import (
    BatchedSpace,
    BinarySpace,
    BoxSpace,
    DictSpace,
    TextSpace,
    TupleSpace,
)
from unienv_interface.space.spaces.aliases import AnyBatched, AnyBinary, AnyBox, AnyDict, AnyText, AnyTuple

__all__ = ["FlatLayout", "flat_layout", "layout_of", "merge_layouts"]


@dataclass(frozen=True, slots=True)
class FlatLayout:
    """A flat array that holds a value: shape `(*head, size)`.

    Attributes:
        head: axes kept from the value, those before `start_dim`; None where there is nothing.
        size: length of the last axis.
        dtypes: data types of the parts.
    """

    head: tuple[int, ...] | None
    size: int
    dtypes: frozenset[str]

    @property
    def dtype(self) -> str:
        """The data type that the parts have in common by NumPy's rules; booleans alone become uint8."""
        promoted = promote_dtypes(self.dtypes) if self.dtypes else "bool"
        return "uint8" if promoted == "bool" else promoted


def merge_layouts(layouts: Iterable[FlatLayout]) -> FlatLayout:
    """The layout of several values beside each other.

    Raises:
        SpaceError: they keep different axes.
    """
    parts = list(layouts)
    heads = {part.head for part in parts if part.head is not None}
    if len(heads) > 1:
        raise SpaceError(f"start_dim: the parts keep different axes, {sorted(heads)}")
    dtypes = frozenset[str]().union(*(part.dtypes for part in parts))
    return FlatLayout(heads.pop() if heads else None, sum(part.size for part in parts), dtypes)


@lru_cache(maxsize=1024)
def flat_layout(space: AnySpace, start_dim: int) -> FlatLayout:
    """How the values of `space` lie in a flat array that keeps the axes before `start_dim`.

    Raises:
        SpaceError: they do not lie in one, with the reason.
    """
    return layout_of(space, start_dim)


@singledispatch
def layout_of(space: AnySpace, start_dim: int) -> FlatLayout:
    """What `flat_layout` gives, worked out anew; one implementation a kind of space."""
    raise SpaceError(f"flatten: not possible for a {type(space).__name__}")


@layout_of.register(BoxSpace)
@layout_of.register(BinarySpace)
def _(space: AnyBox | AnyBinary, start_dim: int) -> FlatLayout:
    shape = space.shape
    if not -len(shape) <= start_dim <= len(shape):
        raise SpaceError(f"start_dim: expected -{len(shape)} ... {len(shape)} for {space!r}, got {start_dim}")
    dtype = space.backend.dtype_name(space.dtype)
    return FlatLayout(shape[:start_dim], math.prod(shape[start_dim:]), frozenset({dtype}))


@layout_of.register(DictSpace)
def _(space: AnyDict, start_dim: int) -> FlatLayout:
    return merge_layouts(flat_layout(part, start_dim) for part in space.spaces.values())


@layout_of.register(TupleSpace)
def _(space: AnyTuple, start_dim: int) -> FlatLayout:
    return merge_layouts(flat_layout(part, start_dim) for part in space.spaces)


@layout_of.register(TextSpace)
def _(space: AnyText, start_dim: int) -> FlatLayout:
    if space.charset_list is None:
        raise SpaceError(f"flatten: text is flattened to positions in its charset, and {space!r} has none")
    if start_dim != 0:
        raise SpaceError(f"start_dim: expected 0 for {space!r}, got {start_dim}")
    return FlatLayout((), space.max_length, frozenset({"int32"}))


@layout_of.register(BatchedSpace)
def _(space: AnyBatched, start_dim: int) -> FlatLayout:
    single, axes = flat_layout(space.single_space, 0), space.batch_shape
    if not 0 <= start_dim <= len(axes):
        raise SpaceError(f"start_dim: expected 0 ... {len(axes)} for {space!r}, got {start_dim}")
    return FlatLayout(axes[:start_dim], math.prod(axes[start_dim:]) * single.size, single.dtypes)
