"""The codec chains that are decoded here, straight into the output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.store.codecs.base import ChunkCodec, ChunkShape, Encoded
from unienv_data.store.codecs.checked import verified, with_checksum
from unienv_data.store.codecs.compressors import CNAMES, SHUFFLES, Blosc, Compressor, Gzip, Raw, Zstd

__all__ = ["NativeCodec", "native_codec"]


class NativeCodec(ChunkCodec):
    """`bytes`, then perhaps a compressor, then perhaps `crc32c`.

    Args:
        chunk: what a chunk holds.
        compressor: what stands between.
        checked: whether a crc32c follows.
    """

    def __init__(self, chunk: ChunkShape, compressor: Compressor, checked: bool) -> None:
        self.chunk = chunk
        self.thread_bytes = compressor.thread_bytes
        self._compressor = compressor
        self._checked = checked
        self._verified: Callable[[Encoded], int] = verified if checked else len

    def encode(self, rows: NDArray[Any]) -> bytes:
        packed = self._compressor.compress(rows.reshape(-1).view(np.uint8))
        return with_checksum(packed) if self._checked else packed

    def encode_each(self, chunks: NDArray[Any]) -> list[bytes]:
        each = self._compressor.compress_each(chunks.reshape(len(chunks), -1).view(np.uint8))
        return [with_checksum(packed) for packed in each] if self._checked else each

    def check_encoded(self, data: bytes) -> None:
        size = self._compressor.declared_size(memoryview(data)[: self._verified(data)])
        if size not in (None, self.chunk.nbytes):
            raise ValueError(f"{size} bytes, expected {self.chunk.nbytes}")

    def decode(self, data: bytes | memoryview, out: NDArray[np.uint8]) -> None:
        self._compressor.decompress(data, self._verified(data), out)

    def decode_each(self, chunks: Sequence[Encoded], out: NDArray[np.uint8], starts: Sequence[int]) -> None:
        size, verified, decompress = self.chunk.nbytes, self._verified, self._compressor.decompress
        for data, start in zip(chunks, starts, strict=True):
            decompress(data, verified(data), out[start : start + size])


def native_codec(codecs: Sequence[Mapping[str, Any]], chunk: ChunkShape) -> NativeCodec | None:
    """The codec of a chain, or None where the chain is not one of those decoded here."""
    chain = [(codec["name"], dict(codec.get("configuration") or {})) for codec in codecs]
    checked = bool(chain) and chain[-1] == ("crc32c", {})
    if checked:
        chain.pop()
    to_bytes = [("bytes", {"endian": "little"})] + [("bytes", {})] * (chunk.dtype.itemsize == 1)
    if not chain or chain[0] not in to_bytes or len(chain) > 2:
        return None
    if len(chain) == 1:
        return NativeCodec(chunk, Raw(), checked)
    name, configuration = chain[1]
    if name == "blosc" and _is_blosc(configuration, chunk):
        return NativeCodec(chunk, Blosc(**configuration), checked)
    if name == "gzip" and configuration.keys() == {"level"} and configuration["level"] in range(10):
        return NativeCodec(chunk, Gzip(**configuration), checked)
    if name == "zstd" and checked and _is_zstd(configuration):  # what follows a frame is not looked at
        return NativeCodec(chunk, Zstd(configuration["level"], configuration.get("checksum", False)), checked)
    return None


def _is_zstd(configuration: Mapping[str, Any]) -> bool:
    level, checksum = configuration.get("level"), configuration.get("checksum", False)
    known = configuration.keys() <= {"level", "checksum"}
    return known and isinstance(level, int) and -131072 <= level <= 22 and isinstance(checksum, bool)


def _is_blosc(configuration: Mapping[str, Any], chunk: ChunkShape) -> bool:
    """Whether Blosc can be configured so; zarr-python says what is wrong where it cannot."""
    given = {"blocksize": 0, **configuration}
    typesize = given.get("typesize")
    return (
        given.keys() == {"cname", "clevel", "shuffle", "typesize", "blocksize"}
        and given["cname"] in CNAMES
        and given["clevel"] in range(10)
        and given["shuffle"] in list(SHUFFLES)
        and isinstance(typesize, int)
        and 0 < typesize < 256
        and chunk.nbytes % typesize == 0
        and isinstance(given["blocksize"], int)
        and 0 <= given["blocksize"] < 1 << 31
    )
