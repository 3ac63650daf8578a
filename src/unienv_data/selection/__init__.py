"""What views show: pure functions and frozen values, no I/O."""

from __future__ import annotations

from unienv_data.selection.blocks import blocks_of_runs, blocks_of_view
from unienv_data.selection.numbering import (
    GONE,
    EdgeCache,
    JoinedNumbering,
    Numbering,
    PlainNumbering,
    SelectedNumbering,
    SequenceNumbering,
    grouped,
)
from unienv_data.selection.offsets import Offsets, Steps, checked_offsets, edge_repeats, steps
from unienv_data.selection.rowmaps import ArrayMap, RangeMap, RowMap, Runs, SpanMap, row_map
from unienv_data.selection.selection import Selection
from unienv_data.selection.splits import split

__all__ = [
    "GONE",
    "ArrayMap",
    "EdgeCache",
    "JoinedNumbering",
    "Numbering",
    "Offsets",
    "PlainNumbering",
    "RangeMap",
    "RowMap",
    "Runs",
    "SelectedNumbering",
    "Selection",
    "SequenceNumbering",
    "SpanMap",
    "Steps",
    "blocks_of_runs",
    "blocks_of_view",
    "checked_offsets",
    "edge_repeats",
    "grouped",
    "row_map",
    "split",
    "steps",
]
