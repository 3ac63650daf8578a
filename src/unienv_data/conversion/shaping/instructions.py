"""An instruction for recordings that have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unienv_data.conversion.shaping.changes import Change, Place, shown
from unienv_data.errors import ConversionError
from unienv_data.formats import SourceColumn
from unienv_data.formats.tabular.arrow import text_space
from unienv_interface.space import TextSpace

__all__ = ["TASK", "fill_episodes", "fill_texts", "task_column"]

TASK = "task"
"""The column of rows, and that of the table of episodes."""


def task_column(name: str) -> SourceColumn:
    """A column of instructions."""
    return SourceColumn(name, (TASK,), text_space())


def fill_texts(column: SourceColumn, task: str) -> Change:
    """What gives the instruction to the rows that have an empty one.

    Raises:
        ConversionError: the column holds no texts.
    """
    if not isinstance(column.space, TextSpace):
        raise ConversionError(
            f"task: {shown(column)} holds no texts, but {column.space!r}; --rename it to make room"
        )

    def change(values: NDArray[Any], place: Place) -> NDArray[Any]:
        filled = np.array(values, dtype=object)
        filled[np.equal(values, "").astype(bool)] = task
        return filled

    return change


def fill_episodes(episodes: pa.Table, task: str) -> pa.Table:
    """The table of episodes with the instruction where an episode has none.

    A column of that name that holds no texts is left as it is.
    """
    if TASK not in episodes.column_names:
        return episodes.append_column(TASK, pa.array([task] * episodes.num_rows, pa.string()))
    texts = episodes[TASK]
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        return episodes
    filled = pa.array([text or task for text in texts.to_pylist()], texts.type)
    return episodes.set_column(episodes.column_names.index(TASK), TASK, filled)
