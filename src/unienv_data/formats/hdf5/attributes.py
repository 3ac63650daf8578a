"""HDF5 attributes as strict JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["attributes_of", "json_value", "parsed", "text_of"]


def attributes_of(attributes: Mapping[str, Any], leave_out: Iterable[str] = ()) -> dict[str, Any]:
    """Attributes as `json_value` gives them, but for some; those without a value are left out."""
    skipped = set(leave_out)
    found = {str(key): json_value(value) for key, value in attributes.items() if key not in skipped}
    return {key: value for key, value in found.items() if value is not None}


def json_value(value: Any) -> Any:
    """What h5py gives, as strict JSON: lists for arrays, texts for bytes and for what is not finite.

    Example:
        >>> json_value(np.array([1.5, np.nan])), json_value(b"Lift"), json_value(np.bool_(True))
        ([1.5, 'NaN'], 'Lift', True)
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray | np.generic):
        return json_value(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): json_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return None  # an empty attribute, or a reference to another object of the file


def parsed(text: Any) -> Any:
    """The object or list that a text holds as JSON; whatever else it is, as it is.

    Example:
        >>> parsed('{"type": 1}'), parsed("a task")
        ({'type': 1}, 'a task')
    """
    if not isinstance(text, str) or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text, parse_constant=str)
    except ValueError:
        return text


def text_of(value: Any) -> str:
    """A value for people and for columns of text: itself, or its JSON."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
