"""The corpus of spaces and values, which ships with the package."""

from __future__ import annotations

from unienv_data.testing.spaces import INF, SPACES, AnyBackend, AnySpace, box, full_box
from unienv_data.testing.values import EDGE_VALUES, same, values

__all__ = ["EDGE_VALUES", "INF", "SPACES", "AnyBackend", "AnySpace", "box", "full_box", "same", "values"]
