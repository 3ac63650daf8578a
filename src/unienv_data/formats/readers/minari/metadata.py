"""What Minari's metadata say of a dataset, and the spaces in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from unienv_data.errors import ConversionError
from unienv_data.formats.hdf5.attributes import parsed
from unienv_data.formats.source import Source
from unienv_data.formats.tabular.json_objects import read_object

__all__ = ["METADATA", "Metadata", "base_of", "load_metadata", "taken_apart"]

METADATA = "metadata.json"

_LONGEST = 16 << 10
"""Characters: a space of images writes a bound for each pixel, which no attribute needs to repeat."""
_COUNTED = ("total_episodes", "total_steps", "dataset_size", "data_format", "jpeg_encoding")
_ROOTS = {"observations": "observation_space", "actions": "action_space"}


@dataclass(frozen=True, eq=False)
class Metadata:
    """What is said of a dataset.

    Args:
        where: the file that says it, for messages.
        raw: all of it; what is JSON in texts taken apart.
    """

    where: str
    raw: Mapping[str, Any]

    @property
    def version(self) -> str:
        """The version of Minari that wrote it, or ""."""
        return str(self.raw.get("minari_version") or "")

    @property
    def attributes(self) -> dict[str, Any]:
        """What the store keeps."""
        kept = {key: value for key, value in self.raw.items() if key not in _COUNTED and value is not None}
        return {key: value for key, value in kept.items() if len(json.dumps(value)) <= _LONGEST}

    def check_count(self, found: int) -> None:
        """Compare how many episodes there are with what is said.

        Raises:
            ConversionError: some are missing.
        """
        said = self.raw.get("total_episodes")
        if isinstance(said, int) and found < said:
            raise ConversionError(f"{self.where} counts {said} episodes, of which {found} are there")

    def shape_of(self, parts: Iterable[str]) -> tuple[int, ...] | None:
        """The shape of a leaf, by the space that it is of; None where no space says.

        Args:
            parts: the leaf's name, taken apart, such as `observations`, `camera`.
        """
        root, *keys = parts
        space: Any = self.raw.get(_ROOTS.get(root, ""))
        for key in keys:
            inside = space.get("subspaces") if isinstance(space, Mapping) else None
            if isinstance(inside, Mapping):
                space = inside.get(key)
            elif isinstance(inside, list) and _index(key) < len(inside):
                space = inside[_index(key)]
            else:
                return None
        if not isinstance(space, Mapping):
            return None
        return _shape(space)


def _index(key: str) -> int:
    digits = key.removeprefix("_index_")
    return int(digits) if digits.isascii() and digits.isdigit() else 1 << 30


def _shape(space: Mapping[str, Any]) -> tuple[int, ...] | None:
    kind, shape = space.get("type"), space.get("shape")
    if isinstance(shape, list) and all(isinstance(length, int) for length in shape):
        return tuple(shape)
    if kind == "Discrete":
        return ()
    count = space.get("n") if kind == "MultiBinary" else space.get("nvec")
    if isinstance(count, int):
        return (count,)
    if kind == "MultiDiscrete" and isinstance(count, list):
        return (len(count),)
    return tuple(count) if isinstance(count, list) and all(isinstance(n, int) for n in count) else None


def base_of(source: Source) -> str | None:
    """Where metadata.json lies: in `data/`, or at the root; None where it is not there."""
    return next((base for base in ("data/", "") if base + METADATA in source.files), None)


def load_metadata(source: Source, base: str) -> Metadata:
    """Read metadata.json.

    Raises:
        ConversionError: it is damaged.
    """
    return taken_apart(source.where(base + METADATA), read_object(source, base + METADATA))


def taken_apart(where: str, raw: Mapping[str, Any]) -> Metadata:
    """Metadata from what a file says."""
    return Metadata(where, {str(key): parsed(value) for key, value in raw.items()})
