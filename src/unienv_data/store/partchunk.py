"""The chunk that a writer is filling."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.store.codecs import ChunkCodec, Piece, PieceCodec

__all__ = ["PartChunk", "PiecedChunk", "RawChunk", "part_chunk"]


class PartChunk(ABC):
    """Rows of a chunk of which not all are there.

    Attributes:
        filled: how many there are.
    """

    filled: int

    @abstractmethod
    def append(self, rows: NDArray[Any]) -> None:
        """Add rows, (n, *shape), that fit.

        Raises:
            CodecError: they cannot be encoded.
        """

    @abstractmethod
    def resume(self, data: bytes, rows: int) -> None:
        """Begin with the first rows of an encoded chunk."""

    @abstractmethod
    def encoded(self) -> bytes:
        """The chunk as it is now, zeros where no rows are yet."""

    @abstractmethod
    def readable(self) -> NDArray[Any]:
        """(rows, *shape), of which the filled ones are good, as long as nothing changes."""

    @abstractmethod
    def mark(self) -> object:
        """The present state, which further rows go beyond."""

    @abstractmethod
    def restore(self, mark: Any) -> None:
        """Back to the state of `mark`."""


class RawChunk(PartChunk):
    """Rows as they are, encoded all together.

    Args:
        codec: encodes them.
    """

    def __init__(self, codec: ChunkCodec) -> None:
        self._codec = codec
        self._rows = np.empty(codec.chunk.full, dtype=codec.chunk.dtype)
        self.filled = 0

    def append(self, rows: NDArray[Any]) -> None:
        self._rows[self.filled : self.filled + len(rows)] = rows
        self.filled += len(rows)

    def resume(self, data: bytes, rows: int) -> None:
        self._codec.decode(data, self._rows.reshape(-1).view(np.uint8))
        self.filled = rows

    def encoded(self) -> bytes:
        if self.filled == len(self._rows):
            return self._codec.encode(self._rows)
        padded = self._rows.copy()
        padded[self.filled :] = 0
        return self._codec.encode(padded)

    def readable(self) -> NDArray[Any]:
        return self._rows

    def mark(self) -> object:
        return self.filled

    def restore(self, mark: int) -> None:
        self.filled = mark


@dataclass
class _Piece:
    """Encoded rows from `start` on, and whether those that can be read have been decoded from it."""

    data: Piece
    start: int
    rows: int
    decoded: bool


class PiecedChunk(PartChunk):
    """Rows of which some are encoded, for good, and the others wait for the next commit.

    Those that wait are read as they came; once they are encoded everybody reads what they decode to.

    Args:
        codec: encodes them.
    """

    def __init__(self, codec: PieceCodec) -> None:
        self._codec = codec
        self._rows: NDArray[Any] | None = None  # as large as the chunk: not before it is needed
        self._pieces: list[_Piece] = []
        self._runs: list[int] = []  # rows at which something new begins
        self.filled = 0

    def append(self, rows: NDArray[Any]) -> None:
        self._codec.check(rows)
        self._raw[self.filled : self.filled + len(rows)] = rows
        self.filled += len(rows)

    def append_piece(self, data: Piece, rows: int) -> None:
        """Add encoded rows that fit."""
        self._encode()
        self._pieces.append(_Piece(data, self.filled, rows, decoded=False))
        self.filled += rows

    def end_run(self) -> None:
        """The next row has nothing to do with the last one."""
        self._runs.append(self.filled)

    def resume(self, data: bytes, rows: int) -> None:
        self.append_piece(self._codec.cut(self._codec.piece_of(data), 0, rows), rows)

    def encoded(self) -> bytes:
        self._encode()
        return self._codec.join([piece.data for piece in self._pieces])

    def readable(self) -> NDArray[Any]:
        for piece in self._pieces:
            if not piece.decoded:
                self._codec.decode_piece(piece.data, self._raw[piece.start : piece.start + piece.rows])
                piece.decoded = True
        return self._raw

    def mark(self) -> object:
        return self.filled, len(self._pieces), len(self._runs)

    def restore(self, mark: tuple[int, int, int]) -> None:
        self.filled, pieces, runs = mark
        del self._pieces[pieces:]
        del self._runs[runs:]

    @property
    def _raw(self) -> NDArray[Any]:
        if self._rows is None:
            self._rows = np.empty(self._codec.chunk.full, dtype=self._codec.chunk.dtype)
        return self._rows

    def _encode(self) -> None:
        """Have every row encoded."""
        start = self._pieces[-1].start + self._pieces[-1].rows if self._pieces else 0
        edges = sorted({start, *(row for row in self._runs if start < row < self.filled), self.filled})
        pieces = [
            _Piece(self._codec.encode_piece(self._raw[a:b]), a, b - a, decoded=self._codec.is_lossless)
            for a, b in pairwise(edges)
        ]
        self._pieces += pieces


def part_chunk(codec: ChunkCodec) -> PartChunk:
    """An empty chunk, as the codec fills chunks."""
    return PiecedChunk(codec) if isinstance(codec, PieceCodec) else RawChunk(codec)
