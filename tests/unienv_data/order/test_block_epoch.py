"""The order "block": every row once, whoever gives it out and however often that changes."""

from __future__ import annotations

import collections
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unienv_data.order.blockmodel import block_of_rows, blocks, made, plans, taken
from unienv_data.order import BlockEpoch, Blocks

BATCH_SIZES = st.integers(1, 6)
WINDOWS = st.integers(1, 6)
WORLDS = st.integers(1, 5)


@given(blocks=blocks(), batch_size=BATCH_SIZES, world_size=WORLDS, window=WINDOWS, drop=st.booleans())
def test_ranks_give_every_row_once(
    blocks: Blocks, batch_size: int, world_size: int, window: int, drop: bool
) -> None:
    uneven = "drop" if drop else "pad"
    ranks = plans(blocks, batch_size, world_size, window, {}, uneven=uneven)
    together = batch_size * world_size
    drops = drop and world_size > 1
    count = blocks.length // together if drops else math.ceil(blocks.length / together)
    assert [len(rank) for rank in ranks] == [count] * world_size
    rows = taken(ranks, count)
    assert len({*rows}) == len(rows)
    assert len(rows) == (count * together if drops else blocks.length)
    for rank in ranks:
        for batch in range(count):
            found = rank.rows(batch)
            assert found.dtype == np.int64
            assert len(found) == (batch_size if world_size > 1 else rank.count_real(batch))
            assert ((found >= 0) & (found < blocks.length)).all()
        assert all(rank.count_real(batch) == batch_size for batch in range(count - 1))


@given(
    blocks=blocks(),
    window=WINDOWS,
    turns=st.lists(st.tuples(WORLDS, BATCH_SIZES, st.integers(0, 5)), min_size=1, max_size=8),
)
@settings(max_examples=300)
def test_other_ranks_go_on_with_exactly_the_rest(
    blocks: Blocks, window: int, turns: list[tuple[int, int, int]]
) -> None:
    """Beside a model that crosses every row off once it has been given out."""
    missing = set(range(blocks.length))
    state: dict[str, int] = {}
    for world_size, batch_size, most in [*turns, (2, 3, blocks.length)]:
        ranks = plans(blocks, batch_size, world_size, window, state)
        batches = min(most, len(ranks[0]))
        rows = taken(ranks, batches)
        assert len({*rows}) == len(rows)
        assert {*rows} <= missing
        missing -= {*rows}
        if batches:
            states = [dict(rank.state_after(batches - 1)) for rank in ranks]
            assert states == [states[0]] * world_size
            state = states[0]
            assert state["position"] == blocks.length - len(missing)
    assert not missing


@given(
    blocks=blocks(),
    window=WINDOWS,
    world_size=WORLDS,
    first=BATCH_SIZES,
    second=BATCH_SIZES,
    before=st.integers(0, 9),
)
def test_as_many_ranks_go_on_in_the_same_order(
    blocks: Blocks, window: int, world_size: int, first: int, second: int, before: int
) -> None:
    ranks = plans(blocks, first, world_size, window, {})
    before = min(before, len(ranks[0]) - 1)
    state = dict(ranks[0].state_after(before - 1)) if before else {}
    whole = [taken([rank], len(rank)) for rank in ranks]
    rest = [taken([rank], len(rank)) for rank in plans(blocks, second, world_size, window, state)]
    assert rest == [rows[before * first :] for rows in whole]


@given(blocks=blocks(), window=WINDOWS, world_size=WORLDS, batch_size=BATCH_SIZES, data=st.data())
def test_arrivals_bring_what_batches_need(
    blocks: Blocks, window: int, world_size: int, batch_size: int, data: st.DataObject
) -> None:
    state: dict[str, int] = {}
    if data.draw(st.booleans(), "of another number of ranks"):
        earlier = plans(blocks, 1, data.draw(WORLDS), window, {})
        if len(earlier[0]) > 1:
            state = dict(earlier[0].state_after(data.draw(st.integers(0, len(earlier[0]) - 2))))
    for rank in plans(blocks, batch_size, world_size, window, state):
        there: dict[int, list[tuple[int, int]]] = collections.defaultdict(list)
        arrivals = list(rank.arrivals())
        assert [one.first for one in arrivals] == sorted(one.first for one in arrivals)
        for arrival in arrivals:
            assert arrival.rows.tolist() == sorted(arrival.rows.tolist())
            for row in arrival.rows.tolist():
                there[row].append((arrival.first, arrival.last))
        for batch in range(len(rank)):
            for row in rank.rows(batch)[: rank.count_real(batch)].tolist():
                assert any(first <= batch <= last for first, last in there[row])


@given(blocks=blocks(), window=WINDOWS, batch_size=BATCH_SIZES, world_size=st.integers(2, 5))
def test_ranks_share_few_blocks(blocks: Blocks, window: int, batch_size: int, world_size: int) -> None:
    """Blocks go to one rank each, but for those that the equal division of all rows cuts."""
    block_of = block_of_rows(blocks)
    pairs = set()
    for rank in plans(blocks, batch_size, world_size, window, {}):
        rows = taken([rank], len(rank))
        pairs |= {(block_of[row], rank.rank) for row in rows}
    assert len(pairs) - len(blocks) <= world_size - 1


def test_a_window_of_blocks_is_needed_at_a_time() -> None:
    even = made([64] * 40, list(range(40)))
    (rank,) = plans(even, 16, 1, 8, {})
    arrivals = list(rank.arrivals())
    at_once = [sum(one.first <= batch <= one.last for one in arrivals) for batch in range(len(rank))]
    assert len(arrivals) == 40
    # The last batch before an arrival may have rows of what comes.
    assert max(at_once) <= 9
    counts = [len({int(row) // 64 for row in rank.rows(batch)}) for batch in range(len(rank))]
    assert np.mean(counts) > 6


def test_draws_are_uniform_within_the_window() -> None:
    """Rows of a block come out with the arrivals that follow its own, as many with each."""
    even = made([60] * 30, list(range(30)))
    delays = collections.Counter[int]()
    for epoch in range(20):
        rank = BlockEpoch(blocks=even, seed=1, number=epoch, window=6, batch_size=60)
        order = [block for block in rank._order.tolist()]
        place = {block: number for number, block in enumerate(order)}
        for batch in range(4, 24):
            for row in rank.rows(batch)[:].tolist():
                delays[batch + 3 - place[row // 60]] += 1
    total = sum(delays.values())
    assert total == 20 * 20 * 60
    assert max(delays[delay] for delay in range(6)) / total < 0.18
    assert sum(delays[delay] for delay in range(-1, 7)) == total


@pytest.mark.parametrize("window", [1, 5, 50])
def test_orders_of_epochs_differ_and_are_those_of_the_seed(window: int) -> None:
    even = made([10] * 20, list(range(20)))

    def order(seed: int, number: int) -> list[int]:
        return (
            BlockEpoch(blocks=even, seed=seed, number=number, window=window, batch_size=200).rows(0).tolist()
        )

    assert order(1, 0) == order(1, 0)
    assert len({tuple(order(seed, number)) for seed in (1, 2) for number in (0, 1)}) == 4


def test_values_are_those_of_the_first_release() -> None:
    even = made([5, 5, 5, 3], [0, 1, 2, 3])
    (rank,) = plans(even, 18, 1, 2, {})
    assert rank.rows(0).tolist() == FIRST_RELEASE
    two = plans(even, 4, 2, 2, {"position": 6, "origin": 0, "ranks": 3, "left": 0})
    assert [rank.rows(0).tolist() for rank in two] == RESUMED


FIRST_RELEASE = [9, 15, 6, 7, 5, 8, 14, 11, 16, 17, 0, 1, 4, 3, 2, 13, 10, 12]
RESUMED = [[6, 8, 17, 15], [5, 7, 16, 2]]


@pytest.mark.parametrize("world_size", [1, 3])
def test_many_blocks_take_no_memory_for_rows(world_size: int) -> None:
    """A third of a billion rows: what is kept is by block, and what is computed by window."""
    count = 60_000
    counts = np.full(count, 5000)
    many = Blocks(np.cumsum(counts) - counts, counts, np.arange(count + 1))
    state = {"position": 300_000, "origin": 0, "ranks": world_size, "left": 0}
    rank = plans(many, 256, world_size, 24, state)[-1]
    tracemalloc.start()
    assert len(rank.rows(7)) == 256
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000
