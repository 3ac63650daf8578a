"""Small JSON files of a source."""

from __future__ import annotations

import json
from typing import Any

from unienv_data.errors import ConversionError
from unienv_data.formats.source import Source

__all__ = ["parse_object", "read_object"]


def read_object(source: Source, name: str) -> dict[str, Any]:
    """A JSON file that holds an object; NaN and infinities in it are texts.

    Raises:
        ConversionError: it is missing, no JSON, or something else.
    """
    return parse_object(source.read(name), source.where(name))


def parse_object(text: str | bytes, where: str) -> dict[str, Any]:
    """A JSON object; NaN and infinities in it are texts.

    Args:
        text: the document.
        where: its address, for messages.

    Raises:
        ConversionError: it is no JSON, or something else.
    """
    try:
        found = json.loads(text, parse_constant=str)
    except ValueError as exc:
        raise ConversionError(f"{where}: not JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise ConversionError(f"{where}: a JSON object was expected, not {type(found).__name__}")
    return found
