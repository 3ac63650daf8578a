"""What is done to one column on its way: a column becomes another, and its values that of the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from unienv_data.formats import SourceColumn
from unienv_data.formats.naming import path_name
from unienv_interface.space.space import AnySpace

__all__ = ["Change", "Place", "changed_column"]


@dataclass(frozen=True)
class Place:
    """Where rows come from, for messages.

    Args:
        source: the source's address.
        column: what the source calls the column.
        episode: what the source calls the episode.
        start: the first row's number within it.
    """

    source: str
    column: str
    episode: str
    start: int

    def of_row(self, number: int) -> str:
        """The address of one of the rows, counted from the first of them."""
        return f"{self.source}, episode {self.episode}, row {self.start + number}: the column {self.column}"


Change = Callable[[NDArray[Any], Place], NDArray[Any]]
"""Rows (B, *D) of a column as they become; raises ConversionError with the place of a row that cannot."""


def changed_column(
    column: SourceColumn, space: AnySpace, about: Mapping[str, Any], lossy: str | None = None
) -> SourceColumn:
    """The column after a change. Its values are decoded, since they are not those that the source encodes.

    Args:
        column: as it was.
        space: one row's value now.
        about: what the store keeps of the change.
        lossy: what the change loses, in a word; None where it loses nothing.
    """
    losses = [text for text in (column.lossy, lossy) if text]
    return replace(
        column,
        space=space,
        lossy=", ".join(losses) or None,
        attributes={**column.attributes, **about},
        encoded=None,
    )


def shown(column: SourceColumn) -> str:
    """How a column is called in messages."""
    path = path_name(column.path)
    return column.name if column.name == path else f"{column.name} ({path})"
