"""Which rows of a table are an episode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unienv_data.errors import ConversionError

__all__ = ["EPISODE_COLUMNS", "Span", "runs_of", "spans_of_runs"]

EPISODE_COLUMNS = (
    "episode_index",
    "episode_id",
    "episode_idx",
    "episode",
    "traj_id",
    "trajectory_id",
    "trajectory",
    "demo_id",
)
"""What columns that tell episodes apart are usually called, the likeliest first."""


@dataclass(frozen=True)
class Span:
    """An episode: rows of the whole table.

    Args:
        name: what the table calls it.
        start: its first row.
        stop: the row after its last.
        split: of which split it is.
    """

    name: int | str
    start: int
    stop: int
    split: str | None = None


def runs_of(column: pa.ChunkedArray[Any], where: str) -> list[tuple[int | str, int]]:
    """Equal neighbours: each value, and how many rows it stands in.

    Args:
        column: of whole numbers or texts.
        where: its address, for messages.

    Raises:
        ConversionError: a value is missing, or neither a number nor a text.
    """
    values: Any = column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # older pyarrow
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    while pa.types.is_fixed_size_list(values.type) and values.type.list_size == 1:
        values = values.flatten()
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    is_text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
    if not (is_text or pa.types.is_integer(values.type)):
        raise ConversionError(
            f"{where}: whole numbers or texts that tell episodes apart were expected, not {values.type}"
        )
    if values.null_count:
        row = int(pc.index(values.is_null(), True).as_py())
        raise ConversionError(f"{where}: no value (null) in row {row}, so that its episode is not known")
    codes = values.dictionary_encode() if is_text else values
    numbers = (codes.indices if is_text else codes).to_numpy()
    starts = [0, *(np.flatnonzero(numbers[1:] != numbers[:-1]) + 1).tolist()] if len(numbers) else []
    names = values.take(pa.array(starts, pa.int64())).to_pylist()
    return list(zip(names, np.diff([*starts, len(numbers)]).tolist(), strict=True))


def spans_of_runs(
    runs: Iterable[tuple[int | str, int, str | None]], where: str, column: str
) -> Sequence[Span]:
    """The episodes of runs (value, rows, split) that follow one another, equal neighbours made one.

    Raises:
        ConversionError: the rows of an episode do not stand together.
    """
    spans: list[Span] = []
    row = 0
    for name, rows, split in runs:
        last = spans[-1] if spans else None
        if last is not None and (last.name, last.split) == (name, split):
            spans[-1] = Span(name, last.start, row + rows, split)
        else:
            spans.append(Span(name, row, row + rows, split))
        row += rows
    places: dict[tuple[int | str, str | None], Span] = {}
    for span in spans:
        other = places.setdefault((span.name, span.split), span)
        if other is not span:
            raise ConversionError(
                f"{where}: the rows of episode {span.name!r} (column {column}) do not stand together: rows "
                f"{other.start} to {other.stop - 1}, and again from row {span.start}; sort the table by "
                f"{column} first, or name the column that tells episodes apart (--episode-column)"
            )
    return spans
