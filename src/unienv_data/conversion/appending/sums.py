"""What the rows of many episodes add up to, summed up many at a time: rows come a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData
from unienv_data.conversion.appending.identity import EpisodeSum, Words, added, hash_rows, words_of

__all__ = ["EpisodeSums"]

_ROWS = 2048
_BYTES = 4 << 20


class EpisodeSums:
    """Takes rows of episodes in any order, and says what each episode's add up to.

    Args:
        names: which columns count, by their names in the store or those of groups that they are in.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._sums: dict[int, EpisodeSum] = {}
        self._clear()

    def _clear(self) -> None:
        self._waiting: dict[str, list[Words]] = {}
        self._places: list[NDArray[np.uint64]] = []
        self._episodes: list[int] = []
        self._starts: list[int] = []
        self._rows = 0
        self._bytes = 0

    def add(self, episode: int, columns: Mapping[str, ColumnData], first: int, start: int, stop: int) -> None:
        """Take rows [start, stop) of some columns.

        Args:
            episode: whose they are.
            columns: by the store's name; they stay as they are.
            first: the place in the episode of row `start`.
            start: first row.
            stop: row after the last.
        """
        if start == stop:
            return
        found = words_of(columns, self._names, start, stop)
        if found.keys() != self._waiting.keys():
            self._sum_up()
            self._waiting = {name: [] for name in found}
        for name, words in found.items():
            self._waiting[name].append(words)
            self._bytes += words.values.nbytes
        self._places.append(np.arange(first, first + stop - start, dtype=np.uint64))
        self._episodes.append(episode)
        self._starts.append(self._rows)
        self._rows += stop - start
        if self._rows >= _ROWS or self._bytes >= _BYTES:
            self._sum_up()

    def of_each(self) -> dict[int, EpisodeSum]:
        """What each episode's rows add up to, of those that have been taken."""
        self._sum_up()
        return dict(self._sums)

    def _sum_up(self) -> None:
        if not self._rows:
            return
        columns = {name: Words.joined(parts) for name, parts in self._waiting.items()}
        hashed = hash_rows(columns, np.concatenate(self._places))
        totals = np.add.reduceat(hashed, self._starts, axis=1).T.tolist()
        ends = [*self._starts[1:], self._rows]
        for episode, start, end, (one, other) in zip(self._episodes, self._starts, ends, totals, strict=True):
            part = (one, other, end - start, len(columns))
            known = self._sums.get(episode)
            self._sums[episode] = part if known is None else added(known, part)
        self._clear()
