"""This project, as a user reads: ReplayBuffer.get_at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import unienv_data
from benchmarks.readers.base import Reader, Recording


class ReplayBufferReader(Reader):
    """The dataset through the public interface."""

    name = "ReplayBuffer.get_at"
    module = "unienv_data"
    distribution = "unienv-data"

    def setup(self, recording: Recording) -> None:
        self._buffer = unienv_data.open(recording.store)
        self._column = recording.column

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        values: NDArray[np.uint8] = self._buffer.get_at(rows)[self._column]
        return values

    def close(self) -> None:
        self._buffer.close()
