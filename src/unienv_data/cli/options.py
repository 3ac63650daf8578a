"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias

import typer

__all__ = ["StorageOptions", "parse_storage_options"]

StorageOptions: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--storage-option",
        metavar="KEY=VALUE",
        help="Passed to the filesystem of a URL, as endpoint_url=http://localhost:7070; may be repeated.",
        show_default=False,
    ),
]


def parse_storage_options(pairs: Iterable[str] | None) -> dict[str, Any]:
    """The mapping that `KEY=VALUE` options spell. A value that reads as JSON is that; any other is text.

    Raises:
        typer.BadParameter: a pair has no key or no `=`.

    Example:
        >>> parse_storage_options(["anon=true", "endpoint_url=http://localhost:7070"])
        {'anon': True, 'endpoint_url': 'http://localhost:7070'}
    """
    options: dict[str, Any] = {}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise typer.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint="--storage-option")
        try:
            options[key] = json.loads(value)
        except ValueError:
            options[key] = value
    return options
