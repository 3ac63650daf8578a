"""Batching: spaces of batches, and batches of values."""

from __future__ import annotations

from unienv_interface.space.space_utils.batch_shapes import reshape_batch_size, swap_batch_dims
from unienv_interface.space.space_utils.batch_shapes_data import (
    reshape_batch_size_in_data,
    swap_batch_dims_in_data,
)
from unienv_interface.space.space_utils.batch_spaces import (
    batch_differing_spaces,
    batch_size,
    batch_space,
    unbatch_spaces,
)
from unienv_interface.space.space_utils.batch_values import (
    batch_size_data,
    concatenate,
    get_at,
    iterate,
    set_at,
)

__all__ = [
    "batch_differing_spaces",
    "batch_size",
    "batch_size_data",
    "batch_space",
    "concatenate",
    "get_at",
    "iterate",
    "reshape_batch_size",
    "reshape_batch_size_in_data",
    "set_at",
    "swap_batch_dims",
    "swap_batch_dims_in_data",
    "unbatch_spaces",
]
