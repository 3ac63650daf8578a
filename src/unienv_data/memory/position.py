"""How far a memory has been recorded: a frozen position, and pure transitions. Integers only.

The cells of a memory are numbered row by row: cell `memory_index * num_envs + env_index`. Samples are
recorded at the head, which goes through the cells in this order and begins again after the last; so the
cells are one ring, in which the next row of an environment is `num_envs` cells further. The age of a
recorded cell is its rank in the order of recording, the oldest being 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

__all__ = ["Position", "Span", "spans_of"]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a memory stands.

    Attributes:
        memory_size: rows.
        num_envs: cells of a row, one an environment.
        memory_index: row of the head.
        env_index: environment of the head.
        filled: whether the head has been through all cells since the last reset.
    """

    memory_size: int
    num_envs: int
    memory_index: int = 0
    env_index: int = 0
    filled: bool = False

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return self.memory_size * self.num_envs

    @property
    def head(self) -> int:
        """The cell that the next sample goes to."""
        return self.memory_index * self.num_envs + self.env_index

    @property
    def recorded(self) -> int:
        """How many cells have been recorded."""
        return self.cells if self.filled else self.head

    @property
    def oldest(self) -> int:
        """The cell of age 0."""
        return self.head if self.filled else 0

    @property
    def room_in_row(self) -> int:
        """How many environments the current row still lacks."""
        return self.num_envs - self.env_index

    def reset(self) -> Position:
        """The position of a memory in which nothing has been recorded."""
        return Position(self.memory_size, self.num_envs)

    def advanced(self, count: int) -> Position:
        """The position after `count` further samples, at most up to the last cell."""
        head = self.head + count
        filled = self.filled or head == self.cells
        row, env = divmod(head % self.cells, self.num_envs)
        return replace(self, memory_index=row, env_index=env, filled=filled)


@dataclass(frozen=True, slots=True)
class Span:
    """Samples [first, first + length) of a batch, which go to the cells from `cell` on."""

    cell: int
    first: int
    length: int


def spans_of(position: Position, count: int) -> Iterator[tuple[Span, Position]]:
    """The parts in which `count` samples are recorded, none of them across the last cell.

    Yields:
        A part, and the position after it.
    """
    first = 0
    while first < count:
        length = min(count - first, position.cells - position.head)
        span = Span(position.head, first, length)
        position = position.advanced(length)
        first += length
        yield span, position
