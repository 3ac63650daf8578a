"""Rows in slots, against a deque of row numbers."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.ring import next_slots, slots_of


@given(
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(-3, 3).filter(bool),
    st.integers(0, 10),
    st.none() | st.integers(1, 12),
)
def test_slots_of_a_range_are_those_of_each_row(
    start: int, stop: int, step: int, offset: int, capacity: int | None
) -> None:
    rows = range(start, stop, step)
    expected = [row + offset if capacity is None else (row + offset) % capacity for row in rows]
    assert list(slots_of(rows, offset, capacity)) == expected
    assert list(slots_of(np.array(rows, dtype=np.int64), offset, capacity)) == expected


@given(st.integers(1, 7), st.lists(st.integers(0, 9), max_size=12))
def test_a_ring_keeps_its_newest_rows_in_order(capacity: int, additions: list[int]) -> None:
    kept: deque[int] = deque(maxlen=capacity)
    slots: list[int | None] = [None] * capacity
    count = offset = added = 0
    for size in additions:
        new = list(range(added, added + size))
        added += size
        kept.extend(new)
        stored = new[-capacity:]
        chosen, count, offset = next_slots(count, offset, capacity, len(stored))
        for slot, row in zip(chosen, stored, strict=True):
            slots[int(slot)] = row
        assert [slots[int(slot)] for slot in slots_of(range(count), offset, capacity)] == list(kept)


def test_without_capacity_rows_follow_one_another() -> None:
    assert next_slots(3, 0, None, 2) == (range(3, 5), 5, 0)
    assert next_slots(0, 0, None, 0) == (range(0), 0, 0)


@pytest.mark.parametrize("offset", range(5))
def test_a_full_ring_that_does_not_wrap_stays_a_range(offset: int) -> None:
    slots, count, _ = next_slots(5, offset, 5, 5 - offset)
    assert slots == range(offset, 5)
    assert count == 5
