"""What people say of a dataset, as strict JSON that comes back as it was given."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from unienv_data.errors import DocumentError

__all__ = ["checked_attributes"]

# A commit, in which the attributes stand, is read by everybody who opens the dataset.
_MOST_BYTES = 512 << 10


def checked_attributes(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """A copy of `attributes` as JSON gives it back: tuples have become lists.

    Args:
        attributes: names and values: text, finite numbers, booleans, None, lists and mappings of these.

    Raises:
        DocumentError: something in it is none of these; every problem is named.
    """
    if attributes is None:
        return {}
    if not isinstance(attributes, Mapping):
        raise DocumentError("attributes", [f"$: expected a mapping, got {type(attributes).__name__}"])
    try:
        problems = list(_problems(attributes, "$"))
    except RecursionError:
        problems = ["$: nested too deeply"]
    if problems:
        raise DocumentError("attributes", problems)
    text = json.dumps(attributes, ensure_ascii=False, allow_nan=False, default=dict)
    if len(text.encode()) > _MOST_BYTES:
        found = f"{len(text.encode()):,} bytes"
        raise DocumentError("attributes", [f"$: expected at most {_MOST_BYTES:,} bytes of JSON, got {found}"])
    copied: dict[str, Any] = json.loads(text)
    return copied


def _problems(value: Any, place: str) -> Iterator[str]:
    if value is None or isinstance(value, bool | int):
        return
    if isinstance(value, str):
        if not _is_utf8(value):
            yield f"{place}: {value!r} cannot be written as UTF-8"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield f"{place}: {value} is no JSON; say it as text"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str) or not _is_utf8(key):
                yield f"{place}: expected names that are text, got {key!r}"
            else:
                yield from _problems(item, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _problems(item, f"{place}[{position}]")
    else:
        yield f"{place}: {type(value).__name__} is no JSON"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
