"""The instruction of each row, as a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.formats.base import Facts
from unienv_data.formats.tabular.plain import PlainColumn, plain_columns
from unienv_data.formats.writers.lerobot_v30.features import TASK, TITLE

__all__ = ["Tasks", "knows_tasks"]


class Tasks:
    """Numbers texts in the order in which they come.

    Each row's is that of the column `task`; without such a column, its episode's `task`, or the first of its
    `tasks`; else the empty text.

    Args:
        facts: of what is written.
    """

    def __init__(self, facts: Facts) -> None:
        self._column = _column(facts)
        self._of_episodes = _of_episodes(facts)
        self._numbers: dict[str, int] = {}
        self._open: dict[str, None] = {}

    @property
    def texts(self) -> list[str]:
        """All that came, by number."""
        return list(self._numbers)

    def of_rows(self, episode: int, rows: int, values: Mapping[str, Any]) -> NDArray[np.int64]:
        """The numbers (B,) of a chunk's rows."""
        if self._column is not None:
            texts: Sequence[str] = self._column.checked(values[self._column.source], rows).tolist()
        else:
            texts = [self._of_episodes[episode]] * rows
        self._open.update(dict.fromkeys(texts))
        return np.array([self._numbers.setdefault(text, len(self._numbers)) for text in texts], np.int64)

    def end_episode(self) -> list[str]:
        """The texts of the rows since the last end, each once."""
        found, self._open = list(self._open), {}
        return found


def knows_tasks(facts: Facts) -> bool:
    """Whether anything says what is to be done."""
    return _column(facts) is not None or any(_of_episodes(facts))


def _column(facts: Facts) -> PlainColumn | None:
    columns = plain_columns(facts, TITLE)
    return next((each for each in columns if each.name == TASK and each.dtype is None), None)


def _of_episodes(facts: Facts) -> list[str]:
    names = facts.episodes.column_names
    texts = [""] * len(facts.lengths)
    for name in ("tasks", "task"):
        if name not in names:
            continue
        for episode, value in enumerate(facts.episodes[name].to_pylist()):
            first = value[0] if isinstance(value, list) and value else value
            texts[episode] = first if isinstance(first, str) else texts[episode]
    return texts
