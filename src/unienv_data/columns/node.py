"""How a space becomes columns: one node a space, in a tree of the space's own form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from unienv_data.columns.data import ColumnData, ColumnSpec, Ragged
from unienv_data.errors import PathError, SpaceError
from unienv_interface.space import Space

__all__ = ["ColumnNode", "NodeFactory", "columns_of", "join", "ragged_rows", "register_node"]

AnySpace: TypeAlias = Space[Any, Any, Any, Any]


class ColumnNode(ABC):
    """Turns values of a space into rows of columns, and back.

    Attributes:
        kind: what people call such columns.
        space: the space of one value.
        name: path of the column, or of the group of columns.
        path: where the values stand, in the keys of the space, for messages.
        specs: the columns.
    """

    kind: str
    space: AnySpace
    name: str
    path: str
    specs: tuple[ColumnSpec, ...]

    @abstractmethod
    def encode(self, value: Any, count: int) -> dict[str, ColumnData]:
        """Rows of every column, by name.

        Args:
            value: `count` values as `batch_space` batches them.
            count: B, the number of values.

        Raises:
            SpaceValueError: a value does not fit the space; names the path.
        """

    @abstractmethod
    def encode_one(self, value: Any) -> dict[str, ColumnData]:
        """One row of every column, from one value.

        Raises:
            SpaceValueError: the value does not fit the space; names the path.
        """

    @abstractmethod
    def decode(self, columns: Mapping[str, ColumnData], count: int) -> Any:
        """`count` values as `batch_space` batches them, from rows of every column, by name."""

    def below(self, path: Iterable[Any]) -> ColumnNode:
        """The node of the part at `path`, the keys from here inward."""
        node = self
        for key in path:
            node = node.child(key)
        return node

    def child(self, key: Any) -> ColumnNode:
        """The node of a member.

        Raises:
            PathError: there is no such member.
        """
        raise PathError(f"{self.path or 'the space'}: {type(self.space).__name__} has no member {key!r}")


def ragged_rows(columns: Mapping[str, ColumnData], name: str) -> Ragged:
    """The rows of a ragged column."""
    rows = columns[name]
    if not isinstance(rows, Ragged):
        raise TypeError(f"{name}: expected ragged rows")
    return rows


def join(path: str, key: str) -> str:
    """`path/key`; `key` where the path is empty."""
    return f"{path}/{key}" if path else key


NodeFactory: TypeAlias = Callable[[Any, str, str], ColumnNode]
"""Makes the node of a space, given the space, the column's name and the path for messages."""

_factories: dict[type, NodeFactory] = {}


def register_node(space_type: type, factory: NodeFactory) -> None:
    """Have `factory` make the nodes of spaces of this type."""
    _factories[space_type] = factory


def columns_of(space: AnySpace, name: str = "", path: str = "") -> ColumnNode:
    """The node of any space.

    Args:
        space: space of one value.
        name: name of the column; empty at the root.
        path: where the values stand, for messages.

    Raises:
        SpaceError: no columns are known for this type of space.
    """
    for base in type(space).__mro__:
        if base in _factories:
            return _factories[base](space, name, path)
    raise SpaceError(f"{path or 'the space'}: no columns are known for {type(space).__name__}")
