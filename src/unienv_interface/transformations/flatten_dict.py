"""Nested dicts as one dict of paths, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.spaces import DictSpace
from unienv_interface.space.spaces.aliases import AnyDict
from unienv_interface.transformations.documents import read_parameters, text
from unienv_interface.transformations.parts import check_separator, dict_values, located, with_parts
from unienv_interface.transformations.planning import Plan, PlannedTransformation
from unienv_interface.transformations.registry import register_transformation

__all__ = ["FlattenDictTransformation", "UnflattenDictTransformation"]


class _SeparatorTransformation(PlannedTransformation):
    """What both have: the separator, and the documents."""

    has_inverse = True

    def __init__(self, nested_separator: str = "/") -> None:
        self.nested_separator = check_separator(nested_separator)
        super().__init__()

    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        return {"nested_separator": self.nested_separator}

    @classmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        return read_parameters(json_data, cls, {"nested_separator": text}, {"nested_separator": "/"})

    def _dict(self, space: AnySpace) -> AnyDict:
        if not isinstance(space, DictSpace):
            raise SpaceError(f"{type(self).__name__}: expected a DictSpace, got {space!r}")
        return space


@register_transformation("flatten_dict")
class FlattenDictTransformation(_SeparatorTransformation):
    """Dicts in dicts as one dict, whose keys are the paths: {"a": {"b": x}} becomes {"a/b": x}.

    Tuples and everything else are kept whole, empty dicts too.

    Args:
        nested_separator: what stands between the keys of a path; no key of the source has it in it.
    """

    def direction_inverse(self, source_space: AnySpace | None = None) -> UnflattenDictTransformation:
        return UnflattenDictTransformation(self.nested_separator)

    def _plan(self, source_space: AnySpace) -> Plan:
        separator = self.nested_separator
        leaves: dict[str, AnySpace] = {}

        def visit(part: AnySpace, keys: tuple[str, ...]) -> None:
            if isinstance(part, DictSpace) and (len(part) or not keys):
                for key, child in part.spaces.items():
                    visit(child, (*keys, key))
            else:
                path = separator.join(keys)
                if path.split(separator) != list(keys):
                    raise SpaceError(f"nested_separator: {separator!r} does not tell the keys {keys} apart")
                leaves[path] = part

        visit(self._dict(source_space), ())
        target, order = with_parts(source_space, leaves), sorted(leaves)
        return Plan(target, lambda data: _flattened(source_space, data, separator, order))


def _flattened(space: AnySpace, data: Any, separator: str, order: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def visit(part: AnySpace, value: Any, keys: tuple[str, ...]) -> None:
        if isinstance(part, DictSpace) and (len(part) or not keys):
            with located(separator.join(keys)):
                values = dict_values(part, value)
            for key, child in part.spaces.items():
                visit(child, values[key], (*keys, key))
        else:
            found[separator.join(keys)] = value

    visit(space, data, ())
    return {path: found[path] for path in order}


@register_transformation("unflatten_dict")
class UnflattenDictTransformation(_SeparatorTransformation):
    """One dict, whose keys are paths, as dicts in dicts: {"a/b": x} becomes {"a": {"b": x}}.

    The source holds no dicts itself, but for empty ones, and no key leads through another.

    Args:
        nested_separator: what stands between the keys of a path.
    """

    def direction_inverse(self, source_space: AnySpace | None = None) -> FlattenDictTransformation:
        return FlattenDictTransformation(self.nested_separator)

    def _plan(self, source_space: AnySpace) -> Plan:
        space = self._dict(source_space)
        tree: dict[str, Any] = {}
        for path, part in space.spaces.items():
            if isinstance(part, DictSpace) and len(part):
                raise SpaceError(f"{path}: expected a space that is no dict, got {part!r}")
            *branches, leaf = path.split(self.nested_separator)
            place = tree
            for key in branches:
                place = place.setdefault(key, {})
                if not isinstance(place, dict):
                    raise SpaceError(f"{path}: {place!r} is a part of its own already")
            if leaf in place:
                raise SpaceError(f"{path}: other keys lead through it")
            place[leaf] = path

        def in_order(node: Any) -> Any:
            return node if isinstance(node, str) else {key: in_order(node[key]) for key in sorted(node)}

        def nested_space(node: Any) -> AnySpace:
            if isinstance(node, str):
                return space.spaces[node]
            return with_parts(space, {key: nested_space(child) for key, child in node.items()})

        def nested_value(node: Any, values: Mapping[str, Any]) -> Any:
            if isinstance(node, str):
                return values[node]
            return {key: nested_value(child, values) for key, child in node.items()}

        tree = in_order(tree)
        return Plan(nested_space(tree), lambda data: nested_value(tree, dict_values(space, data)))
