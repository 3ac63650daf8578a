"""Rows compared with rows: where they differ first, or by how much. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_interface.space import GraphInstance

__all__ = ["Difference", "Distance", "first_difference"]

_LONGEST = 60


@dataclass(frozen=True)
class Difference:
    """Where two batches of rows differ first.

    Attributes:
        row: which row, counted from the first of the batch.
        expected: the value of the one, as text.
        found: that of the other.
    """

    row: int
    expected: str
    found: str


def first_difference(expected: Any, found: Any) -> Difference | None:
    """The first row in which two batches differ; None where they do not. NaN is equal to NaN.

    Args:
        expected: arrays (B, *D), object arrays (B,) of anything, graphs, or mappings and tuples.
        found: a batch of the same space. Arrays of another data type are compared by value; rows of another
            shape that have as many elements, by element.
    """
    differences = [
        difference
        for mine, theirs in _pairs(expected, found)
        if (difference := _first_of_arrays(mine, theirs)) is not None
    ]
    return min(differences, key=lambda difference: difference.row, default=None)


def _pairs(expected: Any, found: Any) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    if isinstance(expected, Mapping):
        for key, part in expected.items():
            yield from _pairs(part, found[key])
    elif isinstance(expected, tuple | list):
        for mine, theirs in zip(expected, found, strict=True):
            yield from _pairs(mine, theirs)
    elif isinstance(expected, GraphInstance):
        yield _graphs(expected), _graphs(found)
    else:
        yield np.asarray(expected), np.asarray(found)


def _graphs(batch: GraphInstance[Any]) -> NDArray[Any]:
    """The graphs of each row (B,), as nested tuples without the padding that batches add."""
    rows = np.empty(len(batch.n_nodes), dtype=object)
    for row in range(len(rows)):
        places = np.ndindex(batch.n_nodes.shape[1:])
        rows[row] = tuple(_graph(batch, (row, *place)) for place in places)
    return rows


def _graph(graphs: GraphInstance[Any], place: tuple[int, ...]) -> tuple[Any, ...]:
    nodes = int(graphs.n_nodes[place])
    edges = 0 if graphs.n_edges is None else int(graphs.n_edges[place])
    parts = ((graphs.nodes_features, nodes), (graphs.edges_features, edges), (graphs.edges, edges))
    return nodes, edges, *(None if part is None else part[place][:count] for part, count in parts)


def _first_of_arrays(expected: NDArray[Any], found: NDArray[Any]) -> Difference | None:
    if expected.dtype == object or found.dtype == object:
        for row, (mine, theirs) in enumerate(zip(expected.tolist(), found.tolist(), strict=True)):
            if not _are_equal(mine, theirs):
                return Difference(row, _shown(mine), _shown(theirs))
        return None
    if found.shape != expected.shape:
        found = found.reshape(expected.shape)
    unequal = np.asarray(expected != found)
    if expected.dtype.kind == "f" and found.dtype.kind == "f" and unequal.any():
        unequal &= ~(np.isnan(expected) & np.isnan(found))
    if not unequal.any():
        return None
    place = tuple(int(axis[0]) for axis in np.nonzero(unequal))
    where = f" at {list(place[1:])}" if place[1:] else ""
    return Difference(place[0], f"{expected[place]}{where}", f"{found[place]}{where}")


def _are_equal(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, tuple | list) and isinstance(theirs, tuple | list):
        return len(mine) == len(theirs) and all(map(_are_equal, mine, theirs))
    if isinstance(mine, np.ndarray) or isinstance(theirs, np.ndarray):
        mine, theirs = np.asarray(mine), np.asarray(theirs)
        is_float = mine.dtype.kind == "f" and theirs.dtype.kind == "f"
        return bool(np.array_equal(mine, theirs, equal_nan=is_float))
    return bool(mine == theirs)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


class Distance:
    """By how much the rows of a column differ: the peak signal-to-noise ratio (PSNR).

    The peak is the greatest number of an integer type; of fractions, how far the expected ones reach.

    Attributes:
        worst: episode and row of the row that differs most.
    """

    def __init__(self) -> None:
        self.worst = (0, 0)
        self._squares, self._count = 0.0, 0
        self._least, self._most, self._limit = math.inf, -math.inf, 0.0
        self._of_worst = 0.0

    def add(self, expected: NDArray[Any], found: NDArray[Any], episode: int, start: int) -> None:
        """Take further rows (B, *D) of both, from row `start` of an episode on."""
        mine = expected.reshape(len(expected), -1).astype(np.float64)
        squares = (mine - found.reshape(mine.shape)) ** 2
        if expected.dtype.kind in "iu":
            self._limit = float(np.iinfo(expected.dtype).max)
        self._least = min(self._least, float(mine.min(initial=math.inf)))
        self._most = max(self._most, float(mine.max(initial=-math.inf)))
        if squares.shape[1]:
            each = squares.mean(axis=1)
            row = int(np.nan_to_num(each, nan=math.inf).argmax()) if len(each) else 0
            if len(each) and not each[row] <= self._of_worst:
                self.worst, self._of_worst = (episode, start + row), float(each[row])
        self._squares += float(squares.sum())
        self._count += squares.size

    @property
    def psnr(self) -> float:
        """In dB, of all rows together; infinite where nothing differs, NaN where either has a NaN."""
        return self._in_decibels(self._squares / max(self._count, 1))

    @property
    def psnr_of_worst(self) -> float:
        """In dB, of the row that differs most."""
        return self._in_decibels(self._of_worst)

    def _in_decibels(self, error: float) -> float:
        peak = self._limit or max(self._most - self._least, 0.0)
        if error == 0:
            return math.inf
        if math.isnan(error) or not peak:
            return math.nan
        return 20 * math.log10(peak) - 10 * math.log10(error)
