"""Parts of structured values by path: the keys from the outermost mapping or tuple inward."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from unienv_data.errors import PathError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.spaces import DictSpace, TupleSpace

__all__ = ["Path", "assembled", "leaves", "part_of", "resolve_path", "subspace"]

Path: TypeAlias = tuple[Hashable, ...]
"""Keys of mappings, and places in tuples, from the outermost inward; empty for the whole value."""


def resolve_path(space: AnySpace, keys: Sequence[Any]) -> Path:
    """The path that keys mean.

    Args:
        space: space of the values.
        keys: keys of dictionary spaces and places in tuple spaces; a text such as `observation/state` stands
            for its parts.

    Raises:
        PathError: there is no such part.

    Example:
        >>> from unienv_interface.backends import NumpyComputeBackend as backend
        >>> from unienv_interface.space import BinarySpace, DictSpace, TupleSpace
        >>> pair = TupleSpace(backend, [BinarySpace(backend, ()), BinarySpace(backend, (2,))])
        >>> space = DictSpace(backend, {"done": pair})
        >>> resolve_path(space, ["done", -1]), resolve_path(space, "done/0")
        (('done', 1), ('done', 0))
    """
    path: list[Hashable] = []
    for key in keys.split("/") if isinstance(keys, str) else keys:
        found = _key_of(space, key)
        if found is None:
            place = "/".join(map(str, path)) or "the space"
            raise PathError(f"{place}: {_described(space)} has no part {key!r}")
        path.append(found)
        space = _parts(space)[found]
    return tuple(path)


def subspace(space: AnySpace, path: Path) -> AnySpace:
    """The space of the parts at `path`, which `resolve_path` gave."""
    for key in path:
        space = _parts(space)[key]
    return space


def part_of(value: Any, path: Path) -> Any:
    """The part of a value, or of a batch of values, at `path`."""
    for key in path:
        value = value[key]
    return value


def leaves(space: AnySpace, path: Path = ()) -> Iterator[tuple[Path, AnySpace]]:
    """The parts that are neither mappings nor tuples, and their paths, in order."""
    parts = _parts(space)
    if not isinstance(space, DictSpace | TupleSpace):
        yield path, space
    for key, part in parts.items():
        yield from leaves(part, (*path, key))


def assembled(space: AnySpace, values: Mapping[Path, Any], path: Path = ()) -> Any:
    """The value of which `leaves` are parts.

    Args:
        space: the space whose structure the value has.
        values: the leaves by path.
        path: where the space itself stands among these.
    """
    if isinstance(space, DictSpace):
        return {key: assembled(part, values, (*path, key)) for key, part in space.spaces.items()}
    if isinstance(space, TupleSpace):
        return tuple(assembled(part, values, (*path, i)) for i, part in enumerate(space.spaces))
    return values[path]


def _parts(space: AnySpace) -> Mapping[Any, AnySpace]:
    if isinstance(space, DictSpace):
        return space.spaces
    return dict(enumerate(space.spaces)) if isinstance(space, TupleSpace) else {}


def _key_of(space: AnySpace, key: Any) -> Hashable | None:
    """The key of the part that `key` means, None where there is none."""
    if isinstance(space, DictSpace):
        return key if isinstance(key, str) and key in space.spaces else None
    if not isinstance(space, TupleSpace):
        return None
    try:
        place = int(key) if isinstance(key, str) else operator.index(key)
    except (TypeError, ValueError):
        return None
    count = len(space.spaces)
    return place % count if -count <= place < count else None


def _described(space: AnySpace) -> str:
    names = ", ".join(map(repr, _parts(space)))
    return f"{type(space).__name__} with {names}" if names else type(space).__name__
