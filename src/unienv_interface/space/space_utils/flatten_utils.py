"""Flattening: boxes of flat arrays, and values as flat arrays."""

from __future__ import annotations

from unienv_interface.space.space_utils import flat_dynamic_box, flat_graph, flat_union
from unienv_interface.space.space_utils.flat_spaces import flat_dim, flatten_space, is_flattenable
from unienv_interface.space.space_utils.flat_values import flatten_data, unflatten_data

__all__ = ["flat_dim", "flatten_data", "flatten_space", "is_flattenable", "unflatten_data"]

#: Importing these registers how their spaces are flattened.
_REGISTERED = (flat_dynamic_box, flat_graph, flat_union)
