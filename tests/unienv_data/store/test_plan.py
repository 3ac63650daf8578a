"""Plans carried out on chunks that are arrays, against plain indexing."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from unienv_data.store.located import Located
from unienv_data.store.plan import SCATTERED, Plan, plan_rows, plan_spans

chunk_sizes = st.sampled_from([1, 2, 3, 4, 7, 8, 16])
rows = st.lists(st.integers(0, 60), max_size=40)
spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 30)).map(lambda s: (s[0], s[0] + s[1])), max_size=6
)


def carry_out(plan: Plan, count: int, chunk_rows: int) -> list[int]:
    """What a gather makes of the plan where row r of the array is r; every row is written once."""
    out = np.full(count, -1)
    for i, chunk in enumerate(plan.chunks.tolist()):
        content = np.arange(chunk * chunk_rows, (chunk + 1) * chunk_rows)
        target = plan.targets[i]
        if target != SCATTERED:
            place: object = slice(target, target + chunk_rows)
            source: object = slice(None)
            assert i not in plan.pieces
        else:
            place, source = plan.pieces[i].target, plan.pieces[i].source
        assert (out[place] == -1).all()  # type: ignore[index]
        out[place] = content[source]  # type: ignore[index]
    return out.tolist()


def check(plan: Plan, expected: list[int], chunk_rows: int) -> None:
    assert carry_out(plan, len(expected), chunk_rows) == expected
    assert plan.chunks.dtype == np.int64
    assert plan.chunks.tolist() == sorted({row // chunk_rows for row in expected})
    assert len(plan.targets) == len(plan.chunks)


@given(rows, chunk_sizes)
@example([0, 1, 2, 3, 3], 4)
@example([0, 2, 1, 3], 4)
@example([3, 2, 1, 0], 4)
@example([4, 5, 6, 7, 0, 1, 2, 3], 4)
def test_any_rows(wanted: list[int], chunk_rows: int) -> None:
    check(plan_rows(np.array(wanted, dtype=np.int64), chunk_rows), wanted, chunk_rows)


@given(st.integers(0, 50), st.integers(0, 50), st.sampled_from([1, 2, 3, -1, -2]), chunk_sizes)
def test_ranges(start: int, length: int, step: int, chunk_rows: int) -> None:
    wanted = range(start, start + length)[::step]
    check(plan_rows(wanted, chunk_rows), list(wanted), chunk_rows)


@given(spans, chunk_sizes)
@example([(0, 8), (0, 8)], 4)
@example([(0, 8), (3, 5)], 4)
def test_any_spans(wanted: list[tuple[int, int]], chunk_rows: int) -> None:
    expected = [row for start, stop in wanted for row in range(start, stop)]
    check(plan_spans(wanted, chunk_rows), expected, chunk_rows)


@given(st.permutations(range(32)), st.integers(0, 7))
def test_whole_chunks_in_any_order_are_seen_as_such(order: list[int], first: int) -> None:
    wanted = np.concatenate([np.arange(4 * (first + i), 4 * (first + i) + 4) for i in order])
    plan = plan_rows(wanted, 4)
    assert not plan.pieces
    assert SCATTERED not in plan.targets


extents = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), min_size=1, max_size=10)


@given(st.lists(extents, max_size=4), st.sampled_from([0, 1, 10, 100]))
def test_ranges_of_located_chunks_cut_into_those_chunks(
    objects: list[list[tuple[int, int]]], gap: int
) -> None:
    expected: list[tuple[str, int, int]] = []
    for number, object_ in enumerate(objects):
        name = f"o{number}"
        edges = np.cumsum([edge for space, length in object_ for edge in (space, length)])
        expected += [(name, a, b) for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)]
    places = np.array([(a, b) for _, a, b in expected], dtype=np.int64).reshape(-1, 2)
    found = Located([name for name, _, _ in expected], places[:, 0], places[:, 1])
    ranges, cuts = found.ranges(gap)
    chunks = []
    for item, parts in zip(ranges, cuts, strict=True):
        chunks += [
            (item.name, item.start + a, item.start + b) for a, b in parts or [(0, item.stop - item.start)]
        ]
    assert chunks == expected
    if gap >= 40:  # neighbours are read together
        assert len(ranges) == len({name for name, _, _ in chunks})
    runs = found.runs()
    assert [
        (run.name, a, b) for run in runs for a, b in zip(run.starts.tolist(), run.stops.tolist(), strict=True)
    ] == expected
    assert len(runs) == len(objects)


@given(st.lists(st.binary(max_size=4), max_size=3), st.booleans())
def test_what_a_writer_holds_may_end_in_rows(memory: list[bytes], in_rows: bool) -> None:
    none = np.empty(0, dtype=np.int64)
    held = [*memory, np.zeros((4, 2))] if in_rows else memory
    assert Located([], none, none, held).ends_in_rows == in_rows


def test_no_read_is_long_however_many_chunks_are_neighbours() -> None:
    edges = np.arange(0, 65 << 20, 1 << 20)
    ranges, _ = Located(["o"] * 64, edges[:-1], edges[1:]).ranges(0)
    assert max(item.stop - item.start for item in ranges) <= 5 << 20
    assert len(ranges) <= 17
