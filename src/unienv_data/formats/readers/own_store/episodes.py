"""The episodes of a dataset of ours, as a source's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["EARLIER_EPISODE", "episode_table", "spans_of"]

Span = tuple[int, int]

EARLIER_EPISODE = "earlier_source_episode"
"""What an episode was called before, where that does not tell it from others here."""

_SOURCE_EPISODE = "source_episode"


def spans_of(segments: Sequence[Span] | None, rows: int) -> list[tuple[Span, int | None]]:
    """All rows as episodes, in order, each with its number in the episode table; None where it has none.

    Rows outside of ended episodes (an open one, what was appended without any) are episodes of their own.

    Args:
        segments: the ended episodes, rising; None where none are kept.
        rows: how many rows there are.
    """
    ended = [(span, number) for number, span in enumerate(segments or ())]
    edges = [0, *(edge for span, _ in ended for edge in span), rows]
    gaps = [(start, stop) for start, stop in list(pairwise(edges))[::2] if stop > start]
    return sorted([*ended, *((gap, None) for gap in gaps)])


def episode_table(table: pa.Table, spans: Sequence[tuple[Span, int | None]]) -> pa.Table:
    """A row a span: its `length`, a `source_episode` of its own, and all else that is known.

    An episode keeps the `source_episode` that it was converted with, where each has one of its own; else it
    is called by its number here.

    Args:
        table: the dataset's episode table.
        spans: as `spans_of` gives them.
    """
    lengths = pa.array([stop - start for (start, stop), _ in spans], pa.int64())
    numbers = pa.array([number for _, number in spans], pa.int64())
    known = table.drop_columns(["start", "length"]).take(numbers)
    columns: dict[str, Any] = {
        "length": lengths,
        _SOURCE_EPISODE: pa.array(np.arange(len(spans)), pa.int64()),
    }
    for name in known.column_names:
        if name != _SOURCE_EPISODE:
            columns[name] = known[name]
        elif _tells_apart(known[name]):
            columns[_SOURCE_EPISODE] = known[name]
        elif EARLIER_EPISODE not in known.column_names:
            columns[EARLIER_EPISODE] = known[name]
    return pa.table(columns)


def _tells_apart(names: pa.ChunkedArray[Any]) -> bool:
    is_name = pa.types.is_integer(names.type) or pa.types.is_string(names.type)
    return bool(is_name) and not names.null_count and int(pc.count_distinct(names).as_py()) == len(names)
