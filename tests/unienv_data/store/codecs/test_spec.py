"""What people write for a codec, and what they are told where it cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.errors import CodecError
from unienv_data.store.codecs import ChunkShape, chain_of, is_lossless, make_codec, parse_codec, try_codec

PIXELS = ChunkShape(1, np.dtype(np.uint8), (8, 8, 3))
NUMBERS = ChunkShape(4, np.dtype(np.float32), (5,))
FLAGS = ChunkShape(4, np.dtype(np.bool_), ())
LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}
CRC = {"name": "crc32c"}


def blosc(cname: str, clevel: int, shuffle: str, typesize: int) -> dict[str, Any]:
    configuration = {
        "cname": cname,
        "clevel": clevel,
        "shuffle": shuffle,
        "typesize": typesize,
        "blocksize": 0,
    }
    return {"name": "blosc", "configuration": configuration}


def zstd(level: int) -> dict[str, Any]:
    return {"name": "zstd", "configuration": {"level": level, "checksum": False}}


UNDERSTOOD: list[tuple[str, ChunkShape, list[dict[str, Any]]]] = [
    ("zstd", PIXELS, [zstd(1)]),
    ("zstd", NUMBERS, [blosc("zstd", 3, "shuffle", 4)]),
    ("zstd", FLAGS, [blosc("zstd", 3, "shuffle", 1)]),
    ("zstd:0", NUMBERS, [blosc("zstd", 0, "shuffle", 4)]),
    ("zstd:9:noshuffle", NUMBERS, [zstd(9)]),
    ("zstd:22", PIXELS, [zstd(22)]),
    ("zstd:1:bitshuffle", PIXELS, [blosc("zstd", 1, "bitshuffle", 1)]),
    ("zstd:shuffle=bitshuffle", NUMBERS, [blosc("zstd", 3, "bitshuffle", 4)]),
    (" zstd : level=5 : shuffle=noshuffle ", PIXELS, [zstd(5)]),
    ("lz4", PIXELS, [blosc("lz4", 5, "shuffle", 1)]),
    ("lz4hc:7", NUMBERS, [blosc("lz4hc", 7, "shuffle", 4)]),
    ("blosclz", NUMBERS, [blosc("blosclz", 5, "shuffle", 4)]),
    ("zlib:1", NUMBERS, [blosc("zlib", 1, "shuffle", 4)]),
    ("gzip", NUMBERS, [{"name": "gzip", "configuration": {"level": 6}}]),
    ("gzip:0", NUMBERS, [{"name": "gzip", "configuration": {"level": 0}}]),
    ("gzip:level=9", NUMBERS, [{"name": "gzip", "configuration": {"level": 9}}]),
    ("raw", NUMBERS, []),
]


@pytest.mark.parametrize(
    ("spec", "chunk", "expected"), UNDERSTOOD, ids=[item[0].strip() for item in UNDERSTOOD]
)
def test_understood(spec: str, chunk: ChunkShape, expected: list[dict[str, Any]]) -> None:
    to_bytes = LITTLE if chunk.dtype.itemsize > 1 else {"name": "bytes"}
    chain = chain_of(spec, chunk)
    assert list(chain) == [to_bytes, *expected, CRC]
    assert is_lossless(chain)
    try_codec(chain, chunk)


REFUSED = [
    ("", "unknown codec ''"),
    ("zst", "known are .*gzip.*zstd"),
    ("ZSTD", "unknown codec"),
    ("zstd:10", "level must be from 0 to 9, got '10'"),
    ("zstd:23:noshuffle", "level must be from 0 to 22, got '23'"),
    ("zstd:-1", "level must be from 0 to 9"),
    ("zstd:", "level must be from 0 to 9, got ''"),
    ("zstd:five", "got 'five'"),
    ("zstd:²", "level must be"),
    ("zstd:--5", "level must be"),
    ("zstd:3:shuffled", "shuffle must be one of noshuffle, shuffle, bitshuffle, got 'shuffled'"),
    ("zstd:3:shuffle:more", "zstd takes level:shuffle"),
    ("zstd:3:level=4", "zstd takes level:shuffle"),
    ("zstd:quality=4", "zstd takes level:shuffle"),
    ("gzip:10", "level must be from 0 to 9"),
    ("gzip:5:shuffle", "gzip takes level"),
    ("raw:1", "raw takes no arguments"),
]


@pytest.mark.parametrize(("spec", "message"), REFUSED)
def test_refused(spec: str, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        chain_of(spec, NUMBERS)


@given(st.text(max_size=20))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        chain = chain_of(text, NUMBERS)
    except CodecError:
        return
    make_codec(chain, NUMBERS)


@given(
    st.sampled_from(["zstd", "lz4", "gzip", "raw"]),
    st.lists(st.text("0123456789=:levshuf-", max_size=9), max_size=3),
)
def test_any_arguments_are_understood_or_refused(name: str, arguments: list[str]) -> None:
    try:
        chain = chain_of(":".join([name, *arguments]), NUMBERS)
    except CodecError:
        return
    try_codec(chain, NUMBERS)


def test_parsed() -> None:
    parsed = parse_codec("zstd:3:shuffle=noshuffle")
    assert (parsed.name, parsed.arguments, dict(parsed.options)) == ("zstd", ("3",), {"shuffle": "noshuffle"})


def test_a_chain_is_taken_as_it_is_but_for_the_byte_order() -> None:
    gzip = {"name": "gzip", "configuration": {"level": 1}}
    assert list(chain_of([{"name": "bytes"}, gzip], NUMBERS)) == [LITTLE, gzip]
    assert list(chain_of([{"name": "bytes"}, gzip], PIXELS)) == [{"name": "bytes"}, gzip]
    big = {"name": "bytes", "configuration": {"endian": "big"}}
    assert list(chain_of((big, CRC), NUMBERS)) == [big, CRC]


BAD_CHAINS: list[Any] = [
    [],
    {},
    {"name": "bytes"},
    [{}],
    ["zstd"],
    [b"bytes"],
    [{"name": 5}],
    [{"name": "nonsense"}],
    [LITTLE, {"name": "nonsense"}],
    [{"name": "bytes", "configuration": {"endian": "middle"}}],
    [{"name": "gzip", "configuration": {"level": 5}}, LITTLE],
    [LITTLE, LITTLE],
    [LITTLE, {"name": "gzip", "configuration": {"level": 70}}],
    [LITTLE, {"name": "gzip", "configuration": {"level": 5, "speed": 1}}],
    [LITTLE, {"name": "gzip", "configuration": 5}],
    [LITTLE, {"name": "gzip", "level": 5}],
    [LITTLE, blosc("nonsense", 3, "shuffle", 4)],
    [LITTLE, blosc("zstd", 77, "shuffle", 4)],
    [LITTLE, blosc("zstd", 3, "nonsense", 4)],
    [LITTLE, blosc("zstd", 3, "shuffle", 0)],
    [LITTLE, blosc("zstd", 3, ["shuffle"], 4)],  # type: ignore[arg-type]
    [{"name": "transpose", "configuration": {"order": [1, 1]}}, LITTLE],
]


@pytest.mark.parametrize("chain", BAD_CHAINS, ids=str)
def test_chains_that_cannot_be_are_refused_before_anything_is_written(chain: Any) -> None:
    with pytest.raises(CodecError):
        try_codec(chain_of(chain, NUMBERS), NUMBERS)


LOSSY = [
    [{"name": "numcodecs.quantize", "configuration": {"digits": 2, "dtype": "<f4"}}, LITTLE],
    [{"name": "somebody.jpeg"}],
]


@pytest.mark.parametrize("chain", LOSSY)
def test_what_is_not_known_to_be_lossless_is_not_said_to_be(chain: list[dict[str, Any]]) -> None:
    assert not is_lossless(chain_of(chain, NUMBERS))
