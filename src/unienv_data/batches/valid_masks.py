"""Which steps of a window belong to the episode of its row, by what a field says: ready mask functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unienv_data.base.paths import Path

__all__ = ["EpisodeEndMask", "EpisodeIdMask", "KeyedMask", "MaskFunction", "Window"]


class Window(Protocol):
    """What the ready functions ask of the view that calls them."""

    @property
    def zero_index(self) -> int:
        """The place of the row itself among the steps."""

    @property
    def backend(self) -> Any:
        """What arrays are made by."""

    @property
    def device(self) -> Any:
        """Where they are made."""


class MaskFunction(Protocol):
    """Says which steps of windows are real."""

    def __call__(self, batch: Any, expanded_idx: Any, data: Any, metadata: Any, /) -> Any:
        """Gives (B, T) booleans.

        Args:
            batch: the view that shows the windows.
            expanded_idx: (B, T) rows of `batch.batch`.
            data: what stands there, with the axes (B, T, ...).
            metadata: what is known of it, with these axes; None where nothing is.
        """


@dataclass(frozen=True)
class KeyedMask(ABC):
    """A mask function that looks at one field and nothing else, so that nothing else is read for it.

    Attributes:
        key: of the field, (B, T) numbers or texts, or with further axes.
        is_in_metadata: whether it is one of the metadata.
    """

    key: str | int
    is_in_metadata: bool = False

    @property
    def columns(self) -> tuple[Path, ...]:
        """The parts of samples that are looked at."""
        return () if self.is_in_metadata else ((self.key,),)

    def __call__(
        self, batch: Window, expanded_idx: Any, data: Any, metadata: Mapping[Any, Any] | None
    ) -> Any:
        found = data[self.key] if not self.is_in_metadata else (metadata or {})[self.key]
        host = found if isinstance(found, np.ndarray) else batch.backend.to_numpy(found)
        mask = self._mask(host.reshape(*host.shape[:2], -1), batch.zero_index)
        return batch.backend.from_numpy(mask, device=batch.device)

    @abstractmethod
    def _mask(self, values: NDArray[Any], zero: int) -> NDArray[np.bool_]:
        """(B, T) from values (B, T, K)."""


class EpisodeIdMask(KeyedMask):
    """Steps of the same episode id as the row itself."""

    def _mask(self, values: NDArray[Any], zero: int) -> NDArray[np.bool_]:
        same: NDArray[np.bool_] = (values == values[:, zero : zero + 1]).astype(np.bool_).all(axis=2)
        return same


class EpisodeEndMask(KeyedMask):
    """Steps between which and the row itself no episode ends; an end is the last step of its episode."""

    def _mask(self, values: NDArray[Any], zero: int) -> NDArray[np.bool_]:
        ends = values.astype(np.bool_).any(axis=2).astype(np.int64)
        ended_before = np.cumsum(ends, axis=1) - ends
        same: NDArray[np.bool_] = ended_before == ended_before[:, zero : zero + 1]
        return same
