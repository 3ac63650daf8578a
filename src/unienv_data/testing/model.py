"""What a replay buffer is, as a list of rows."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["BufferModel"]


@dataclass
class BufferModel:
    """Rows, each with the episode that it belongs to.

    Attributes:
        capacity: rows of a ring; None where the buffer grows.
        rows: (value, episode) of every row, the oldest first.
        ended: what is said of every episode that has ended, in the order in which they began.
        open: the episode that has not ended.
    """

    capacity: int | None = None
    rows: list[tuple[Any, int]] = field(default_factory=list)
    ended: dict[int, dict[str, Any]] = field(default_factory=dict)
    open: int | None = None
    begun: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def values(self) -> list[Any]:
        """The values of all rows."""
        return [value for value, _ in self.rows]

    def copy(self) -> BufferModel:
        """The model as it is now."""
        return copy.deepcopy(self)

    def append(self, values: Iterable[Any]) -> None:
        """Append rows to the open episode, or begin one."""
        added = list(values)
        if not added:
            return
        if self.open is None:
            self.open, self.begun = self.begun, self.begun + 1
        self.rows += [(value, self.open) for value in added]
        if self.capacity is not None:
            del self.rows[: -self.capacity]

    def end(self, columns: Mapping[str, Any] | None = None) -> None:
        """End the open episode, if there is one."""
        if self.open is not None:
            self.ended[self.open] = dict(columns or {})
            self.open = None

    def extend(self, values: Iterable[Any], columns: Mapping[str, Any] | None = None) -> None:
        """Append rows as an episode."""
        self.append(values)
        self.end(columns)

    def set(self, rows: Iterable[int], values: Iterable[Any]) -> None:
        """Overwrite rows; of repeated ones the last counts."""
        for row, value in zip(rows, values, strict=True):
            self.rows[row] = (value, self.rows[row][1])

    def remove(self, rows: Iterable[int]) -> None:
        """Remove rows."""
        gone = set(rows)
        self.rows = [row for position, row in enumerate(self.rows) if position not in gone]

    def clear(self) -> None:
        """Remove everything."""
        self.rows, self.ended, self.open = [], {}, None

    def episodes(self) -> list[dict[str, Any]]:
        """The rows of the episode table: start, length, and what is said of each episode that has rows."""
        found = []
        for episode, columns in self.ended.items():
            places = [place for place, (_, owner) in enumerate(self.rows) if owner == episode]
            if places:
                found.append({"start": places[0], "length": len(places), **columns})
        return found

    def segments(self) -> list[tuple[int, int]]:
        """The half-open ranges of rows of each episode that has ended and has rows."""
        return [(found["start"], found["start"] + found["length"]) for found in self.episodes()]
