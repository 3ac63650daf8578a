"""The corpus of spaces and values, which ships with the package."""

from __future__ import annotations

from unienv_data.testing.factories import INF, AnyBackend, AnySpace, box, dynamic_box, full_box
from unienv_data.testing.samples import EDGE_VALUES, same, values
from unienv_data.testing.spaces import NO_ARRAYS, SPACES

__all__ = [
    "EDGE_VALUES",
    "INF",
    "NO_ARRAYS",
    "SPACES",
    "AnyBackend",
    "AnySpace",
    "box",
    "dynamic_box",
    "full_box",
    "same",
    "values",
]
