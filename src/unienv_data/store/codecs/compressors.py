"""Compressors of bytes that are called here directly."""

from __future__ import annotations

import struct
import threading
import zlib
from abc import ABC, abstractmethod
from typing import Any, cast

import numpy as np
import zstandard
from numcodecs import blosc
from numpy.typing import NDArray

from unienv_data.store.codecs.base import Encoded

__all__ = ["CNAMES", "SHUFFLES", "Blosc", "Compressor", "Gzip", "Raw", "Zstd"]

# As zarr-python does too: otherwise calls of the main thread take turns, each with threads of its own.
blosc.use_threads = False

_BLOSC_HEADER = struct.Struct("<xxBxIxxxxI")  # flags, decoded bytes, encoded bytes
_IS_COPY = 2  # a flag
_COMPRESSES_MANY = "multi_compress_to_buffer" in zstandard.backend_features
CNAMES = ("blosclz", "lz4", "lz4hc", "zlib", "zstd")
SHUFFLES = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}


class Compressor(ABC):
    """Flat bytes to fewer bytes.

    Attributes:
        thread_bytes: what it is for a ChunkCodec.
    """

    thread_bytes: int = 1 << 20

    @abstractmethod
    def compress(self, data: NDArray[np.uint8]) -> bytes:
        """The compressed form of `data`, (nbytes,)."""

    def compress_each(self, rows: NDArray[np.uint8]) -> list[bytes]:
        """The compressed form of every row of `rows`, (n, nbytes)."""
        return [self.compress(row) for row in rows]

    @abstractmethod
    def decompress(self, data: Encoded, length: int, out: NDArray[np.uint8]) -> None:
        """Fill `out`, (nbytes,), from the first `length` bytes of `data`.

        ValueError where they are damaged, or hold another number of bytes.
        """

    def declared_size(self, data: memoryview) -> int | None:
        """How many bytes `data` says that it holds, or None where it does not say.

        ValueError where it is something else.
        """
        return None


class Raw(Compressor):
    """Bytes as they are."""

    thread_bytes = 8 << 20

    def compress(self, data: NDArray[np.uint8]) -> bytes:
        return data.tobytes()

    def declared_size(self, data: memoryview) -> int | None:
        return len(data)

    def decompress(self, data: Encoded, length: int, out: NDArray[np.uint8]) -> None:
        if length != len(out):
            raise ValueError(f"{length} bytes, expected {len(out)}")
        out[:] = np.frombuffer(data, dtype=np.uint8, count=length)


class Blosc(Compressor):
    """Blosc's container around one of its compressors, bytes or bits shuffled or not."""

    def __init__(self, cname: str, clevel: int, shuffle: str, typesize: int, blocksize: int = 0) -> None:
        self._cname = cname.encode()
        if cname in ("blosclz", "lz4", "lz4hc"):  # hardly slower than copying
            self.thread_bytes = Raw.thread_bytes
        self._level = clevel
        self._shuffle = SHUFFLES[shuffle]
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

    def declared_size(self, data: memoryview) -> int | None:
        if len(data) < _BLOSC_HEADER.size:
            raise ValueError(f"{len(data)} bytes are no blosc frame")
        return int(_BLOSC_HEADER.unpack_from(data)[1])

    def decompress(self, data: Encoded, length: int, out: NDArray[np.uint8]) -> None:
        # The header states both sizes: a wrong one would leave part of `out` as it was.
        if length < _BLOSC_HEADER.size:
            raise ValueError(f"{length} bytes are no blosc frame")
        flags, decoded, encoded = _BLOSC_HEADER.unpack_from(cast(Any, data))
        if decoded != len(out) or encoded != length:
            raise ValueError(
                f"a blosc header of {encoded} bytes for {decoded}, expected {length} for {len(out)}"
            )
        if flags & _IS_COPY:  # of what does not compress, as noise, a copy is faster than asking for one
            copy = data if isinstance(data, np.ndarray) else np.frombuffer(data, dtype=np.uint8)
            out[:] = copy[_BLOSC_HEADER.size : _BLOSC_HEADER.size + decoded]
            return
        try:
            blosc.decompress(data, out)
        except RuntimeError as exc:
            raise ValueError(str(exc)) from exc


class Gzip(Compressor):
    """A gzip stream."""

    def __init__(self, level: int) -> None:
        self._level = level

    def compress(self, data: NDArray[np.uint8]) -> bytes:
        packer = zlib.compressobj(self._level, wbits=31)
        return packer.compress(cast(Any, data)) + packer.flush()

    def decompress(self, data: Encoded, length: int, out: NDArray[np.uint8]) -> None:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            # One byte more than fits tells a longer stream without inflating all of it.
            raw = unpacker.decompress(memoryview(cast(Any, data))[:length], len(out) + 1)
        except zlib.error as exc:
            raise ValueError(str(exc)) from exc
        if len(raw) != len(out) or not unpacker.eof:
            raise ValueError(f"a gzip stream that does not hold {len(out)} bytes")
        out[:] = np.frombuffer(raw, dtype=np.uint8)


class Zstd(Compressor):
    """A Zstandard frame.

    Args:
        level: 1 to 22; 0 is Zstandard's default.
        checksum: whether frames hold one of their own.
    """

    def __init__(self, level: int, checksum: bool) -> None:
        self._level = level
        self._checksum = checksum

    def compress(self, data: NDArray[np.uint8]) -> bytes:
        packed: bytes = _contexts.compressor(self._level, self._checksum).compress(cast(Any, data))
        return packed

    def compress_each(self, rows: NDArray[np.uint8]) -> list[bytes]:
        if not _COMPRESSES_MANY or len(rows) < 2:
            return super().compress_each(rows)
        # One call for all of them: other threads need not wait for the interpreter in between.
        packer = _contexts.compressor(self._level, self._checksum)
        packed = packer.multi_compress_to_buffer(list(rows))
        return [packed[number].tobytes() for number in range(len(rows))]

    def declared_size(self, data: memoryview) -> int | None:
        try:
            size = int(zstandard.frame_content_size(data))
        except zstandard.ZstdError as exc:
            raise ValueError(str(exc)) from exc
        return None if size < 0 else size

    def decompress(self, data: Encoded, length: int, out: NDArray[np.uint8]) -> None:
        # Only a stream decompresses to where it is told to.
        stream = _contexts.decompressor.stream_reader(memoryview(cast(Any, data))[:length])
        try:
            count = stream.readinto(out)
            is_over = count == len(out) and not stream.read(1)
        except zstandard.ZstdError as exc:
            raise ValueError(str(exc)) from exc
        if not is_over:
            raise ValueError(f"a Zstandard frame that does not hold {len(out)} bytes")


class _Contexts(threading.local):
    """Zstandard's contexts, which serve one thread at a time."""

    def __init__(self) -> None:
        self.decompressor = zstandard.ZstdDecompressor()
        self._compressors: dict[tuple[int, bool], zstandard.ZstdCompressor] = {}

    def compressor(self, level: int, checksum: bool) -> zstandard.ZstdCompressor:
        found = self._compressors.get((level, checksum))
        if found is None:
            found = zstandard.ZstdCompressor(level=level, write_checksum=checksum)
            self._compressors[level, checksum] = found
        return found


_contexts = _Contexts()
