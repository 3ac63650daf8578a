"""Rows of differing shapes as two arrays: where each row's values begin, and the values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.columns.data import Ragged

__all__ = ["INDEX", "VALUES", "SharedValues", "spans_of"]

INDEX = "/index"
"""Array of a ragged column, below its name: int64 (start, *shape) a row."""

VALUES = "/values"
"""Array of a ragged column, below its name: the values, one after another."""

_SHARED_BYTES = 1024  # longer values are unlikely to come again
_REMEMBERED = 4096


class SharedValues:
    """Lets rows share values that were written a moment ago, such as the task of every row of an episode."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def place(
        self, data: Ragged, start: int, stop: int, position: int
    ) -> tuple[NDArray[np.int64], list[NDArray[Any]]]:
        """Find where the values of rows [start, stop) begin.

        Args:
            data: rows.
            start: first row.
            stop: row after the last.
            position: where new values will be written.

        Returns:
            (stop - start,) int64 starts, and the values that must be written from `position` on.
        """
        placed: dict[tuple[int, int], int] = {}
        starts: list[int] = []
        fresh: list[NDArray[Any]] = []
        spans = zip(data.starts[start:stop].tolist(), data.counts[start:stop].tolist(), strict=True)
        for span in spans:
            found = placed.get(span)
            if found is None:
                values = data.values[span[0] : span[0] + span[1]]
                key = values.tobytes() if values.nbytes <= _SHARED_BYTES else None
                found = None if key is None else self._known.get(key)
                if found is None:
                    found = position
                    position += span[1]
                    fresh.append(values)
                    if key is not None:
                        self._remember(key, found)
                placed[span] = found
            starts.append(found)
        joined = [np.concatenate(fresh)] if fresh else []
        return np.array(starts, dtype=np.int64), joined

    def _remember(self, key: bytes, position: int) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key] = position

    def clear(self) -> None:
        """Forget everything: what was written may not be shared any more."""
        self._known.clear()


def spans_of(index: NDArray[np.int64]) -> tuple[list[tuple[int, int]], NDArray[np.int64], NDArray[np.int64]]:
    """The spans of values to read for rows of an index array.

    Args:
        index: (N, 1 + axes) int64, (start, *shape) a row.

    Returns:
        Spans [start, stop) of the values, ascending, each once; (N,) int64, where each row begins among the
        values of these spans; (N, axes) int64, the rows' shapes.
    """
    shapes = index[:, 1:]
    counts = shapes.prod(axis=1)
    starts, inverse = np.unique(index[:, 0], return_inverse=True)
    longest = np.zeros(len(starts), dtype=np.int64)
    # Rows that share a start need not be equally long: an empty row begins where the next one does.
    np.maximum.at(longest, inverse, counts)
    begins = np.cumsum(longest) - longest
    spans = list(zip(starts.tolist(), (starts + longest).tolist(), strict=True))
    return spans, begins[inverse], shapes
