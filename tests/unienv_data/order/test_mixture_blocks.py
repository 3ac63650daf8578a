"""Mixtures block by block, against the sources gone through alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unienv_data.order import BlockEpoch, BlockSources, MixtureBlockEpoch, Shares, even_blocks

SIZES, WEIGHTS = (50, 7, 120), (3.0, 1.0, 2.5)


def plan(
    number: int = 0,
    sizes: Any = SIZES,
    weights: Any = WEIGHTS,
    batch_size: int = 8,
    length: int = 150,
    block: int = 6,
    window: int = 3,
    **options: Any,
) -> MixtureBlockEpoch:
    sources = BlockSources(
        blocks=tuple(even_blocks(size, size=block) for size in sizes),
        seeds=tuple(range(len(sizes))),
        starts=np.cumsum(sizes) - np.array(sizes),
        shares=Shares.of(np.array(weights)),
        seed=5,
        window=window,
    )
    options.setdefault("ranks", options.get("world_size", 1))
    return MixtureBlockEpoch(
        sources=sources, rows_in_all=length, number=number, batch_size=batch_size, **options
    )


def given_out(epoch: MixtureBlockEpoch) -> list[int]:
    """The rows of an epoch that are no repetitions."""
    return [
        row for batch in range(len(epoch)) for row in epoch.rows(batch)[: epoch.count_real(batch)].tolist()
    ]


def of_source(rows: list[int], source: int, sizes: Any = SIZES) -> list[int]:
    start = sum(sizes[:source])
    return [row - start for row in rows if start <= row < start + sizes[source]]


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_every_rank_goes_through_its_part_of_every_source(ranks: int) -> None:
    """Epoch after epoch of the source, without a gap; all ranks' parts make up the whole."""
    for source, size in enumerate(SIZES):
        parts: list[list[int]] = []
        for rank in range(ranks):
            rows = [
                row for number in range(9) for row in given_out(plan(number, rank=rank, world_size=ranks))
            ]
            mine = of_source(rows, source)
            alone = [
                BlockEpoch(
                    number=cycle,
                    batch_size=size,
                    blocks=even_blocks(size, size=6),
                    seed=source,
                    window=3,
                    rank=rank,
                    world_size=ranks,
                )
                for cycle in range(len(mine) // (size // ranks) + 1)
            ]
            expected = np.concatenate([part.rows(0)[: part.count_real(0)] for part in alone]).tolist()
            assert mine == expected[: len(mine)]
            parts.append(mine[: alone[0].count_real(0)])
        if all(len(part) >= size // ranks for part in parts):
            assert sorted(row for part in parts for row in part) == list(range(size))


@pytest.mark.parametrize("ranks", [1, 3])
def test_sources_are_visited_in_their_shares(ranks: int) -> None:
    shares = np.array(WEIGHTS) / sum(WEIGHTS)
    for rank in range(ranks):
        rows = np.array(
            [r for number in range(6) for r in given_out(plan(number, rank=rank, world_size=ranks))]
        )
        sources = np.searchsorted([0, 50, 57], rows, side="right") - 1
        met = np.cumsum(sources[:, None] == np.arange(3), axis=0)
        expected = shares * np.arange(1, len(rows) + 1)[:, None]
        assert np.abs(met - expected).max() < 18


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(1, 20), st.sampled_from(["pad", "drop"]), st.integers(0, 3), st.data())
def test_the_rest_is_the_rest(ranks: int, batch_size: int, uneven: str, number: int, data: Any) -> None:
    options: Any = {"batch_size": batch_size, "world_size": ranks, "uneven": uneven, "number": number}
    rank = data.draw(st.integers(0, ranks - 1))
    whole = plan(rank=rank, **options)
    every = [whole.rows(batch).tolist() for batch in range(len(whole))]
    if ranks > 1:
        assert {len(batch) for batch in every} <= {batch_size}
    taken = data.draw(st.integers(0, len(every)))
    start = whole.state_after(taken - 1)["position"] if taken else 0
    rest = plan(rank=rank, start=start, **options)
    real = [rows[: whole.count_real(batch)] for batch, rows in enumerate(every)][taken:]
    assert [rest.rows(batch)[: rest.count_real(batch)].tolist() for batch in range(len(rest))] == real


@pytest.mark.parametrize(("ranks", "begun"), [(1, 1), (2, 2), (2, 3), (1, 4)])
@pytest.mark.parametrize("start", [0, 48, 53])
def test_arrivals_are_what_batches_need(ranks: int, begun: int, start: int) -> None:
    for number in (0, 3):
        for rank in range(ranks):
            epoch = plan(number, rank=rank, world_size=ranks, ranks=begun, start=start, uneven="drop")
            arrivals = list(epoch.arrivals())
            firsts = [arrival.first for arrival in arrivals]
            assert firsts == sorted(firsts)
            for batch in range(len(epoch)):
                there = [a.rows for a in arrivals if a.first <= batch <= a.last]
                assert set(epoch.rows(batch).tolist()) <= set(np.concatenate(there).tolist())


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 9)), min_size=1, max_size=4), st.integers(0, 3))
def test_however_many_ranks_go_on_every_row_comes_once(turns: list[tuple[int, int]], number: int) -> None:
    begun, position = turns[0][0], 0
    expected = sorted(
        row for rank in range(begun) for row in given_out(plan(number, rank=rank, world_size=begun))
    )
    found: list[int] = []
    for turn, (ranks, batch_size) in enumerate(turns):
        options: dict[str, Any] = {"world_size": ranks, "ranks": begun, "batch_size": batch_size}
        plans = [plan(number, rank=rank, start=position, **options) for rank in range(ranks)]
        assert len({len(each) for each in plans}) == 1
        count = len(plans[0]) if turn == len(turns) - 1 else min(3, len(plans[0]))
        for each in plans:
            for batch in range(count):
                found += each.rows(batch)[: each.count_real(batch)].tolist()
        position = plans[0].state_after(count - 1)["position"] if count else position
    assert sorted(found) == expected


def test_every_block_arrives_once_in_a_round() -> None:
    """With three times the window of blocks, each is wanted for a part of the epoch only."""
    epoch = plan(sizes=(3000,), weights=(1.0,), length=3000, block=30, window=5, batch_size=50)
    arrivals = list(epoch.arrivals())
    assert sorted(row for arrival in arrivals for row in arrival.rows.tolist()) == list(range(3000))
    assert max(arrival.last - arrival.first for arrival in arrivals) < 10


def test_fewer_rows_than_ranks() -> None:
    for rank in range(5):
        rows = given_out(plan(sizes=(3, 40), weights=(1, 1), length=100, rank=rank, world_size=5))
        assert len(rows) == 20
        assert len(set(of_source(rows, 0, (3, 40)))) == 1
