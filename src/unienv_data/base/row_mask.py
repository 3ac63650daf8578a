"""The mask that tells real rows of a batch from repetitions."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from unienv_interface.backends import ComputeBackend
from unienv_interface.space.spaces import BinarySpace, DictSpace

__all__ = ["ROW_VALID_MASK", "with_row_mask", "with_row_mask_space"]

ROW_VALID_MASK: Final = "row_valid_mask"
"""Where metadata holds it: (B,) booleans, False where a row is a repetition."""


def with_row_mask(
    metadata: dict[str, Any] | None,
    backend: ComputeBackend[Any, Any, Any, Any],
    device: Any,
    size: int,
    real: int,
) -> dict[str, Any]:
    """Metadata of `size` rows, of which the first `real` are no repetitions, and the mask."""
    mask = backend.from_numpy(np.arange(size) < real, device=device)
    return {**(metadata or {}), ROW_VALID_MASK: mask}


def with_row_mask_space(
    space: DictSpace[Any, Any, Any] | None,
    backend: ComputeBackend[Any, Any, Any, Any],
    device: Any,
    size: int,
) -> DictSpace[Any, Any, Any]:
    """The space of such metadata, where that of the metadata is `space`."""
    mask = BinarySpace(backend, (size,), device=device)
    return DictSpace(backend, {**(space.spaces if space is not None else {}), ROW_VALID_MASK: mask})
