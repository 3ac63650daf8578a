"""What people write for a codec, such as `zstd:5`, as the inner codec chain of a Zarr array."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unienv_data.errors import CodecError
from unienv_data.store.codecs.base import ChunkShape

__all__ = ["CodecSpec", "chain_of", "is_lossless", "parse_codec"]

CodecSpec = str | Sequence[Mapping[str, Any]]
"""A name with arguments (`zstd:5:bitshuffle`), or the chain itself as in Zarr's metadata."""

_CRC32C: Mapping[str, Any] = {"name": "crc32c"}
_LOSSLESS = frozenset(
    (
        *("bytes", "transpose", "blosc", "gzip", "zstd", "crc32c", "lz4", "zlib", "bz2", "lzma", "shuffle"),
        *("packbits", "crc32", "adler32", "fletcher32"),
    )
)
_SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")


@dataclass(frozen=True)
class ParsedCodec:
    """A codec's name and its arguments."""

    name: str
    arguments: tuple[str, ...]
    options: Mapping[str, str]


def parse_codec(text: str) -> ParsedCodec:
    """Split `name:argument:...:option=value`.

    Raises:
        CodecError: there is no such codec, or it does not take these arguments.
    """
    name, *rest = (part.strip() for part in text.split(":"))
    if name not in _BUILDERS:
        raise CodecError(f"unknown codec {name!r} in {text!r}; known are {', '.join(sorted(_BUILDERS))}")
    arguments = tuple(part for part in rest if "=" not in part)
    options = dict(part.split("=", 1) for part in rest if "=" in part)
    return ParsedCodec(name, arguments, options)


def chain_of(spec: CodecSpec, chunk: ChunkShape) -> tuple[Mapping[str, Any], ...]:
    """The inner codec chain that `spec` asks for, as in Zarr's metadata.

    Raises:
        CodecError: the specification cannot be understood.
    """
    if not isinstance(spec, str):
        return tuple(_with_byte_order(codec, chunk) for codec in _checked(spec))
    parsed = parse_codec(spec)
    compressor = _BUILDERS[parsed.name](parsed, chunk, spec)
    to_bytes: dict[str, Any] = {"name": "bytes"}
    if chunk.dtype.itemsize > 1:
        to_bytes["configuration"] = {"endian": "little"}
    return (to_bytes, *compressor, _CRC32C)


def is_lossless(chain: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what the chain decodes is what was encoded, as far as is known of its codecs."""
    return all(str(codec["name"]).removeprefix("numcodecs.") in _LOSSLESS for codec in chain)


def _checked(chain: Any) -> tuple[Mapping[str, Any], ...]:
    """A chain as it was written, where it has the form of one."""
    for codec in chain if isinstance(chain, Sequence) else [None]:
        if (
            not isinstance(codec, Mapping)
            or not isinstance(codec.get("name"), str)
            or not isinstance(codec.get("configuration", {}), Mapping)
            or not codec.keys() <= {"name", "configuration"}
        ):
            expected = '{"name": "gzip", "configuration": {"level": 5}}'
            raise CodecError(f"codec chain {chain!r}: expected a list of codecs such as {expected}")
    return tuple(dict(codec) for codec in chain)


def _with_byte_order(codec: Mapping[str, Any], chunk: ChunkShape) -> Mapping[str, Any]:
    """The codec, with the byte order that readers other than zarr-python ask for."""
    if codec["name"] == "bytes" and chunk.dtype.itemsize > 1:
        return {"name": "bytes", "configuration": {"endian": "little", **codec.get("configuration", {})}}
    return codec


def _integer(text: str, spec: str, name: str, low: int, high: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise CodecError(f"codec {spec!r}: {name} must be from {low} to {high}, got {text!r}")
    return value


def _arguments(parsed: ParsedCodec, spec: str, *names: str) -> dict[str, str]:
    """The arguments by name, given by place or by name."""
    by_name = set(parsed.options)
    if (
        len(parsed.arguments) > len(names)
        or by_name - set(names)
        or by_name & set(names[: len(parsed.arguments)])
    ):
        takes = ":".join(names) if names else "no arguments"
        raise CodecError(f"codec {spec!r}: {parsed.name} takes {takes}")
    return {**dict(zip(names, parsed.arguments, strict=False)), **parsed.options}


def _raw(parsed: ParsedCodec, chunk: ChunkShape, spec: str) -> list[Mapping[str, Any]]:
    _arguments(parsed, spec)
    return []


def _zstd(parsed: ParsedCodec, chunk: ChunkShape, spec: str) -> list[Mapping[str, Any]]:
    """Zstandard by itself where nothing is shuffled, which is decoded faster; Blosc around it elsewhere."""
    given = _arguments(parsed, spec, "level", "shuffle")
    # Single bytes, which pixels are, have no bytes to shuffle; docs/performance.md says why not their bits.
    is_bytes = chunk.dtype.itemsize == 1 and chunk.dtype.kind in "ui"
    if given.get("shuffle", "noshuffle" if is_bytes else "shuffle") != "noshuffle":
        return _blosc(parsed, chunk, spec)
    level = _integer(given.get("level", "1" if is_bytes else "3"), spec, "level", 0, 22)
    return [{"name": "zstd", "configuration": {"level": level, "checksum": False}}]


def _blosc(parsed: ParsedCodec, chunk: ChunkShape, spec: str) -> list[Mapping[str, Any]]:
    given = _arguments(parsed, spec, "level", "shuffle")
    shuffle = given.get("shuffle", "shuffle")
    if shuffle not in _SHUFFLES:
        raise CodecError(f"codec {spec!r}: shuffle must be one of {', '.join(_SHUFFLES)}, got {shuffle!r}")
    configuration = {
        "cname": parsed.name,
        "clevel": _integer(given.get("level", _LEVELS[parsed.name]), spec, "level", 0, 9),
        "shuffle": shuffle,
        "typesize": chunk.dtype.itemsize,
        "blocksize": 0,
    }
    return [{"name": "blosc", "configuration": configuration}]


def _gzip(parsed: ParsedCodec, chunk: ChunkShape, spec: str) -> list[Mapping[str, Any]]:
    given = _arguments(parsed, spec, "level")
    return [
        {"name": "gzip", "configuration": {"level": _integer(given.get("level", "6"), spec, "level", 0, 9)}}
    ]


_LEVELS = {"zstd": "3", "lz4": "5", "lz4hc": "5", "blosclz": "5", "zlib": "5"}
_BUILDERS: Mapping[str, Callable[[ParsedCodec, ChunkShape, str], list[Mapping[str, Any]]]] = {
    "raw": _raw,
    "gzip": _gzip,
    **dict.fromkeys(_LEVELS, _blosc),
    "zstd": _zstd,
}

if sys.byteorder != "little":  # pragma: no cover - no such machine is supported by NumPy's wheels
    raise ImportError("the fast path of unienv-data writes the bytes of little-endian machines only")
