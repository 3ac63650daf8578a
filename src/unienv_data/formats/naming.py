"""Where a dotted name of a source stands in a nested row.

`observation.image` becomes the leaf `image` of the group `observation`, and so a DictSpace of DictSpaces. A
name stays whole, as one key of the outermost group, where taking it apart would lose or mix something: where
another column is named like one of its groups (`a` beside `a.b`), where a part would be empty (`.a`, `a..b`),
and where it contains a `/`, which separates the parts of a path. Joining a path with dots always gives the
name back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Path", "dotted_name", "nest", "nested_paths", "path_name"]

Path = tuple[str, ...]
"""The keys from the outermost group to a leaf."""


def nested_paths(names: Iterable[str]) -> dict[str, Path]:
    """The path of each dotted name, in the order given.

    No path is another's beginning, so the paths are the leaves of one tree; and `dotted_name` undoes it.

    Raises:
        ValueError: a name is given twice.

    Example:
        >>> nested_paths(["observation.image", "action", "next", "next.reward"])
        {'observation.image': ('observation', 'image'), 'action': ('action',), 'next': ('next',),
         'next.reward': ('next.reward',)}
    """
    ordered = list(names)
    taken = set(ordered)
    if len(taken) != len(ordered):
        twice = sorted({name for name in ordered if ordered.count(name) > 1})
        raise ValueError(f"names are given twice: {', '.join(twice)}")
    return {name: _path(name, taken) for name in ordered}


def _path(name: str, taken: set[str]) -> Path:
    parts = name.split(".")
    if "/" in name or not all(parts):
        return (name,)
    groups = (".".join(parts[:depth]) for depth in range(1, len(parts)))
    return (name,) if any(group in taken for group in groups) else tuple(parts)


def dotted_name(path: Path) -> str:
    """The name that `nested_paths` took apart.

    Example:
        >>> dotted_name(("observation", "image"))
        'observation.image'
    """
    return ".".join(path)


def path_name(path: Path) -> str:
    """How a path is written for people and for patterns: its keys with slashes between them.

    Example:
        >>> path_name(("observation", "image"))
        'observation/image'
    """
    return "/".join(path)


def nest(leaves: Mapping[Path, Any]) -> Any:
    """A nested dict of the leaves; the leaf itself where its path is empty.

    Raises:
        ValueError: one path begins another.

    Example:
        >>> nest({("observation", "state"): 1, ("action",): 2})
        {'observation': {'state': 1}, 'action': 2}
    """
    if () in leaves:
        if len(leaves) > 1:
            raise ValueError("a path is empty, which leaves no place for the others")
        return leaves[()]
    root: dict[str, Any] = {}
    groups: dict[Path, dict[str, Any]] = {(): root}
    for path in leaves:
        for depth in range(1, len(path)):
            prefix = path[:depth]
            if prefix in leaves:
                raise ValueError(
                    f"{path_name(prefix)} is a column, and {path_name(path)} would lie inside it"
                )
            if prefix not in groups:
                groups[prefix] = groups[prefix[:-1]][prefix[-1]] = {}
    for path, leaf in leaves.items():
        groups[path[:-1]][path[-1]] = leaf
    return root
