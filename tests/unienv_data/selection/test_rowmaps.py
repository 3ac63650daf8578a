"""Maps from positions to rows, against lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unienv_data.selection import ArrayMap, RowMap, SpanMap, edge_repeats, row_map, split

LENGTH = 40
ranges = st.builds(
    lambda start, stop, step: range(LENGTH)[start:stop:step],
    st.integers(-LENGTH, LENGTH),
    st.integers(-LENGTH, LENGTH),
    st.sampled_from([1, 1, 2, 3, -1, -2]),
)
arrays = st.lists(st.integers(0, LENGTH - 1), max_size=12).map(lambda rows: np.array(rows, dtype=np.int64))
spans = st.lists(st.integers(0, LENGTH), max_size=8, unique=True).map(
    lambda edges: np.array(sorted(edges)[: len(edges) // 2 * 2], dtype=np.int64).reshape(-1, 2)
)
indexes = st.one_of(
    st.tuples(st.integers(-9, 9), st.integers(-20, 45), st.sampled_from([1, 1, 2, -1])).map(
        lambda ends: slice(*ends)
    ),
    st.lists(st.integers(0, 99), max_size=6),
)


@st.composite
def maps(draw: st.DrawFn) -> tuple[RowMap, list[int]]:
    """A map, and the rows that it means, after some choosing from choices."""
    rows: Any = draw(st.one_of(ranges, arrays, spans))
    if isinstance(rows, np.ndarray) and rows.ndim == 2:
        found: RowMap = SpanMap.of(rows[:, 0], rows[:, 1] - rows[:, 0])
        model = [row for start, stop in rows.tolist() for row in range(start, stop)]
    else:
        found, model = row_map(rows), [int(row) for row in rows]
    for index in draw(st.lists(indexes, max_size=3)):
        if isinstance(index, slice):
            positions: Any = range(len(model))[index]
        else:
            positions = np.array([i % len(model) for i in index if model], dtype=np.int64)
        found, model = found.composed(positions), [model[position] for position in positions]
    return found, model


def neighbours(found: RowMap, model: list[int], intervals: list[tuple[int, int]]) -> list[list[int]]:
    """The longest runs of positions whose rows follow one another within an interval, in spans and steps."""
    owner = {row: number for number, span in enumerate(intervals) for row in range(*span)}
    edges = set((found.runs.positions).tolist())
    parts: list[list[int]] = []
    for position, row in enumerate(model):
        if row not in owner:
            continue
        if (
            parts
            and parts[-1][-1] == position - 1
            and owner[model[position - 1]] == owner[row]
            and position not in edges
        ):
            parts[-1].append(position)
        else:
            parts.append([position])
    return parts


@settings(max_examples=200)
@example((ArrayMap(np.array([1, 0, 2]), 2), [1, 0, 2]), np.empty((0, 2), dtype=np.int64))
@given(maps(), spans)
def test_maps_are_lists(made: tuple[RowMap, list[int]], intervals: Any) -> None:
    found, model = made
    assert len(found) == len(model)
    everything = np.arange(len(model))
    assert list(found.at(range(len(model)))) == model
    assert list(found.at(everything[::-1])) == model[::-1]
    # Runs cover every position once, and their rows lie a step apart.
    covered = [
        p
        for start, count in zip(found.runs.positions, found.runs.counts, strict=True)
        for p in range(start, start + count)
    ]
    assert covered == everything.tolist()
    for start, row, count in zip(*found.runs, strict=True):
        assert model[start : start + count] == [row + i * found.step for i in range(count)]
    parts = neighbours(found, model, intervals.tolist())
    within = found.within(intervals)
    assert [list(range(start, stop)) for start, stop in within.tolist()] == parts
    assert list(found.kept(within).at(range(sum(map(len, parts))))) == [
        model[p] for part in parts for p in part
    ]
    # As many neighbours as its interval has rows in the map's direction.
    inside = [(p, span) for p in everything for span in intervals.tolist() if span[0] <= model[p] < span[1]]
    if inside:
        positions = np.array([p for p, _ in inside])
        before = np.array([model[p] - span[0] for p, span in inside])
        after = np.array([span[1] - 1 - model[p] for p, span in inside])
        back, forth = found.reach(positions, before, after)
        of = {p: part for part in parts for p in part}
        assert back.tolist() == [p - of[p][0] for p in positions]
        assert forth.tolist() == [of[p][-1] - p for p in positions]
    if len(set(model)) == len(model):
        rows = np.arange(-3, LENGTH + 3)
        assert found.positions(rows).tolist() == [model.index(row) if row in model else -1 for row in rows]


def test_spans_that_continue_one_another_are_one() -> None:
    found = SpanMap.of(np.array([3, 5, 9, 9]), np.array([2, 4, 0, 1]))
    assert found.runs.rows.tolist() == [3]
    assert found.runs.counts.tolist() == [7]


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=4), st.integers(0, 4))
def test_filled_steps_repeat_the_last_real_one(mask: list[list[bool]], zero: int) -> None:
    places = edge_repeats(np.array(mask), zero).tolist()
    for real, found in zip(mask, places, strict=True):
        real[zero] = True
        for place in range(5):
            nearest = zero
            step = 1 if place > zero else -1
            while nearest != place and real[nearest + step]:
                nearest += step
            assert found[place] == (place if real[place] else nearest)


@given(st.integers(0, 60), st.integers(0, 3), st.lists(st.integers(0, 10), min_size=1, max_size=4))
def test_splits_are_disjoint_and_of_the_asked_size(count: int, seed: int, weights: list[int]) -> None:
    total = sum(weights)
    shares: dict[str, float] = {str(i): weight / total if total else 0.0 for i, weight in enumerate(weights)}
    found = split(count, shares, seed)
    again = split(count, shares, seed)
    members = np.concatenate([*found.values()])
    assert all(np.array_equal(found[name], again[name]) for name in found)
    assert sorted(members.tolist()) == (list(range(count)) if total else [])
    for name, chosen in found.items():
        assert np.all(np.diff(chosen) > 0)
        assert abs(len(chosen) - shares[name] * count) <= max(len(weights), 1)
    numbers = {str(i): min(weight, count // len(weights)) for i, weight in enumerate(weights)}
    assert {name: len(chosen) for name, chosen in split(count, numbers, seed).items()} == numbers


def test_shares_that_make_no_sense_are_refused() -> None:
    shares: dict[str, Any]
    for shares in (
        {"a": 0.9, "b": 0.2},
        {"a": 4},
        {"a": -0.1},
        {"a": -1},
        {"a": "x"},
        {"a": 1, "b": 0.5},
        {"a": True},
    ):
        with pytest.raises(ValueError, match="shares"):
            split(3, shares, 0)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_nothing_from_before_the_first(count: int) -> None:
    rows = row_map(np.array([10, 11, 12][:count], dtype=np.int64))
    for start in range(-5, 6):
        for step in (-2, -1, 1, 2):
            positions = range(*slice(start, None, step).indices(count))
            expected = list(range(10, 10 + count))[start::step]
            assert list(rows.at(positions)) == expected
            assert len(rows.composed(positions)) == len(expected)
