"""What a saved memory says of itself, beside its tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from unienv_data.errors import CorruptDataError, UnsupportedVersionError
from unienv_data.memory.layout import Snapshot
from unienv_data.memory.position import Position

__all__ = ["HEADER", "header_of", "names_of_bfloat16", "position_of_shapes", "position_said"]

HEADER = "memory.header"
"""Its name among the tensors of a file; those are identifiers, and never called so."""

_VERSION = 1
_LEAST = {"memory_size": 1, "num_envs": 1, "memory_index": 0, "env_index": 0}


def header_of(snapshot: Snapshot) -> dict[str, Any]:
    """The document: the position, and which tensors a format without that type keeps as another."""
    layouts = snapshot.layout.tensors.items()
    narrow = sorted(name for name, layout in layouts if layout.dtype_name == "bfloat16")
    return {"version": _VERSION, **asdict(snapshot.position), "bfloat16": narrow}


def position_said(document: Any, source: str) -> Position:
    """The position that the header of a file says.

    Raises:
        CorruptDataError: it says none, or one that cannot be.
        UnsupportedVersionError: it was written by a later version.
    """
    if not isinstance(document, Mapping) or not _is_count(document.get("version")):
        raise CorruptDataError(f"{source}: its header is not that of a memory")
    if document["version"] > _VERSION:
        raise UnsupportedVersionError(
            f"{source}: version {document['version']} of saved memories; this package reads {_VERSION}"
        )
    numbers: dict[str, Any] = {name: document.get(name) for name in _LEAST}
    fits = all(_is_count(numbers[name]) and numbers[name] >= least for name, least in _LEAST.items())
    filled = document.get("filled")
    if fits and isinstance(filled, bool):
        position = Position(**numbers, filled=filled)
        if position.memory_index < position.memory_size and position.env_index < position.num_envs:
            return position
    raise CorruptDataError(f"{source}: its header says no position that a memory can have: {document}")


def names_of_bfloat16(document: Any) -> frozenset[str]:
    """The tensors that were bfloat16, as the header of a file says."""
    names = document.get("bfloat16", ())
    return frozenset(name for name in names if isinstance(name, str))


def position_of_shapes(shapes: Mapping[str, Sequence[int]], source: str) -> Position:
    """The position of a file without a header, such as rofunc and skrl write: they export what is full.

    Args:
        shapes: those of its tensors, `(memory_size, num_envs, *D)`.
        source: the file, for messages.

    Raises:
        CorruptDataError: these are no tensors of one memory.
    """
    sizes = {tuple(shape[:2]) for shape in shapes.values()}
    if len(sizes) != 1 or len(size := sizes.pop()) < 2 or 0 in size:
        found = ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items()) or "nothing"
        raise CorruptDataError(
            f"{source}: expected tensors of shape (memory_size, num_envs, ...), found {found}"
        )
    return Position(size[0], size[1], filled=True)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
