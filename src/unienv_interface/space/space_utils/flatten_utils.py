"""Flattening: boxes of flat arrays, and values as flat arrays."""

from __future__ import annotations

from unienv_interface.space.space_utils.flat_spaces import flat_dim, flatten_space, is_flattenable
from unienv_interface.space.space_utils.flat_values import flatten_data, unflatten_data

__all__ = ["flat_dim", "flatten_data", "flatten_space", "is_flattenable", "unflatten_data"]
