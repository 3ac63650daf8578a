"""Blocks of any kind, and what is given out of an epoch, counted row by row."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from hypothesis import strategies as st

from unienv_data.order import BlockEpoch, Blocks


@st.composite
def blocks(draw: st.DrawFn, most_rows: int = 40) -> Blocks:
    """Runs of rows, each in a block."""
    counts = draw(st.lists(st.integers(1, most_rows), min_size=1, max_size=12))
    groups = draw(st.lists(st.integers(0, 7), min_size=len(counts), max_size=len(counts)))
    return made(counts, groups)


def made(counts: list[int], groups: list[int]) -> Blocks:
    ends = np.cumsum(counts)
    return Blocks.of(ends - counts, np.array(counts), np.array(groups))


def plans(
    blocks: Blocks, batch_size: int, world_size: int, window: int, state: dict[str, int], **more: Any
) -> list[BlockEpoch]:
    """What each rank does from a state on."""
    options = {"blocks": blocks, "seed": 3, "number": 2, "window": window, "batch_size": batch_size}
    where = {"start" if name == "position" else name: value for name, value in state.items()}
    epoch = BlockEpoch(world_size=world_size, **options, **where, **more)
    return [dataclasses.replace(epoch, rank=rank) for rank in range(world_size)]


def taken(ranks: list[BlockEpoch], batches: int) -> list[int]:
    """The rows, without repetitions, of so many batches of each rank."""
    return [
        int(row)
        for rank in ranks
        for batch in range(batches)
        for row in rank.rows(batch)[: rank.count_real(batch)]
    ]


def block_of_rows(blocks: Blocks) -> dict[int, int]:
    """The block of every row."""
    return {
        row: block
        for block in range(len(blocks))
        for row in blocks.rows(block, 0, int(blocks.sizes[block])).tolist()
    }
