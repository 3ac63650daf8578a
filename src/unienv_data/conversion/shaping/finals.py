"""What was observed when an episode was over: T + 1 values beside T rows, given a place.

- `column`: a column `next_...` beside each such column, which has in each row what was observed after it.
- `row`: an episode has one row more. The other columns say nothing there (zeros, or the bound next to it; no
  text), and `is_padding` is true.
- `none`: the last value is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from unienv_data.columns import EncodedRows
from unienv_data.errors import ConversionError
from unienv_data.formats import SourceColumn
from unienv_data.formats.naming import Path, path_name
from unienv_data.formats.tabular.arrow import array_space
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_utils import concatenate, get_at
from unienv_interface.space.space_utils.default_values import default_value

__all__ = [
    "COLUMN",
    "NONE",
    "PADDING",
    "ROW",
    "blank_row",
    "check_next_observation",
    "check_next_paths",
    "final_encoded",
    "next_path",
    "padding_column",
    "rows_between",
]

COLUMN, ROW, NONE = "column", "row", "none"
PADDING = "is_padding"
"""The column that tells the rows that only hold what was observed last."""


def check_next_observation(choice: str) -> str:
    """One of the choices.

    Raises:
        ConversionError: it is none.
    """
    if choice not in (COLUMN, ROW, NONE):
        raise ConversionError(f"next-observation {choice!r}: one of column, row, none was expected")
    return choice


def next_path(path: Path) -> Path:
    """Where the values after each row stand.

    Example:
        >>> next_path(("observations", "image"))
        ('next_observations', 'image')
    """
    return (f"next_{path[0]}", *path[1:]) if path else ("next_observation",)


def check_next_paths(nexts: Mapping[str, Path], others: Mapping[str, Path]) -> None:
    """See that the places of values after each row are free.

    Args:
        nexts: source name of a column -> where the values after it would stand.
        others: source name -> path of all columns.

    Raises:
        ConversionError: one is taken.
    """
    for name, path in nexts.items():
        for other, taken in others.items():
            shared = min(len(path), len(taken))
            if path[:shared] == taken[:shared] and shared in (len(path), len(taken)):
                raise ConversionError(
                    f"{name} has one value more than its episodes have rows, which would be kept in the "
                    f"column {path_name(path)}, but {other} stands there as {path_name(taken)}: "
                    f"--next-observation none leaves the last value out, row keeps it in a row of its own, "
                    f"and --rename {path_name(taken)}=NAME gives the other column another name"
                )


def final_encoded(column: SourceColumn, choice: str) -> SourceColumn:
    """The column with an encoded form only where rows of it can be had that way, one by one."""
    if column.encoded is None:
        return column
    apart = column.encoded.chunk_rows == 1
    keeps = apart if column.has_final else choice != ROW
    return column if keeps else replace(column, encoded=None)


def padding_column(name: str) -> SourceColumn:
    """The column that tells padding, ()."""
    return SourceColumn(name, (PADDING,), array_space(np.dtype(np.bool_), ()))


def blank_row(space: AnySpace) -> Any:
    """One row (1, *D) that says nothing."""
    return concatenate(space, [default_value(space)])


def rows_between(space: AnySpace, values: Any, start: int, stop: int) -> Any:
    """Some rows of a batched value; of encoded rows, whole pieces.

    Raises:
        ConversionError: encoded rows cannot be taken apart there.
    """
    if not isinstance(values, EncodedRows):
        return get_at(space, values, slice(start, stop))
    ends = np.cumsum([0, *values.counts])
    first, last = np.searchsorted(ends, [start, stop])
    if ends[first] != start or ends[last] != stop:
        raise ConversionError(f"encoded rows {start} to {stop} are not pieces of their own")
    return replace(values, pieces=values.pieces[first:last], counts=values.counts[first:last])
