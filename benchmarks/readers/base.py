"""What it takes to be measured."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Recording:
    """The same rows, prepared in every form that a reader may want.

    Attributes:
        store: the dataset as this project writes it, sealed.
        column: name of the one column in it.
        raw: the rows as a plain `.npy` file.
        shape: (N, *D).
    """

    store: Path
    column: str
    raw: Path
    shape: tuple[int, ...]

    @property
    def zarr_array(self) -> Path:
        """The column as a Zarr v3 array, for readers that know nothing of this project."""
        return self.store / "storage" / "columns" / self.column


class Reader(ABC):
    """A library that reads rows. A new one is a file with a subclass, named in `READERS`."""

    name: ClassVar[str]
    module: ClassVar[str]
    """What must be importable for it to take part."""
    distribution: ClassVar[str]
    """Whose version is written beside its figures."""
    settings: ClassVar[str] = "defaults"
    """What was set that matters to speed."""

    @classmethod
    def is_available(cls) -> bool:
        """Whether its library is installed."""
        return importlib.util.find_spec(cls.module) is not None

    @classmethod
    def version(cls) -> str:
        """The version of its library."""
        return importlib.metadata.version(cls.distribution)

    @abstractmethod
    def setup(self, recording: Recording) -> None:
        """Open what is to be read. Not timed."""

    @abstractmethod
    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The rows asked for, in the order asked for, as one array in memory (B, *D). Timed."""

    def close(self) -> None:
        """Give back what `setup` took."""
        return
