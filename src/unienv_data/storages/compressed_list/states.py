"""The contents of a list as a state dict: what `torch.save` keeps, and `torch.load` gives without pickles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from unienv_data.errors import CorruptDataError
from unienv_data.storages.compressed_list.files import Contents
from unienv_data.storages.compressed_list.form import Item
from unienv_interface.backends import get_backend_from_tensor, load_backend

__all__ = ["contents_of_state", "state_of_contents"]

_KEYS = ("codec", "capacity", "space", "layouts", "lengths", "items")


def state_of_contents(contents: Contents, *, is_torch: bool) -> dict[str, Any]:
    """A dict: `codec`, `capacity`, `space`, `layouts` (JSON), `lengths` (N,) int64 and `items` (M,) uint8.

    Args:
        contents: of a list.
        is_torch: whether the two arrays are tensors.
    """
    lengths = np.array([0 if item is None else len(item) for item in contents.items], dtype=np.int64)
    items = np.frombuffer(bytearray().join(item for item in contents.items if item), dtype=np.uint8)
    backend = load_backend("pytorch" if is_torch else "numpy")
    return {
        "codec": contents.codec,
        "capacity": contents.capacity,
        "space": json.dumps(contents.space),
        "layouts": json.dumps(contents.layouts),
        "lengths": backend.from_numpy(lengths),
        "items": backend.from_numpy(items),
    }


def contents_of_state(state: Mapping[str, Any]) -> Contents:
    """The contents of which `state_of_contents` made a state.

    Raises:
        CorruptDataError: it made no such state.
    """
    missing = [key for key in _KEYS if key not in state]
    if missing:
        raise CorruptDataError(f"the state: {', '.join(missing)} missing; expected what state_dict() gave")
    try:
        lengths, items = (
            get_backend_from_tensor(state[key]).to_numpy(state[key]) for key in ("lengths", "items")
        )
        space, layouts = (json.loads(state[key]) for key in ("space", "layouts"))
    except (TypeError, ValueError) as exc:
        raise CorruptDataError(f"the state: {exc}") from exc
    if lengths.ndim != 1 or items.dtype != np.uint8 or min(lengths.tolist(), default=0) < 0:
        raise CorruptDataError(
            "the state: expected lengths (N,) of items, none negative, and uint8 items (M,)"
        )
    if int(lengths.sum()) != items.size:
        raise CorruptDataError(f"the state: expected {int(lengths.sum())} bytes of items, got {items.size}")
    body = items.tobytes()
    found: list[Item] = []
    start = 0
    for length in lengths.tolist():
        found.append(body[start : start + length] if length else None)
        start += length
    return Contents(str(state["codec"]), state["capacity"], space, layouts, found)
