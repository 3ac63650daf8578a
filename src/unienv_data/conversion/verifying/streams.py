"""Two readers' rows side by side, whatever chunks each gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from unienv_data.errors import ConversionError
from unienv_data.formats import Chunk, SourceColumn
from unienv_interface.space.space_utils.batch_utils import get_at

__all__ = ["Pair", "Stretch", "side_by_side"]

Pair = tuple[SourceColumn, SourceColumn]
"""A column of the source, and the one that was made of it."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """Consecutive rows of both sides.

    Attributes:
        episode: position of the source's episode.
        start: the first row's number within it.
        count: how many rows (B).
        rows: of each pair, batches of both sides.
    """

    episode: int
    start: int
    count: int
    rows: list[tuple[Any, Any]]


def side_by_side(source: Iterator[Chunk], written: Iterator[Chunk], pairs: list[Pair]) -> Iterator[Stretch]:
    """Rows of both sides in stretches that lie within a chunk of each.

    Args:
        source: decoded rows of the source.
        written: those of what was made of it, episode by episode in the same order.
        pairs: the columns.

    Raises:
        ConversionError: one side ends before the other.
    """
    theirs: Chunk | None = None
    used = 0
    for mine in source:
        done = 0
        while done < mine.rows:
            if theirs is None or used == theirs.rows:
                theirs, used = next(written, None), 0
            if theirs is None:
                raise ConversionError(f"{mine.rows - done} rows or more of the source have not been written")
            count = min(mine.rows - done, theirs.rows - used)
            rows = [
                (
                    get_at(one.space, mine.columns[one.name], slice(done, done + count)),
                    get_at(other.space, theirs.columns[other.name], slice(used, used + count)),
                )
                for one, other in pairs
            ]
            yield Stretch(mine.episode, mine.start + done, count, rows)
            done, used = done + count, used + count
    if (theirs is not None and used < theirs.rows) or next(written, None) is not None:
        raise ConversionError("more rows have been written than the source has")
