"""A conversion's rows in units, whole blocks each, and these in spans that are worked on at once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Unit", "spans_of", "unit_rows_of", "units_of"]

UNIT_BYTES = 64 << 20
"""What a unit holds, as it comes from the source: of this much of a killed conversion is done again."""

SPAN_BYTES = 1 << 30
"""What a worker is handed at most; it begins each span by finding its place in the source."""

SPANS_A_WORKER = 8


@dataclass(frozen=True, order=True)
class Unit:
    """Rows [start, stop) of a conversion, which begin with a block."""

    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many."""
        return self.stop - self.start


def unit_rows_of(block_rows: int, row_bytes: int) -> int:
    """How many rows a unit has: whole blocks.

    Args:
        block_rows: rows in a block.
        row_bytes: what a row weighs.

    Example:
        >>> unit_rows_of(8192, 27648), unit_rows_of(16, 1 << 20)
        (8192, 64)
    """
    return max(1, round(UNIT_BYTES / max(row_bytes, 1) / block_rows)) * block_rows


def units_of(rows: int, unit_rows: int) -> list[Unit]:
    """The units of so many rows.

    Example:
        >>> units_of(10, 4)
        [Unit(start=0, stop=4), Unit(start=4, stop=8), Unit(start=8, stop=10)]
    """
    return [Unit(start, min(start + unit_rows, rows)) for start in range(0, rows, unit_rows)]


def spans_of(units: Iterable[Unit], workers: int, row_bytes: int) -> list[tuple[Unit, ...]]:
    """Units that follow one another, to be worked on at once: for one worker as long as they may be.

    Args:
        units: what is to be done, ascending.
        workers: how many work.
        row_bytes: what a row weighs.

    Example:
        >>> [len(span) for span in spans_of(units_of(100, 1), 1, 1)]
        [100]
        >>> [len(span) for span in spans_of(units_of(100, 1), 2, 1)]
        [6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 4]
    """
    todo = list(units)
    most = len(todo)
    if workers > 1 and todo:
        weight = max(unit.rows for unit in todo) * max(row_bytes, 1)
        most = max(1, min(len(todo) // (workers * SPANS_A_WORKER), SPAN_BYTES // max(weight, 1)))
    spans: list[list[Unit]] = []
    for unit in todo:
        if spans and len(spans[-1]) < most and _follows(spans[-1], unit):
            spans[-1].append(unit)
        else:
            spans.append([unit])
    return [tuple(span) for span in spans]


def _follows(span: Sequence[Unit], unit: Unit) -> bool:
    return span[-1].stop == unit.start
