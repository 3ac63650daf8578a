"""The blocks of what a view shows, from those of what is viewed. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.indexing import row_array
from unienv_data.order import Blocks
from unienv_data.selection.numbering import Numbering
from unienv_data.selection.rowmaps import RowMap, Runs, crossings

__all__ = ["blocks_of_runs", "blocks_of_view"]

Integers = NDArray[np.int64]


def blocks_of_runs(blocks: Blocks, runs: Runs, step: int = 1, *, length: int | None = None) -> Blocks:
    """The blocks that positions have from their rows.

    Args:
        blocks: of the rows.
        runs: positions, and their rows; no position in two runs.
        step: how far the rows of neighbours are apart.
        length: how many positions there are, where some may be in no run: they are a block by themselves.
    """
    order = np.argsort(blocks.starts, kind="stable")
    starts = blocks.starts[order]
    intervals = np.stack([starts, starts + blocks.counts[order]], axis=1)
    block_of = np.repeat(np.arange(len(blocks)), np.diff(blocks.bounds))[order]
    met = crossings(runs, step, intervals)
    positions, counts = runs.positions[met.runs] + met.begins, met.ends - met.begins
    groups = block_of[met.intervals]
    if length is not None and int(counts.sum()) < length:
        others = _others(positions, counts, length)
        positions = np.concatenate([positions, others[:, 0]])
        counts = np.concatenate([counts, others[:, 1] - others[:, 0]])
        groups = np.concatenate([groups, np.full(len(others), len(blocks))])
    found = Blocks.of(positions, counts, groups)
    return replace(found, stored_bytes=blocks.stored_bytes, is_remote=blocks.is_remote)


def blocks_of_view(blocks: Blocks, rows: RowMap, numbering: Numbering, since: Any) -> Blocks:
    """The blocks of a view.

    Rows that are no longer there are a block by themselves: to read them fails, in this order as in others.

    Args:
        blocks: of what is viewed, as it is now.
        rows: which rows of it stand at the positions of the view.
        numbering: the rows of what is viewed, as they are now.
        since: the anchor by which `rows` are numbered.
    """
    spans = rows.within(numbering.runs(since, in_segments=False))
    first = row_array(rows.at(spans[:, 0]))
    now = row_array(numbering.moved(first, since))
    runs = Runs(spans[:, 0], now, spans[:, 1] - spans[:, 0])
    return blocks_of_runs(blocks, runs, rows.step, length=len(rows))


def _others(starts: Integers, counts: Integers, length: int) -> Integers:
    """(K, 2) the ranges of [0, length) that no run covers."""
    order = np.argsort(starts, kind="stable")
    begins = np.concatenate(([0], (starts + counts)[order]))
    ends = np.append(starts[order], length)
    gaps = np.stack([begins, ends], axis=1)
    found: Integers = gaps[ends > begins]
    return found
