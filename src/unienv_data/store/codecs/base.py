"""What the store asks of a codec: rows to bytes and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["ChunkCodec", "ChunkShape", "Encoded", "PieceCodec", "Place"]

Encoded = bytes | memoryview | NDArray[np.uint8]
"""An encoded chunk, read-only; an array is a view of a mapped file."""

Place = slice | NDArray[np.int64]
"""Rows: consecutive ones, or each by its number."""

Piece = Any
"""Encoded rows, as a PieceCodec holds them in memory."""


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

    @cached_property
    def nbytes(self) -> int:
        """Bytes of a decoded chunk."""
        return int(np.prod(self.full, dtype=np.int64)) * self.dtype.itemsize


class ChunkCodec(ABC):
    """Encodes and decodes the inner chunks of one array. Safe to use from several threads.

    Attributes:
        chunk: what a chunk holds.
        thread_bytes: decoded bytes that are worth handing to another thread: about a millisecond of work.
        reads_rows: `decode_rows` decodes some rows faster than `decode` all.
    """

    chunk: ChunkShape
    thread_bytes: int = 1 << 20
    reads_rows: bool = False

    @abstractmethod
    def encode(self, rows: NDArray[Any]) -> bytes:
        """The bytes of one chunk.

        Args:
            rows: (rows, *shape), contiguous, of the array's dtype.
        """

    def encode_each(self, chunks: NDArray[Any]) -> list[bytes]:
        """The bytes of several chunks, as `encode` gives them.

        Args:
            chunks: (n, rows, *shape), contiguous, of the array's dtype.
        """
        return [self.encode(rows) for rows in chunks]

    @abstractmethod
    def decode(self, data: bytes | memoryview, out: NDArray[np.uint8]) -> None:
        """Decode one chunk into `out`.

        Args:
            data: what `encode` gave, read-only.
            out: (nbytes,), contiguous: the bytes of (rows, *shape) of the array's dtype.

        Raises:
            ValueError: the bytes are damaged, or decode to something else than such a chunk.
        """

    def decode_each(self, chunks: Sequence[Encoded], out: NDArray[np.uint8], starts: Sequence[int]) -> None:
        """Decode several chunks.

        Args:
            chunks: for each what `encode` gave, read-only.
            out: contiguous bytes.
            starts: for each chunk the first of its `chunk.nbytes` bytes of `out`.

        Raises:
            ValueError: as `decode`, some of them having been decoded.
        """
        size = self.chunk.nbytes
        for data, start in zip(chunks, starts, strict=True):
            self.decode(memoryview(cast(Any, data)), out[start : start + size])

    def check_encoded(self, data: bytes) -> None:
        """See that bytes may stand as a chunk; codecs that can tell without decoding them do.

        Raises:
            ValueError: they may not.
        """
        self.decode(data, np.empty(self.chunk.nbytes, dtype=np.uint8))

    def decode_rows(self, data: bytes | memoryview, source: Place, out: NDArray[Any], target: Place) -> None:
        """Decode some rows of a chunk.

        Args:
            data: what `encode` gave, read-only.
            source: rows of the chunk, in any order, with repetitions.
            out: (N, *shape) of the array's dtype.
            target: the rows of `out` that become these, as many.

        Raises:
            ValueError: as `decode`, or a row was never encoded.
        """
        rows = np.empty(self.chunk.nbytes, dtype=np.uint8)
        self.decode(data, rows)
        out[target] = rows.view(self.chunk.dtype).reshape(self.chunk.full)[source]


class PieceCodec(ChunkCodec):
    """A codec whose chunks are runs of rows, each encoded once, that are joined and cut without decoding.

    A part-filled chunk grows by further pieces. So what a row decodes to never changes, though it is not
    what was encoded where `is_lossless` is False.
    """

    thread_bytes = 1  # a row may need those before it
    reads_rows = True
    is_lossless: bool

    @abstractmethod
    def check(self, rows: NDArray[Any]) -> None:
        """See that rows, (N, *shape), can be encoded.

        Raises:
            CodecError: they cannot.
        """

    @abstractmethod
    def encode_piece(self, rows: NDArray[Any]) -> Piece:
        """Rows, (N, *shape), at least one and at most a chunk, contiguous."""

    @abstractmethod
    def decode_piece(self, piece: Piece, out: NDArray[Any]) -> None:
        """The first rows of a piece into `out`, (N, *shape).

        Raises:
            ValueError: it is damaged, or has fewer rows.
        """

    @abstractmethod
    def read_piece(self, data: bytes) -> Piece:
        """The piece that `write_piece` wrote.

        Raises:
            ValueError: it is none, or not one of rows of this shape.
        """

    @abstractmethod
    def write_piece(self, piece: Piece) -> bytes:
        """A piece as bytes, on its way to another column."""

    @abstractmethod
    def cut(self, piece: Piece, start: int, stop: int) -> Piece:
        """The rows [start, stop) of a piece.

        Raises:
            ValueError: it has fewer rows.
        """

    @abstractmethod
    def piece_of(self, data: bytes | memoryview) -> Piece:
        """The rows of a chunk.

        Raises:
            ValueError: it is damaged.
        """

    @abstractmethod
    def join(self, pieces: Sequence[Piece]) -> bytes:
        """A chunk of the rows of all pieces, which are a chunk's at most."""
