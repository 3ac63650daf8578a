"""The columns of a row as people name them: the keys to each leaf, with slashes between them."""

from __future__ import annotations

from typing import Any

from unienv_data.base.paths import Path, leaves, part_of
from unienv_interface.space.space import AnySpace

__all__ = ["leaves_of", "paths_of", "spaces_of"]


def paths_of(space: AnySpace) -> dict[str, Path]:
    """Name -> path of each leaf; a space that is no group is the leaf ""."""
    return {"/".join(map(str, path)): path for path, _ in leaves(space)}


def spaces_of(space: AnySpace) -> dict[str, AnySpace]:
    """Name -> space of each leaf.

    Example:
        >>> from unienv_interface.backends import NumpyComputeBackend as numpy
        >>> from unienv_interface.space import BinarySpace, DictSpace
        >>> list(spaces_of(DictSpace(numpy, {"obs": DictSpace(numpy, {"on": BinarySpace(numpy, ())})})))
        ['obs/on']
    """
    return {"/".join(map(str, path)): part for path, part in leaves(space)}


def leaves_of(space: AnySpace, rows: Any) -> dict[str, Any]:
    """Name -> batched value (B, *D) of each leaf of batched rows of a space."""
    return {name: part_of(rows, path) for name, path in paths_of(space).items()}
