"""Every codec beside zarr-python: the same bytes mean the same rows, and damaged bytes mean none."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import MemoryStore

from unienv_data.store.codecs import ChunkShape, chain_of, make_codec
from unienv_data.store.codecs.checked import with_checksum
from unienv_data.store.codecs.native import NativeCodec, native_codec
from unienv_data.store.codecs.standin import ZarrCodec

Chain = Sequence[Mapping[str, Any]]

SPECS = [
    "raw",
    "zstd",
    "zstd:1:bitshuffle",
    "zstd:9:noshuffle",
    "lz4",
    "lz4hc",
    "blosclz",
    "zlib",
    "gzip",
    "gzip:1",
]
DTYPES = ["bool", "uint8", "int16", "uint32", "int64", "float16", "float32", "float64"]
LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}
OTHERS: dict[str, Chain] = {
    "zstd of zarr": [LITTLE, {"name": "zstd", "configuration": {"level": 3, "checksum": False}}],
    "zstd with its checksum": [LITTLE, {"name": "zstd", "configuration": {"level": 0, "checksum": True}}],
    "big-endian": [{"name": "bytes", "configuration": {"endian": "big"}}, {"name": "crc32c"}],
    "transposed": [{"name": "transpose", "configuration": {"order": [2, 0, 1]}}, LITTLE, {"name": "crc32c"}],
    "two compressors": [
        LITTLE,
        {"name": "gzip", "configuration": {"level": 1}},
        {"name": "gzip", "configuration": {"level": 1}},
    ],
    "blosc that tells no size": [
        LITTLE,
        {
            "name": "blosc",
            "configuration": {"cname": "lz4", "clevel": 5, "shuffle": "shuffle", "blocksize": 0},
        },
    ],
    "delta": [{"name": "numcodecs.delta", "configuration": {"dtype": "<i4"}}, LITTLE, {"name": "crc32c"}],
}


def zarr_array(codecs: Chain, chunk: ChunkShape) -> tuple[Any, dict[str, Any]]:
    """A Zarr array of one chunk, written down here, and the objects that it is made of."""
    document = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(chunk.full),
        "data_type": chunk.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk.full)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": False if chunk.dtype.kind == "b" else 7,
        "codecs": [dict(codec) for codec in codecs],
        "attributes": {},
    }
    objects = {"zarr.json": default_buffer_prototype().buffer.from_bytes(json.dumps(document).encode())}
    array = zarr.open_array(MemoryStore(objects), mode="r+")
    return array, objects


def decoded_by_zarr(codecs: Chain, chunk: ChunkShape, data: bytes) -> NDArray[Any]:
    array, objects = zarr_array(codecs, chunk)
    objects[".".join(["c", *"0" * len(chunk.full)])] = default_buffer_prototype().buffer.from_bytes(data)
    return np.asarray(array[...])


def encoded_by_zarr(codecs: Chain, chunk: ChunkShape, rows: NDArray[Any]) -> bytes:
    array, objects = zarr_array(codecs, chunk)
    array[...] = rows
    data: bytes = objects[".".join(["c", *"0" * len(chunk.full)])].to_bytes()
    return data


def decode(codec: Any, data: bytes | memoryview) -> NDArray[Any]:
    out = np.full(codec.chunk.nbytes, 0xA5, dtype=np.uint8)
    codec.decode(data, out)
    return out.view(codec.chunk.dtype).reshape(codec.chunk.full)


def sample(chunk: ChunkShape, seed: int = 0) -> NDArray[Any]:
    """Rows that compress, but not to nothing."""
    random = np.random.default_rng(seed)
    if chunk.dtype.kind == "b":
        return random.random(chunk.full) < 0.3
    return np.cumsum(random.integers(0, 3, chunk.full), axis=0).astype(chunk.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spec", SPECS)
def test_both_ways_with_zarr(spec: str, dtype: str) -> None:
    for rows, shape in ((1, (6, 5, 3)), (16, ()), (4, (3,))):
        chunk = ChunkShape(rows, np.dtype(dtype), shape)
        chain = chain_of(spec, chunk)
        codec = native_codec(chain, chunk)
        assert isinstance(codec, NativeCodec)
        content = sample(chunk)
        data = codec.encode(content)
        np.testing.assert_array_equal(decode(codec, data), content)
        np.testing.assert_array_equal(decode(codec, memoryview(b"xx" + data + b"y")[2:-1]), content)
        np.testing.assert_array_equal(decoded_by_zarr(chain, chunk, data), content)
        np.testing.assert_array_equal(decode(codec, encoded_by_zarr(chain, chunk, content)), content)


@pytest.mark.parametrize("dtype", DTYPES)
def test_zeros_of_every_kind_come_back(dtype: str) -> None:
    chunk = ChunkShape(2, np.dtype(dtype), (3,))
    to_bytes = LITTLE if chunk.dtype.itemsize > 1 else {"name": "bytes"}
    codec = make_codec([to_bytes, {"name": "zstd", "configuration": {"level": 1, "checksum": False}}], chunk)
    zeros = [np.zeros(chunk.full, dtype=dtype)]
    zeros += [-zeros[0]] if chunk.dtype.kind == "f" else []
    for content in zeros:
        assert decode(codec, codec.encode(content)).tobytes() == content.tobytes()


bits = arrays.arrays(
    np.dtype(np.float32), (4, 5), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)
)


@given(bits, st.sampled_from(SPECS))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_every_bit_of_a_float_comes_back(content: NDArray[np.float32], spec: str) -> None:
    chunk = ChunkShape(4, content.dtype, (5,))
    codec = make_codec(chain_of(spec, chunk), chunk)
    assert decode(codec, codec.encode(content)).tobytes() == content.tobytes()


@pytest.mark.parametrize("name", OTHERS)
def test_chains_that_the_fast_path_does_not_know(name: str) -> None:
    chunk = ChunkShape(4, np.dtype(np.int32), (5, 3))
    content = sample(chunk)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Numcodecs codecs are not in the Zarr version 3")
        codec = make_codec(OTHERS[name], chunk)
        assert isinstance(codec, ZarrCodec)
        data = codec.encode(content)
        np.testing.assert_array_equal(decode(codec, data), content)
        np.testing.assert_array_equal(decoded_by_zarr(OTHERS[name], chunk, data), content)
        np.testing.assert_array_equal(decode(codec, encoded_by_zarr(OTHERS[name], chunk, content)), content)
        for constant in (np.zeros_like(content), np.ones_like(content)):
            np.testing.assert_array_equal(decode(codec, codec.encode(constant)), constant)


@pytest.mark.parametrize("spec", SPECS)
def test_the_stand_in_and_the_fast_path_agree(spec: str) -> None:
    chunk = ChunkShape(8, np.dtype(np.uint16), (7,))
    chain = chain_of(spec, chunk)
    fast, slow = make_codec(chain, chunk), ZarrCodec(chain, chunk)
    content = sample(chunk)
    np.testing.assert_array_equal(decode(slow, fast.encode(content)), content)
    np.testing.assert_array_equal(decode(fast, slow.encode(content)), content)


# Damage


SMALL = ChunkShape(4, np.dtype("int16"), (3, 5))
FRAMES: Chain = [LITTLE, {"name": "zstd", "configuration": {"level": 1}}, {"name": "crc32c"}]


@pytest.mark.parametrize(
    "chain",
    [*(chain_of(spec, SMALL) for spec in SPECS), FRAMES, OTHERS["transposed"]],
    ids=[*SPECS, "zstd of frames", "transposed"],
)
@pytest.mark.parametrize("count", [1, 2, 9])
def test_several_chunks_at_once_are_the_same_bytes(chain: Chain, count: int) -> None:
    rows = np.stack([sample(SMALL, seed) for seed in range(count)])
    codec = make_codec(chain, SMALL)
    assert codec.encode_each(rows) == [codec.encode(each) for each in rows]


def codecs_to_damage() -> list[tuple[str, Chain]]:
    chunk = ChunkShape(4, np.dtype(np.int32), (5, 3))
    return [(spec, chain_of(spec, chunk)) for spec in SPECS] + [
        (name, OTHERS[name]) for name in ("zstd with its checksum", "big-endian", "transposed")
    ]


@pytest.mark.parametrize(("name", "chain"), codecs_to_damage(), ids=[name for name, _ in codecs_to_damage()])
def test_damaged_chunks_are_value_errors(name: str, chain: Chain) -> None:
    chunk = ChunkShape(4, np.dtype(np.int32), (5, 3))
    codec = make_codec(chain, chunk)
    data = codec.encode(sample(chunk))
    step = 1 if isinstance(codec, NativeCodec) else 7
    damaged = [data[:length] for length in range(0, len(data), step)]
    damaged += [data + b"\0", data + data, b"\0" * len(data), b"\xff" * len(data)]
    for bit in range(0, 8 * len(data), step):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(flipped))
    for wrong in damaged:
        with pytest.raises(ValueError, match=r"."):
            decode(codec, wrong)


@given(data=st.binary(max_size=200), spec=st.sampled_from(SPECS))
def test_random_bytes_are_value_errors(data: bytes, spec: str) -> None:
    chunk = ChunkShape(2, np.dtype(np.int16), (3,))
    with pytest.raises(ValueError, match=r"."):
        decode(make_codec(chain_of(spec, chunk), chunk), data)


@pytest.mark.parametrize("spec", SPECS[1:])
def test_without_a_checksum_a_chunk_of_another_size_is_a_value_error(spec: str) -> None:
    chunk, smaller, larger = (ChunkShape(rows, np.dtype(np.int32), (5,)) for rows in (4, 3, 5))
    chain = chain_of(spec, chunk)[:-1]
    codec = make_codec(chain, chunk)
    for other in (smaller, larger):
        with pytest.raises(ValueError, match=r"."):
            decode(codec, make_codec(chain, other).encode(sample(other)))
    data = codec.encode(sample(chunk))
    for length in range(len(data)):
        with pytest.raises(ValueError, match=r"."):
            decode(codec, data[:length])


_LYING_HEADERS = """
import struct, sys
import numpy as np
from unienv_data.store.codecs import ChunkShape, chain_of, make_codec
chunk = ChunkShape(64, np.dtype(np.int32), (5,))
random = np.random.default_rng(0)
content = random.integers(0, 4, chunk.full).astype(np.int32)
told = 0
for spec in ("zstd", "lz4:5:bitshuffle", "blosclz", "zlib", "lz4hc:5:noshuffle"):
    codec = make_codec(chain_of(spec, chunk)[:-1], chunk)
    data = codec.encode(content)
    lies = []
    for position in range(16):
        for value in (0, 1, 2, 4, 7, 16, 64, 127, 128, 255):
            lies.append(data[:position] + bytes([value]) + data[position + 1 :])
    for field in (4, 8, 12):
        for value in (0, 1, 15, 16, 17, len(data) - 1, len(data) + 1, 1279, 1281, 2**16, 2**31, 2**32 - 1):
            lies.append(data[:field] + struct.pack("<I", value) + data[field + 4 :])
    for lie in lies:
        # With what stands around it, as in a shard, there would be something to read past the end.
        for view in (lie, memoryview(bytes(64) + lie + bytes(64))[64:-64]):
            out = np.full(chunk.nbytes + 128, 0xA5, dtype=np.uint8)
            try:
                codec.decode(view, out[64:-64])
            except ValueError:
                told += 1
            assert (out[:64] == 0xA5).all() and (out[-64:] == 0xA5).all(), "wrote beside its output"
print(told)
"""


def test_blosc_headers_that_lie_are_value_errors_and_no_crash() -> None:
    done = subprocess.run([sys.executable, "-c", _LYING_HEADERS], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-1000:]
    assert int(done.stdout) > 500


def test_many_threads_share_a_codec() -> None:
    chunk = ChunkShape(4, np.dtype(np.int32), (5, 3))
    codecs = [make_codec(chain_of("zstd", chunk), chunk), make_codec(OTHERS["zstd of zarr"], chunk)]

    def check(seed: int) -> bool:
        content = sample(chunk, seed)
        codec = codecs[seed % 2]
        return bool((decode(codec, codec.encode(content)) == content).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(check, range(60)))


@pytest.mark.parametrize("spec", SPECS)
def test_what_may_stand_as_a_chunk_is_told_without_decoding(spec: str) -> None:
    chunk, other = (ChunkShape(rows, np.dtype(np.int32), (5, 3)) for rows in (4, 5))
    codec = make_codec(chain_of(spec, chunk), chunk)
    codec.check_encoded(codec.encode(sample(chunk)))
    wrong = [b"", b"abcd", with_checksum(b"noise"), codec.encode(sample(chunk))[:-1]]
    if "gzip" not in spec:  # which says its size at the end only
        wrong.append(make_codec(chain_of(spec, other), other).encode(sample(other)))
    else:
        wrong.remove(with_checksum(b"noise"))
    for data in wrong:
        with pytest.raises(ValueError, match=r"."):
            codec.check_encoded(data)
