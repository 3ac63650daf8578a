"""The parts of a codec's specification, such as `zstd:5:shuffle=bitshuffle`, for makers of chains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unienv_data.errors import CodecError
from unienv_data.store.codecs.base import ChunkShape

__all__ = ["ParsedCodec", "SpecBuilder", "integer", "named", "split_spec"]


@dataclass(frozen=True)
class ParsedCodec:
    """A codec's name and its arguments.

    Attributes:
        text: what was written.
        name: the name, before the first colon.
        arguments: what was given by place.
        options: what was given by name.
    """

    text: str
    name: str
    arguments: tuple[str, ...]
    options: Mapping[str, str]


@dataclass(frozen=True)
class SpecBuilder:
    """What a name in specifications stands for.

    Attributes:
        build: the codec chain for such chunks, without the checksum that ends every chain.
        chunk_rows: rows in a chunk where the user asks for no number; None where the size of a row decides.
        packing: how many times smaller than others it makes frames, in round numbers.
    """

    build: Callable[[ParsedCodec, ChunkShape], Sequence[Mapping[str, Any]]]
    chunk_rows: int | None = None
    packing: int = 1


def split_spec(text: str) -> ParsedCodec:
    """Split `name:argument:...:option=value`.

    Example:
        >>> split_spec("zstd:5:shuffle=bitshuffle").options
        {'shuffle': 'bitshuffle'}
    """
    name, *rest = (part.strip() for part in text.split(":"))
    arguments = tuple(part for part in rest if "=" not in part)
    options = dict(part.split("=", 1) for part in rest if "=" in part)
    return ParsedCodec(text, name, arguments, options)


def named(parsed: ParsedCodec, *names: str) -> dict[str, str]:
    """The arguments by name, given by place or by name.

    Raises:
        CodecError: there are more of them, others, or the same twice.
    """
    by_name = set(parsed.options)
    if (
        len(parsed.arguments) > len(names)
        or by_name - set(names)
        or by_name & set(names[: len(parsed.arguments)])
    ):
        takes = ":".join(names) if names else "no arguments"
        raise CodecError(f"codec {parsed.text!r}: {parsed.name} takes {takes}")
    return {**dict(zip(names, parsed.arguments, strict=False)), **parsed.options}


def integer(parsed: ParsedCodec, name: str, text: str, low: int, high: int) -> int:
    """An argument that is an integer from `low` to `high`.

    Raises:
        CodecError: it is not.
    """
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise CodecError(f"codec {parsed.text!r}: {name} must be from {low} to {high}, got {text!r}")
    return value
