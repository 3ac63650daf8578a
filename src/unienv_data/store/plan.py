"""Which chunks hold the asked rows, and where each row goes. Pure functions on integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import RowIndex, row_array
from unienv_data.store.codecs import Place

__all__ = ["SCATTERED", "Piece", "Plan", "plan_rows", "plan_spans"]

SCATTERED = -1
"""Target of a chunk that does not become consecutive rows of the output as a whole."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a chunk gives to the output where it gives no more than a part of itself.

    Attributes:
        source: rows within the chunk.
        target: rows of the output, as many.
    """

    source: Place
    target: Place


@dataclass(frozen=True)
class Plan:
    """A gather: chunks, each once, in ascending order.

    Attributes:
        chunks: (C,) int64, numbers of the chunks within the array.
        targets: for each chunk the row of the output at which all of its rows go one after another, or
            SCATTERED.
        pieces: for each scattered chunk, by its place in `chunks`, what it gives.
    """

    chunks: NDArray[np.int64]
    targets: Sequence[int]
    pieces: Mapping[int, Piece] = field(default_factory=dict)


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
    counts = np.diff(np.append(starts, len(rows)))
    within = (rows - chunk * chunk_rows)[order]
    whole = _whole_chunks(within, order, starts, counts, chunk_rows)
    targets = np.where(whole, order[starts], SCATTERED).tolist()
    pieces = {}
    for i in np.flatnonzero(~whole).tolist():
        span = slice(starts[i], starts[i] + counts[i])
        pieces[i] = Piece(within[span], order[span])
    return Plan(numbers, targets, pieces)


def _whole_chunks(
    within: NDArray[np.int64],
    order: NDArray[np.int64],
    starts: NDArray[np.int64],
    counts: NDArray[np.int64],
    chunk_rows: int,
) -> NDArray[np.bool_]:
    """Which chunks become, as a whole, consecutive rows of the output."""
    whole: NDArray[np.bool_] = counts == chunk_rows
    if chunk_rows == 1:  # one row a chunk: frames
        return whole
    for i in np.flatnonzero(whole).tolist():
        span = slice(starts[i], starts[i] + chunk_rows)
        whole[i] = (np.diff(within[span]) == 1).all() and (np.diff(order[span]) == 1).all()
    return whole


def plan_spans(spans: Sequence[tuple[int, int]], chunk_rows: int) -> Plan:
    """A plan that puts the rows of each span [start, stop) after those of the one before.

    Spans may overlap and repeat; a chunk that several need is planned once.
    """
    chunks: list[int] = []
    targets: list[int] = []
    pieces: list[Piece | None] = []
    target = 0
    for start, stop in spans:
        row = start
        while row < stop:
            chunk = row // chunk_rows
            end = min(stop, (chunk + 1) * chunk_rows)
            first, count = row - chunk * chunk_rows, end - row
            whole = count == chunk_rows
            chunks.append(chunk)
            targets.append(target if whole else SCATTERED)
            pieces.append(
                None if whole else Piece(slice(first, first + count), slice(target, target + count))
            )
            target += count
            row = end
    if all(a < b for a, b in pairwise(chunks)):
        partial = {i: piece for i, piece in enumerate(pieces) if piece is not None}
        return Plan(np.array(chunks, dtype=np.int64), targets, partial)
    return _merged(chunks, targets, pieces, chunk_rows)


def _merged(chunks: list[int], targets: list[int], pieces: list[Piece | None], chunk_rows: int) -> Plan:
    """Every chunk once, ascending; what it gives in several places joined."""
    places: dict[int, list[int]] = {}
    for place, chunk in enumerate(chunks):
        places.setdefault(chunk, []).append(place)
    numbers = sorted(places)
    joined_targets: list[int] = []
    joined: dict[int, Piece] = {}
    for i, number in enumerate(numbers):
        found = places[number]
        if len(found) == 1:
            joined_targets.append(targets[found[0]])
            piece = pieces[found[0]]
            if piece is not None:
                joined[i] = piece
            continue
        joined_targets.append(SCATTERED)
        parts = [
            pieces[place] or Piece(slice(0, chunk_rows), slice(targets[place], targets[place] + chunk_rows))
            for place in found
        ]
        joined[i] = Piece(
            np.concatenate([_rows(part.source) for part in parts]),
            np.concatenate([_rows(part.target) for part in parts]),
        )
    return Plan(np.array(numbers, dtype=np.int64), joined_targets, joined)


def _rows(place: Place) -> NDArray[np.int64]:
    return np.arange(place.start, place.stop, dtype=np.int64) if isinstance(place, slice) else place
