"""Which chunks hold the asked rows, and where each row goes. Pure functions on integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex, row_array

__all__ = ["Piece", "Plan", "plan_rows", "plan_spans"]

Place = slice | NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """What one chunk gives to the output.

    Attributes:
        source: rows within the chunk.
        target: rows of the output, as many.
        whole: the chunk as a whole becomes consecutive rows of the output.
    """

    source: Place
    target: Place
    whole: bool


@dataclass(frozen=True)
class Plan:
    """A gather: chunks, each once, in ascending order.

    Attributes:
        chunks: (C,) int64, numbers of the chunks within the array.
        pieces: what each gives.
    """

    chunks: NDArray[np.int64]
    pieces: Sequence[Piece]


def plan_rows(rows: RowIndex, chunk_rows: int) -> Plan:
    """A plan that puts `rows[i]` to row i of the output.

    Args:
        rows: rows of a log, in any order, with repetitions.
        chunk_rows: rows in a chunk.
    """
    if isinstance(rows, range):
        if rows.step == 1:
            return plan_spans([(rows.start, rows.stop)] if rows else [], chunk_rows)
        rows = row_array(rows)
    if not len(rows):
        return Plan(np.empty(0, dtype=np.int64), ())
    chunk = rows // chunk_rows if chunk_rows > 1 else rows
    order = np.argsort(chunk, kind="stable")
    ordered = chunk[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    numbers = ordered[starts]
    if chunk_rows == 1 and len(numbers) == len(rows):  # every chunk one row: the common case of frames
        return Plan(numbers, [Piece(_FIRST, slice(i, i + 1), True) for i in order.tolist()])
    within = (rows - chunk * chunk_rows)[order]
    bounds = np.append(starts, len(rows)).tolist()
    pieces = [_scattered(within[a:b], order[a:b], chunk_rows) for a, b in pairwise(bounds)]
    return Plan(numbers, pieces)


_FIRST = slice(0, 1)


def _scattered(source: NDArray[np.int64], target: NDArray[np.int64], chunk_rows: int) -> Piece:
    whole = len(source) == chunk_rows and _is_consecutive(source) and _is_consecutive(target)
    return Piece(source, slice(int(target[0]), int(target[-1]) + 1) if whole else target, whole)


def _is_consecutive(rows: NDArray[np.int64]) -> bool:
    return len(rows) == 1 or bool((np.diff(rows) == 1).all())


def plan_spans(spans: Sequence[tuple[int, int]], chunk_rows: int) -> Plan:
    """A plan that puts the rows of each span [start, stop) after those of the one before.

    Spans may overlap and repeat; a chunk that several need is planned once.
    """
    chunks: list[int] = []
    pieces: list[Piece] = []
    target = 0
    for start, stop in spans:
        row = start
        while row < stop:
            chunk = row // chunk_rows
            end = min(stop, (chunk + 1) * chunk_rows)
            first = row - chunk * chunk_rows
            count = end - row
            chunks.append(chunk)
            pieces.append(
                Piece(slice(first, first + count), slice(target, target + count), count == chunk_rows)
            )
            target += count
            row = end
    return _merged(chunks, pieces)


def _merged(chunks: list[int], pieces: list[Piece]) -> Plan:
    """Every chunk once, ascending; pieces of the same chunk joined."""
    if all(a < b for a, b in pairwise(chunks)):
        return Plan(np.array(chunks, dtype=np.int64), pieces)
    by_chunk: dict[int, list[Piece]] = {}
    for chunk, piece in zip(chunks, pieces, strict=True):
        by_chunk.setdefault(chunk, []).append(piece)
    numbers = sorted(by_chunk)
    return Plan(np.array(numbers, dtype=np.int64), [_join(by_chunk[number]) for number in numbers])


def _join(pieces: list[Piece]) -> Piece:
    if len(pieces) == 1:
        return pieces[0]
    return Piece(
        np.concatenate([_rows(piece.source) for piece in pieces]),
        np.concatenate([_rows(piece.target) for piece in pieces]),
        False,
    )


def _rows(place: Place) -> NDArray[np.int64]:
    return np.arange(place.start, place.stop, dtype=np.int64) if isinstance(place, slice) else place
