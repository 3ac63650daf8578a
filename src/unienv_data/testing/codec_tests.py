"""What holds for every codec of inner chunks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from unienv_data.store.codecs import ChunkCodec, ChunkShape
from unienv_data.testing.checking import check

__all__ = ["CodecTests"]

DTYPES = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
FLOATS = ("float16", "float32", "float64")


class CodecTests:
    """Subclass, and say how the codec is made for a chunk.

    Attributes:
        chunks: shapes of chunks that it takes, as (rows, dtype, shape of a row).
        lossless: whether what is decoded is what was encoded.
        checked: whether any change of the bytes is noticed.
    """

    chunks: ClassVar[Sequence[tuple[int, str, tuple[int, ...]]]] = (
        *((4, dtype, (3,)) for dtype in (*DTYPES, *FLOATS)),
        (1, "uint8", ()),
        (1, "uint8", (16, 16, 3)),
        (256, "float32", (25,)),
        (7, "float64", (2, 1, 3)),
    )
    lossless: ClassVar[bool] = True
    checked: ClassVar[bool] = True

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Spread the tests over chunks."""
        if "chunk" in metafunc.fixturenames:
            chunks = [ChunkShape(rows, np.dtype(dtype), shape) for rows, dtype, shape in cls.chunks]
            metafunc.parametrize("chunk", chunks, ids=lambda chunk: f"{chunk.full}-{chunk.dtype}")

    @abstractmethod
    def make_codec(self, chunk: ChunkShape) -> ChunkCodec:
        """The codec for chunks of this shape."""

    def contents(self, chunk: ChunkShape) -> list[NDArray[Any]]:
        """Chunks to encode: zeros, every bit set, ramps, noise."""
        rng = np.random.default_rng(0)
        raw: list[NDArray[Any]] = [np.zeros(chunk.nbytes, np.uint8), np.full(chunk.nbytes, 255, np.uint8)]
        raw += [np.arange(chunk.nbytes).astype(np.uint8), rng.integers(0, 256, chunk.nbytes, dtype=np.uint8)]
        if chunk.dtype == np.bool_:
            raw = [data & 1 for data in raw]
        return [data.view(chunk.dtype).reshape(chunk.full) for data in raw]

    def decoded(self, codec: ChunkCodec, data: Any) -> NDArray[Any]:
        """What `data` decodes to, into memory that held something else."""
        out = np.full(codec.chunk.nbytes, 0x5A, dtype=np.uint8)
        codec.decode(data, out)
        return out

    def test_chunks_come_back(self, chunk: ChunkShape) -> None:
        """As they were, or nearly so, whatever they hold; what is encoded is left alone."""
        codec = self.make_codec(chunk)
        for rows in self.contents(chunk):
            before = rows.tobytes()
            rows.flags.writeable = False
            data = codec.encode(rows)
            check(isinstance(data, bytes), "encoded", type(data), bytes)
            check(rows.tobytes() == before, "the rows", rows, before)
            found = self.decoded(codec, data)
            check(len(found) == chunk.nbytes, "bytes", len(found), chunk.nbytes)
            if self.lossless:
                check(found.tobytes() == before, "decoded", found, rows)
            again = self.decoded(codec, memoryview(data))
            check(again.tobytes() == found.tobytes(), "decoded from a view", again, found)

    def test_encoding_is_a_function_of_the_rows(self, chunk: ChunkShape) -> None:
        """Of nothing that went before."""
        codec, other = self.make_codec(chunk), self.make_codec(chunk)
        first, *rest = self.contents(chunk)
        data = codec.encode(first)
        for rows in rest:
            other.encode(rows)
        check(other.encode(first) == data, "encoded", other.encode(first), data)

    def test_damage(self, chunk: ChunkShape) -> None:
        """Is a ValueError, or, where nothing is checked, at least no crash and no byte beyond the chunk."""
        codec = self.make_codec(chunk)
        data = codec.encode(self.contents(chunk)[-1])
        cut = [b"", data[:1], data[: len(data) // 2], data[:-1], data + b"\0", data * 2, bytes(len(data))]
        flipped = [_flipped(data, place) for place in range(0, len(data), max(len(data) // 16, 1))]
        around = np.full(chunk.nbytes + 64, 0x5A, dtype=np.uint8)
        for damaged in cut + flipped:
            around[:] = 0x5A
            try:
                codec.decode(damaged, around[32:-32])
            except ValueError:
                continue
            finally:
                outside = np.concatenate([around[:32], around[-32:]])
                check(bool((outside == 0x5A).all()), "bytes beyond the chunk", outside, "unchanged")
            check(not self.checked or damaged == data, "damage", "decoded", "a ValueError")


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]
