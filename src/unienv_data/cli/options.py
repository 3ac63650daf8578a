"""Options that several commands share."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias

import typer

__all__ = [
    "StorageOptions",
    "is_url",
    "parse_bytes",
    "parse_chunks",
    "parse_codecs",
    "parse_pairs",
    "parse_storage_options",
    "parse_texts",
]

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
    """The mapping that `--storage-option KEY=VALUE` options spell, see `parse_pairs`."""
    return parse_pairs(pairs, "--storage-option")


def parse_pairs(pairs: Iterable[str] | None, option: str) -> dict[str, Any]:
    """The mapping that `KEY=VALUE` options spell. A value that reads as JSON is that; any other is text.

    Args:
        pairs: what was given.
        option: the option's name, for the message.

    Raises:
        typer.BadParameter: a pair has no key or no `=`.

    Example:
        >>> parse_pairs(["anon=true", "endpoint_url=http://localhost:7070"], "--storage-option")
        {'anon': True, 'endpoint_url': 'http://localhost:7070'}
    """
    options: dict[str, Any] = {}
    for key, value in parse_texts(pairs, option).items():
        try:
            options[key] = json.loads(value)
        except ValueError:
            options[key] = value
    return options


def parse_texts(pairs: Iterable[str] | None, option: str, default: str | None = None) -> dict[str, str]:
    """The mapping that `KEY=VALUE` options spell, every value as text; see `parse_pairs`.

    Args:
        pairs: what was given.
        option: the option's name, for the message.
        default: the value of those that are a key alone; None has these refused.

    Example:
        >>> parse_texts(["rate=10"], "--option")
        {'rate': '10'}
    """
    texts: dict[str, str] = {}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not key or (default is None and not equals):
            raise typer.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint=option)
        texts[key] = value if equals else str(default)
    return texts


def parse_codecs(texts: Iterable[str] | None) -> dict[str, str]:
    """The mapping that `--codec PATTERN=SPEC` options spell; of several for a pattern the last counts.

    Raises:
        typer.BadParameter: one has no pattern, no `=` or no specification.

    Example:
        >>> parse_codecs(["observation/*=zstd:9", "action=lz4"])
        {'observation/*': 'zstd:9', 'action': 'lz4'}
    """
    codecs: dict[str, str] = {}
    for text in texts or ():
        pattern, equals, spec = text.partition("=")
        if not pattern or not equals or not spec:
            raise typer.BadParameter(f"{text!r} is not PATTERN=SPEC", param_hint="--codec")
        codecs[pattern] = spec
    return codecs


def parse_chunks(texts: Iterable[str] | None) -> dict[str, int]:
    """The mapping that `--chunk PATTERN=ROWS` options spell; of several for a pattern the last counts.

    Raises:
        typer.BadParameter: one has no pattern, no `=` or no number of rows.

    Example:
        >>> parse_chunks(["observation/*=256"])
        {'observation/*': 256}
    """
    chunks: dict[str, int] = {}
    for text in texts or ():
        pattern, equals, rows = text.partition("=")
        if not pattern or not equals or not rows.isdecimal() or not int(rows):
            raise typer.BadParameter(f"{text!r} is not PATTERN=ROWS", param_hint="--chunk")
        chunks[pattern] = int(rows)
    return chunks


def is_url(address: str) -> bool:
    """Whether an address names a filesystem, which storage options are for."""
    return "://" in address or "::" in address


_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "KI": 1 << 10, "MI": 1 << 20, "GI": 1 << 30}


def parse_bytes(text: str | None, option: str) -> int | None:
    """How many bytes `512MB`, `2GiB` or a number alone are; None of None.

    Args:
        text: what was given.
        option: the option's name, for the message.

    Raises:
        typer.BadParameter: it is no size.

    Example:
        >>> parse_bytes("512MB", "--memory"), parse_bytes("1.5GiB", "--memory")
        (512000000, 1610612736)
    """
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?I?)B?\s*", text.upper())
    size = int(float(match[1]) * _UNITS[match[2]]) if match and match[2] in _UNITS else 0
    if size < 1:
        raise typer.BadParameter(f"{option} {text!r}: a size such as 512MB or 2GiB was expected")
    return size
