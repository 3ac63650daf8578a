"""Dictionaries and tuples: a group of columns a member."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from unienv_data.columns.data import ColumnData
from unienv_data.columns.naming import node_names
from unienv_data.columns.node import ColumnNode, columns_of, join, register_node
from unienv_data.errors import SpaceValueError
from unienv_interface.space import DictSpace, TupleSpace

__all__ = ["DictNode", "TupleNode"]


class DictNode(ColumnNode):
    """A mapping of members.

    Args:
        space: a dictionary space.
        name: name of the group; empty at the root.
        path: where the values stand, for messages.
    """

    kind = "dict"

    def __init__(self, space: DictSpace[Any, Any, Any], name: str, path: str) -> None:
        self.space, self.name, self.path = space, name, path
        keys = list(space.spaces)
        self._members = {
            key: columns_of(space.spaces[key], join(name, member), join(path, key))
            for key, member in zip(keys, node_names(keys), strict=True)
        }
        self.specs = tuple(spec for member in self._members.values() for spec in member.specs)

    def encode(self, value: Any, count: int) -> dict[str, ColumnData]:
        self._check(value)
        return _merged([member.encode(value[key], count) for key, member in self._members.items()])

    def encode_one(self, value: Any) -> dict[str, ColumnData]:
        self._check(value)
        return _merged([member.encode_one(value[key]) for key, member in self._members.items()])

    def decode(self, columns: Mapping[str, ColumnData], count: int) -> dict[str, Any]:
        return {key: member.decode(columns, count) for key, member in self._members.items()}

    def child(self, key: Any) -> ColumnNode:
        return self._members[key] if key in self._members else super().child(key)

    def _check(self, value: Any) -> None:
        if type(value) is dict and value.keys() == self._members.keys():
            return
        if not isinstance(value, Mapping):
            raise SpaceValueError(self.path, "a mapping", type(value).__name__)
        missing = [key for key in self._members if key not in value]
        unknown = [key for key in value if key not in self._members]
        if missing or unknown:
            faults = [f"no {key!r}" for key in missing] + [f"unknown {key!r}" for key in unknown]
            raise SpaceValueError(self.path, f"the keys {', '.join(self._members)}", ", ".join(faults))


class TupleNode(ColumnNode):
    """A tuple of members.

    Args:
        space: a tuple space.
        name: name of the group; empty at the root.
        path: where the values stand, for messages.
    """

    kind = "tuple"

    def __init__(self, space: TupleSpace[Any, Any, Any], name: str, path: str) -> None:
        self.space, self.name, self.path = space, name, path
        self._members = [
            columns_of(member, join(name, str(i)), join(path, str(i)))
            for i, member in enumerate(space.spaces)
        ]
        self.specs = tuple(spec for member in self._members for spec in member.specs)

    def encode(self, value: Any, count: int) -> dict[str, ColumnData]:
        self._check(value)
        return _merged([m.encode(item, count) for m, item in zip(self._members, value, strict=True)])

    def encode_one(self, value: Any) -> dict[str, ColumnData]:
        self._check(value)
        return _merged([m.encode_one(item) for m, item in zip(self._members, value, strict=True)])

    def decode(self, columns: Mapping[str, ColumnData], count: int) -> tuple[Any, ...]:
        return tuple(member.decode(columns, count) for member in self._members)

    def child(self, key: Any) -> ColumnNode:
        if isinstance(key, int) and 0 <= key < len(self._members):
            return self._members[key]
        return super().child(key)

    def _check(self, value: Any) -> None:
        if not isinstance(value, tuple | list) or len(value) != len(self._members):
            count = f"{type(value).__name__} of {len(value)}" if hasattr(value, "__len__") else repr(value)
            raise SpaceValueError(self.path, f"a tuple of {len(self._members)}", count)


def _merged(parts: Iterable[dict[str, ColumnData]]) -> dict[str, ColumnData]:
    merged: dict[str, ColumnData] = {}
    for part in parts:
        merged |= part
    return merged


register_node(DictSpace, DictNode)
register_node(TupleSpace, TupleNode)
