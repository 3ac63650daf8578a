"""What it takes to be measured as a reader."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contender import Contender
from benchmarks.recording import Recording

__all__ = ["Reader", "Recording"]


class Reader(Contender):
    """A library that reads rows. A new one is a file with a subclass, named in `READERS`."""

    @abstractmethod
    def setup(self, recording: Recording) -> None:
        """Open what is to be read, having written it in an own form where that needs be. Not timed."""

    @abstractmethod
    def read(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The rows asked for, in the order asked for, (B, *D) in memory by column. Timed."""
