"""The codec chains that are decoded here, straight into the output."""

from __future__ import annotations

import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numcodecs import blosc
from numpy.typing import NDArray

from unienv_data.checksum import crc32c
from unienv_data.store.codecs.base import ChunkCodec, ChunkShape

__all__ = ["NativeCodec", "native_codec"]

_BLOSC_SIZES = struct.Struct("<III")  # decoded, block, encoded
_CNAMES = ("blosclz", "lz4", "lz4hc", "zlib", "zstd")
_SHUFFLE = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}


class _Compressor(ABC):
    """Flat bytes to fewer bytes."""

    cheap = False

    @abstractmethod
    def compress(self, data: NDArray[np.uint8]) -> bytes:
        """The compressed form of `data`, (nbytes,)."""

    @abstractmethod
    def decompress(self, data: bytes | memoryview, length: int, out: NDArray[np.uint8]) -> None:
        """Fill `out`, (nbytes,), from the first `length` bytes of `data`.

        ValueError where they are damaged, or hold another number of bytes.
        """


class _Raw(_Compressor):
    cheap = True

    def compress(self, data: NDArray[np.uint8]) -> bytes:
        return data.tobytes()

    def decompress(self, data: bytes | memoryview, length: int, out: NDArray[np.uint8]) -> None:
        if length != len(out):
            raise ValueError(f"{length} bytes, expected {len(out)}")
        out[:] = np.frombuffer(data, dtype=np.uint8, count=length)


class _Blosc(_Compressor):
    def __init__(self, cname: str, clevel: int, shuffle: str, typesize: int, blocksize: int = 0) -> None:
        self._cname = cname.encode()
        self._level = clevel
        self._shuffle = _SHUFFLE[shuffle]
        # Blosc takes the size of an element from the buffer's format.
        self._element = np.dtype(f"V{typesize}") if typesize not in (1, 2, 4, 8) else np.dtype(f"u{typesize}")
        self._blocksize = blocksize

    def compress(self, data: NDArray[np.uint8]) -> bytes:
        elements = data.view(self._element)
        # That arrays are buffers is known to NumPy's types from Python 3.12 on only.
        packed: bytes = blosc.compress(
            cast(Any, elements), self._cname, self._level, self._shuffle, self._blocksize
        )
        return packed

    def decompress(self, data: bytes | memoryview, length: int, out: NDArray[np.uint8]) -> None:
        # The header states both sizes: a wrong one would leave part of `out` as it was.
        if length < 16:
            raise ValueError(f"{length} bytes are no blosc frame")
        decoded, _, encoded = _BLOSC_SIZES.unpack_from(data, 4)
        if decoded != len(out) or encoded != length:
            raise ValueError(
                f"a blosc header of {encoded} bytes for {decoded}, expected {length} for {len(out)}"
            )
        try:
            blosc.decompress(data, out)
        except RuntimeError as exc:
            raise ValueError(str(exc)) from exc


class _Gzip(_Compressor):
    def __init__(self, level: int) -> None:
        self._level = level

    def compress(self, data: NDArray[np.uint8]) -> bytes:
        packer = zlib.compressobj(self._level, wbits=31)
        return packer.compress(cast(Any, data)) + packer.flush()

    def decompress(self, data: bytes | memoryview, length: int, out: NDArray[np.uint8]) -> None:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            # One byte more than fits tells a longer stream without inflating all of it.
            raw = unpacker.decompress(memoryview(data)[:length], len(out) + 1)
        except zlib.error as exc:
            raise ValueError(str(exc)) from exc
        if len(raw) != len(out) or not unpacker.eof:
            raise ValueError(f"a gzip stream that does not hold {len(out)} bytes")
        out[:] = np.frombuffer(raw, dtype=np.uint8)


class NativeCodec(ChunkCodec):
    """`bytes`, then perhaps a compressor, then perhaps `crc32c`.

    Args:
        chunk: what a chunk holds.
        compressor: what stands between.
        checked: whether a crc32c follows.
    """

    def __init__(self, chunk: ChunkShape, compressor: _Compressor, checked: bool) -> None:
        self.chunk = chunk
        self.cheap = compressor.cheap or chunk.nbytes < _CHEAP_BYTES
        self._compressor = compressor
        self._checked = checked

    def encode(self, rows: NDArray[Any]) -> bytes:
        packed = self._compressor.compress(rows.reshape(-1).view(np.uint8))
        return packed + struct.pack("<I", crc32c(packed)) if self._checked else packed

    def decode(self, data: bytes | memoryview, out: NDArray[np.uint8]) -> None:
        length = len(data)
        if self._checked:
            # The checksum of anything followed by its own checksum is one constant. Only bytes and
            # read-only arrays can be checksummed.
            whole = data if isinstance(data, bytes) else np.frombuffer(data, np.uint8)
            if crc32c(whole) != _RESIDUE:
                raise ValueError("checksum does not match")
            length -= 4
        self._compressor.decompress(data, length, out)


_CHEAP_BYTES = 4096


_RESIDUE = crc32c(bytes(4))


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
        return NativeCodec(chunk, _Raw(), checked)
    name, configuration = chain[1]
    if name == "blosc" and _is_blosc(configuration, chunk):
        return NativeCodec(chunk, _Blosc(**configuration), checked)
    if name == "gzip" and configuration.keys() == {"level"} and configuration["level"] in range(10):
        return NativeCodec(chunk, _Gzip(**configuration), checked)
    return None


def _is_blosc(configuration: Mapping[str, Any], chunk: ChunkShape) -> bool:
    """Whether Blosc can be configured so; zarr-python says what is wrong where it cannot."""
    given = {"blocksize": 0, **configuration}
    typesize = given.get("typesize")
    return (
        given.keys() == {"cname", "clevel", "shuffle", "typesize", "blocksize"}
        and given["cname"] in _CNAMES
        and given["clevel"] in range(10)
        and given["shuffle"] in list(_SHUFFLE)
        and isinstance(typesize, int)
        and 0 < typesize < 256
        and chunk.nbytes % typesize == 0
        and isinstance(given["blocksize"], int)
        and 0 <= given["blocksize"] < 1 << 31
    )
