"""A transformation for each of some parts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Self

from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.document_reading import flag
from unienv_interface.transformations.documents import object_of, read_parameters, text
from unienv_interface.transformations.parts import check_separator, find_parts, located, plan_parts
from unienv_interface.transformations.planning import Plan, PlannedTransformation, plan_of, same
from unienv_interface.transformations.registry import register_transformation
from unienv_interface.transformations.serialization import read_transformation, transformation_to_json
from unienv_interface.transformations.transformation import DataTransformation

__all__ = ["DictTransformation"]


@register_transformation("dict")
class DictTransformation(PlannedTransformation):
    """Parts of a value transformed, each by its own transformation, the others as they are.

    A part is named by its path: the keys of dicts and the positions in tuples that lead to it, joined
    by `nested_separator` ("observation/images/top"). It has an inverse where all of them have one.
    Closing it closes them.

    Args:
        mapping: path -> transformation; no path leads into the part of another.
        ignore_missing_keys: pass over parts that a space does not have; otherwise they are an error.
        nested_separator: what stands between the keys of a path.

    Attributes:
        mapping: as given, by sorted paths, read-only.
        ignore_missing_keys: as given.
        nested_separator: as given.

    Raises:
        SpaceError: an argument is of another kind; a path leads into the part of another (chain them
            instead).
    """

    def __init__(
        self,
        mapping: Mapping[str, DataTransformation],
        ignore_missing_keys: bool = False,
        nested_separator: str = "/",
    ) -> None:
        self.nested_separator = check_separator(nested_separator)
        self.ignore_missing_keys = bool(ignore_missing_keys)
        self._mapping = dict(sorted(_checked(mapping, nested_separator).items()))
        self.has_inverse = all(transformation.has_inverse for transformation in self._mapping.values())
        super().__init__()

    @property
    def mapping(self) -> Mapping[str, DataTransformation]:
        """Path -> transformation."""
        return MappingProxyType(self._mapping)

    def _parts(self, space: AnySpace) -> dict[str, AnySpace]:
        return find_parts(
            space, self._mapping, self.nested_separator, ignore_missing=self.ignore_missing_keys
        )

    def _plan(self, source_space: AnySpace) -> Plan:
        plans = {}
        for path, part in self._parts(source_space).items():
            with located(path):
                plans[path] = plan_of(self._mapping[path], part)
        return plan_parts(source_space, plans, self.nested_separator) or Plan(source_space, same)

    def direction_inverse(self, source_space: AnySpace | None = None) -> DictTransformation | None:
        if not self.has_inverse:
            return None
        inverses = {}
        for path, part in self._known_parts(source_space).items():
            with located(path):
                inverse = self._mapping[path].direction_inverse(part)
            if inverse is None:
                return None
            inverses[path] = inverse
        return DictTransformation(inverses, self.ignore_missing_keys, self.nested_separator)

    def _known_parts(self, space: AnySpace | None) -> Mapping[str, AnySpace | None]:
        """The part at each path, None where the space is not known."""
        return dict.fromkeys(self._mapping) if space is None else self._parts(space)

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        parts = self._known_parts(source_space)
        return {
            "mapping": {
                path: transformation_to_json(transformation, parts.get(path))
                for path, transformation in self._mapping.items()
            },
            "ignore_missing_keys": self.ignore_missing_keys,
            "nested_separator": self.nested_separator,
        }

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        readers = {
            "mapping": object_of(read_transformation),
            "ignore_missing_keys": flag,
            "nested_separator": text,
        }
        defaults = {"ignore_missing_keys": False, "nested_separator": "/"}
        return read_parameters(json_data, cls, readers, defaults)

    def close(self) -> None:
        for transformation in self._mapping.values():
            transformation.close()


def _checked(mapping: Any, separator: str) -> Mapping[str, DataTransformation]:
    if not isinstance(mapping, Mapping):
        raise SpaceError(f"mapping: expected a mapping, got {type(mapping).__name__}")
    for path, transformation in mapping.items():
        if not isinstance(path, str):
            raise SpaceError(f"mapping: expected strings as keys, got {path!r}")
        if not isinstance(transformation, DataTransformation):
            kind = type(transformation).__name__
            raise SpaceError(f"mapping: expected a DataTransformation for {path!r}, got {kind}")
    # Sorted by their keys, a path comes right before the first that leads into its part.
    for outer, inner in pairwise(sorted(path.split(separator) for path in mapping)):
        if inner[: len(outer)] == outer:
            names = [separator.join(keys) for keys in (outer, inner)]
            raise SpaceError(f"mapping: {names[1]!r} leads into the part {names[0]!r}; chain them instead")
    return mapping
