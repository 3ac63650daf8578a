"""Blocks of 300,000,000 rows in 1,000,000 episodes: by run and by block, and nothing for each row."""

from __future__ import annotations

import tracemalloc

import numpy as np

from unienv_data.order import even_blocks
from unienv_data.selection import EdgeCache, Offsets, SequenceNumbering, SpanMap, blocks_of_view

EPISODES, LENGTH = 1_000_000, 300


def test_complete_windows_have_blocks() -> None:
    bounds = np.arange(EPISODES)[:, None] * LENGTH + np.array([0, LENGTH])
    numbering = SequenceNumbering(0, EPISODES * LENGTH, (), lambda: bounds, EdgeCache())
    spans = Offsets((None,), ((-1, 0, 1),)).complete(numbering.runs(numbering.anchor))
    rows = SpanMap.of(spans[:, 0], spans[:, 1] - spans[:, 0])
    blocks = even_blocks(EPISODES * LENGTH, size=8192)
    tracemalloc.start()
    found = blocks_of_view(blocks, rows, numbering, numbering.anchor)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.length == len(rows) == EPISODES * (LENGTH - 2)
    assert len(found) == len(blocks)
    assert peak < 1_000_000_000 < 8 * found.length
    block = 20_000
    positions = found.rows(block, 0, int(found.sizes[block]))
    assert np.array_equal(np.sort(np.asarray(rows.at(positions)) // 8192), np.full(len(positions), block))
