"""What people write for a codec, such as `zstd:5`, as the inner codec chain of a Zarr array."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unienv_data.errors import CodecError
from unienv_data.store.codecs.arguments import ParsedCodec, SpecBuilder, integer, named, split_spec
from unienv_data.store.codecs.base import ChunkShape
from unienv_data.store.codecs.images import IMAGE_CODECS, IMAGE_SPECS
from unienv_data.store.codecs.video import NAME as VIDEO
from unienv_data.store.codecs.video import VideoSettings
from unienv_data.store.codecs.video.specs import CHUNK_ROWS, VIDEO_SPECS

__all__ = [
    "CodecSpec",
    "chain_of",
    "chunk_rows_of",
    "is_lossless",
    "known_codecs",
    "packing_of",
    "parse_codec",
]

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


def parse_codec(text: str) -> ParsedCodec:
    """Split `name:argument:...:option=value`.

    Raises:
        CodecError: there is no such codec, or it does not take these arguments.
    """
    parsed = split_spec(text)
    if parsed.name not in _BUILDERS:
        raise CodecError(
            f"unknown codec {parsed.name!r} in {text!r}; known are {', '.join(sorted(_BUILDERS))}"
        )
    return parsed


def known_codecs() -> tuple[str, ...]:
    """The names that specifications may begin with, in alphabetical order."""
    return tuple(sorted(_BUILDERS))


def chain_of(spec: CodecSpec, chunk: ChunkShape) -> tuple[Mapping[str, Any], ...]:
    """The inner codec chain that `spec` asks for, as in Zarr's metadata.

    Raises:
        CodecError: the specification cannot be understood.
    """
    if not isinstance(spec, str):
        return tuple(_with_byte_order(codec, chunk) for codec in _checked(spec))
    parsed = parse_codec(spec)
    return (*_BUILDERS[parsed.name].build(parsed, chunk), _CRC32C)


def chunk_rows_of(spec: CodecSpec) -> int | None:
    """Rows in a chunk that the codec itself asks for, such as one where a chunk is a picture.

    Raises:
        CodecError: there is no such codec.
    """
    if isinstance(spec, str):
        return _BUILDERS[parse_codec(spec).name].chunk_rows
    names = [codec["name"] for codec in _checked(spec)]
    if VIDEO in names:
        return CHUNK_ROWS
    return 1 if any(name in IMAGE_CODECS for name in names) else None


def packing_of(spec: CodecSpec) -> int:
    """How many times smaller than others the codec makes frames, in round numbers.

    Raises:
        CodecError: there is no such codec.
    """
    if isinstance(spec, str):
        return _BUILDERS[parse_codec(spec).name].packing
    names = [codec["name"] for codec in _checked(spec)]
    if VIDEO in names:
        return VIDEO_SPECS["video"].packing
    return max(
        (IMAGE_SPECS[IMAGE_CODECS[name].name].packing for name in names if name in IMAGE_CODECS), default=1
    )


def is_lossless(chain: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what the chain decodes is what was encoded, as far as is known of its codecs."""
    return all(_is_lossless(str(codec["name"]), codec.get("configuration") or {}) for codec in chain)


def _is_lossless(name: str, configuration: Mapping[str, Any]) -> bool:
    if name == VIDEO:
        return VideoSettings.from_configuration(configuration).is_lossless
    if name in IMAGE_CODECS:
        return IMAGE_CODECS[name].is_lossless(configuration)
    return name.removeprefix("numcodecs.") in _LOSSLESS


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


def _after_bytes(compress: Callable[[ParsedCodec, ChunkShape], Sequence[Mapping[str, Any]]]) -> SpecBuilder:
    """A compressor of bytes, behind what makes bytes of numbers."""

    def build(parsed: ParsedCodec, chunk: ChunkShape) -> list[Mapping[str, Any]]:
        to_bytes: dict[str, Any] = {"name": "bytes"}
        if chunk.dtype.itemsize > 1:
            to_bytes["configuration"] = {"endian": "little"}
        return [to_bytes, *compress(parsed, chunk)]

    return SpecBuilder(build)


def _raw(parsed: ParsedCodec, chunk: ChunkShape) -> list[Mapping[str, Any]]:
    named(parsed)
    return []


def _zstd(parsed: ParsedCodec, chunk: ChunkShape) -> list[Mapping[str, Any]]:
    """Zstandard by itself where nothing is shuffled, which is decoded faster; Blosc around it elsewhere."""
    given = named(parsed, "level", "shuffle")
    # Single bytes, which pixels are, have no bytes to shuffle; docs/performance.md says why not their bits.
    is_bytes = chunk.dtype.itemsize == 1 and chunk.dtype.kind in "ui"
    if given.get("shuffle", "noshuffle" if is_bytes else "shuffle") != "noshuffle":
        return _blosc(parsed, chunk)
    level = integer(parsed, "level", given.get("level", "1" if is_bytes else "3"), 0, 22)
    return [{"name": "zstd", "configuration": {"level": level, "checksum": False}}]


def _blosc(parsed: ParsedCodec, chunk: ChunkShape) -> list[Mapping[str, Any]]:
    given = named(parsed, "level", "shuffle")
    shuffle = given.get("shuffle", "shuffle")
    if shuffle not in _SHUFFLES:
        raise CodecError(
            f"codec {parsed.text!r}: shuffle must be one of {', '.join(_SHUFFLES)}, got {shuffle!r}"
        )
    configuration = {
        "cname": parsed.name,
        "clevel": integer(parsed, "level", given.get("level", _LEVELS[parsed.name]), 0, 9),
        "shuffle": shuffle,
        "typesize": chunk.dtype.itemsize,
        "blocksize": 0,
    }
    return [{"name": "blosc", "configuration": configuration}]


def _gzip(parsed: ParsedCodec, chunk: ChunkShape) -> list[Mapping[str, Any]]:
    given = named(parsed, "level")
    level = integer(parsed, "level", given.get("level", "6"), 0, 9)
    return [{"name": "gzip", "configuration": {"level": level}}]


_LEVELS = {"zstd": "3", "lz4": "5", "lz4hc": "5", "blosclz": "5", "zlib": "5"}
_BUILDERS: Mapping[str, SpecBuilder] = {
    **{
        "raw": _after_bytes(_raw),
        "gzip": _after_bytes(_gzip),
        **dict.fromkeys(_LEVELS, _after_bytes(_blosc)),
        "zstd": _after_bytes(_zstd),
    },
    **IMAGE_SPECS,
    **VIDEO_SPECS,
}

if sys.byteorder != "little":  # pragma: no cover - no such machine is supported by NumPy's wheels
    raise ImportError("the fast path of unienv-data writes the bytes of little-endian machines only")
