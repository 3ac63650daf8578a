"""A file of a table, read in spans of rows."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import pyarrow as pa

__all__ = ["Part", "PartRows", "in_natural_order"]


class PartRows(ABC):
    """An open file."""

    @abstractmethod
    def read(self, start: int, stop: int) -> pa.Table:
        """The rows from `start` to before `stop`, of the columns asked.

        Raises:
            ConversionError: they cannot be read.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the file. May be called twice."""


class Part(ABC):
    """A file, of which only the footer or the headers have been read.

    Attributes:
        name: within the source.
        split: of which split it is; None where nobody says.
        rows: how many it has.
        schema: of its columns.
    """

    name: str
    split: str | None
    rows: int
    schema: pa.Schema

    @abstractmethod
    def open(self, columns: Sequence[str], batch_rows: int) -> PartRows:
        """Open it.

        Args:
            columns: outermost columns that are wanted.
            batch_rows: how many rows to decode at a time.

        Raises:
            ConversionError: it cannot be read.
        """


def in_natural_order(names: Iterable[str]) -> list[str]:
    """Names sorted with their numbers as numbers: `part-2` comes before `part-10`.

    Example:
        >>> in_natural_order(["part-10.parquet", "part-2.parquet"])
        ['part-2.parquet', 'part-10.parquet']
    """

    def key(name: str) -> list[tuple[int, str]]:
        pieces = re.split(r"(\d+)", name)
        return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in pieces]

    return sorted(names, key=key)
