"""The steps of one episode, in memory until it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import CompressedListStorage
from unienv_interface.space import DictSpace
from unienv_interface.space.space_utils.batch_utils import concatenate

__all__ = ["EpisodeRows"]

#: From this many bytes on a row is compressed: frames wait in a small part of their size.
_LARGE_ROW = 1 << 13
_BATCH_BYTES = 1 << 25
_MOST_ROWS = 4096


class EpisodeRows:
    """Rows that are appended one by one, and read in batches. Large ones, which have frames, are compressed.

    Args:
        space: the space of one row.
    """

    def __init__(self, space: DictSpace[Any, Any, Any]) -> None:
        self.space = space
        self._weight = 0
        self._rows: list[Any] = []
        self._packed: ReplayBuffer[Any, Any, Any, Any, Any] | None = None

    def __len__(self) -> int:
        return len(self._rows if self._packed is None else self._packed)

    def append(self, row: Any) -> None:
        """Add a row.

        Raises:
            SpaceValueError: it is large, and no value of the space; of others `batches` says so.
        """
        if not len(self):
            self._weight = _bytes_of(row)
            if self._weight >= _LARGE_ROW:
                self._packed = ReplayBuffer.create(CompressedListStorage, self.space, compression_level=1)
        if self._packed is None:
            self._rows.append(row)
        else:
            self._packed.append(row)

    def batches(self) -> Iterator[Any]:
        """The rows, oldest first, in batches of some megabytes: values of `batch_space(space, n)`.

        Raises:
            SpaceValueError: a row is no value of the space.
        """
        step = max(1, min(_MOST_ROWS, _BATCH_BYTES // max(1, self._weight)))
        for start in range(0, len(self), step):
            end = min(start + step, len(self))
            if self._packed is None:
                yield concatenate(self.space, self._rows[start:end])
            else:
                yield self._packed[start:end]


def _bytes_of(value: Any) -> int:
    """What the arrays in a value weigh."""
    if isinstance(value, Mapping):
        return sum(map(_bytes_of, value.values()))
    if isinstance(value, tuple | list):
        return sum(map(_bytes_of, value))
    return value.nbytes if isinstance(value, np.ndarray) else 0
