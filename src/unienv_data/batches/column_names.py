"""The columns of a space by the names that a store gives them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from unienv_data.base.paths import Path
from unienv_data.columns.naming import node_names
from unienv_interface.space.space import AnySpace
from unienv_interface.space.spaces import DictSpace, TupleSpace

__all__ = ["named_leaves"]

_WHOLE = "value"  # what the store calls the column of a space that is no group


def named_leaves(space: AnySpace, name: str = "", path: Path = ()) -> Iterator[tuple[str, Path]]:
    """The leaves of a space, by the names of their columns and by their paths."""
    parts: list[tuple[Hashable, AnySpace]]
    if isinstance(space, DictSpace):
        parts = list(space.spaces.items())
    elif isinstance(space, TupleSpace):
        parts = list(enumerate(space.spaces))
    else:
        yield name or _WHOLE, path
        return
    for (key, part), own in zip(parts, node_names([str(key) for key, _ in parts]), strict=True):
        yield from named_leaves(part, f"{name}/{own}" if name else own, (*path, key))
