"""Rows in units and spans: each row once, in order, units whole."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from unienv_data.conversion.writing.units import SPAN_BYTES, Unit, spans_of, unit_rows_of, units_of


@given(st.integers(1, 5000), st.integers(1, 700))
def test_units_cover_all_rows(rows: int, unit_rows: int) -> None:
    units = units_of(rows, unit_rows)
    assert [row for unit in units for row in range(unit.start, unit.stop)] == list(range(rows))
    assert all(unit.rows == unit_rows for unit in units[:-1])


@given(
    st.integers(1, 400),
    st.integers(1, 8),
    st.integers(0, 1 << 28),
    st.data(),
)
def test_spans_are_of_consecutive_units(
    count: int, workers: int, row_bytes: int, data: st.DataObject
) -> None:
    units = units_of(4 * count, 4)
    done = data.draw(st.sets(st.sampled_from(units), max_size=count))
    todo = [unit for unit in units if unit not in done]
    spans = spans_of(todo, workers, row_bytes)
    assert [unit for span in spans for unit in span] == todo
    for span in spans:
        assert all(a.stop == b.start for a, b in pairwise(span))
        if workers > 1 and len(span) > 1:
            assert sum(unit.rows for unit in span) * row_bytes <= SPAN_BYTES
    if workers > 1 and len(todo) >= workers:
        assert len(spans) >= min(len(todo), workers)


@given(st.integers(0, 14), st.integers(0, 1 << 32))
def test_units_are_whole_blocks(power: int, row_bytes: int) -> None:
    rows = unit_rows_of(1 << power, row_bytes)
    assert rows > 0
    assert rows % (1 << power) == 0


def test_units_sort() -> None:
    assert sorted([Unit(8, 9), Unit(0, 8)]) == [Unit(0, 8), Unit(8, 9)]
