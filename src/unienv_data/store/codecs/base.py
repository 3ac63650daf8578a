"""What the store asks of a codec: rows to bytes and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ChunkCodec", "ChunkShape"]


@dataclass(frozen=True)
class ChunkShape:
    """What one inner chunk holds.

    Attributes:
        rows: number of rows.
        dtype: data type of an entry.
        shape: shape of an entry; a chunk is (rows, *shape).
    """

    rows: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def full(self) -> tuple[int, ...]:
        """The shape of a chunk, (rows, *shape)."""
        return (self.rows, *self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of a decoded chunk."""
        return int(np.prod(self.full, dtype=np.int64)) * self.dtype.itemsize


class ChunkCodec(ABC):
    """Encodes and decodes the inner chunks of one array. Safe to use from several threads.

    Attributes:
        chunk: what a chunk holds.
        cheap: decoding costs about as much as handing it to another thread.
        works_together: `decode_together` decodes several chunks faster than `decode` one after another.
    """

    chunk: ChunkShape
    cheap: bool = False
    works_together: bool = False

    @abstractmethod
    def encode(self, rows: NDArray[Any]) -> bytes:
        """The bytes of one chunk.

        Args:
            rows: (rows, *shape), contiguous, of the array's dtype.
        """

    @abstractmethod
    def decode(self, data: bytes | memoryview, out: NDArray[np.uint8]) -> None:
        """Decode one chunk into `out`.

        Args:
            data: what `encode` gave, read-only.
            out: (nbytes,), contiguous: the bytes of (rows, *shape) of the array's dtype.

        Raises:
            ValueError: the bytes are damaged, or decode to something else than such a chunk.
        """

    def decode_together(self, chunks: Sequence[bytes | memoryview]) -> Sequence[NDArray[np.uint8]]:
        """Decode several chunks, at least one.

        Args:
            chunks: what `encode` gave, each read-only.

        Returns:
            The bytes of each, (nbytes,), read-only.

        Raises:
            ValueError: as `decode`, of any of them.
        """
        decoded = [np.empty(self.chunk.nbytes, dtype=np.uint8) for _ in chunks]
        for data, out in zip(chunks, decoded, strict=True):
            self.decode(data, out)
        return decoded
