"""This project, as a user reads: ReplayBuffer.get_at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import unienv_data
from benchmarks.readers.base import Reader, Recording


class ReplayBufferReader(Reader):
    """The dataset through the public interface."""

    name = "ReplayBuffer.get_at"
    distribution = "unienv-data"

    def setup(self, recording: Recording) -> None:
        self._buffer = unienv_data.open(recording.store)

    def read(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        values: dict[str, NDArray[Any]] = self._buffer.get_at(rows)
        return values

    def close(self) -> None:
        self._buffer.close()
