"""How many bytes a batch has."""

from __future__ import annotations

import math
from typing import Any

from unienv_interface.backends.dtypes import host_dtype
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace, Space, TupleSpace

__all__ = ["batch_bytes"]

_ALIGNMENT = 64
_RAGGED_BYTES = 64  # of an entry whose size nobody knows before: a short text
_HEAD_BYTES = 4096


def batch_bytes(space: Space[Any, Any, Any, Any] | None, rows: int) -> int:
    """Room that a batch is likely to need.

    Args:
        space: of one row; None for nothing.
        rows: how many there are.
    """
    return 0 if space is None else _HEAD_BYTES + _leaf_bytes(space, rows)


def _leaf_bytes(space: Space[Any, Any, Any, Any], rows: int) -> int:
    if isinstance(space, DictSpace):
        return sum(_leaf_bytes(part, rows) for part in space.spaces.values())
    if isinstance(space, TupleSpace):
        return sum(_leaf_bytes(part, rows) for part in space.spaces)
    if isinstance(space, BoxSpace | BinarySpace):
        name = space.backend.dtype_name(space.dtype)
        return math.prod(space.shape) * rows * host_dtype(name).itemsize + _ALIGNMENT
    return _RAGGED_BYTES * rows
