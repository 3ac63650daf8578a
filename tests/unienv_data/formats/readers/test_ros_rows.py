"""Which message a row shows: the last one at or before it, never one after it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.errors import ConversionError
from unienv_data.formats.readers.ros.rows import (
    messages_of_rows,
    parse_rate,
    row_times_at_rate,
    row_times_of_topic,
)

TIMES = st.lists(st.integers(0, 10**10), min_size=1, max_size=30).map(sorted)


@given(TIMES, TIMES)
def test_no_row_shows_what_came_after_it(messages: list[int], rows: list[int]) -> None:
    rows = [row for row in rows if row >= messages[0]]
    found = messages_of_rows(np.array(messages), np.array(rows, np.int64))
    for row, number in zip(rows, found.tolist(), strict=True):
        assert messages[number] <= row
        assert number == len(messages) - 1 or messages[number + 1] > row


@given(TIMES, TIMES, st.fractions(Fraction(1, 100), 1000, max_denominator=1001))
def test_rows_at_a_rate(first: list[int], second: list[int], rate: Fraction) -> None:
    rows = row_times_at_rate({"a": np.array(first), "b": np.array(second)}, rate).tolist()
    start, end = max(first[0], second[0]), max(first[-1], second[-1])
    assert rows[0] == start
    assert rows[-1] <= end
    assert all(abs(row - start - Fraction(k) * 10**9 / rate) <= Fraction(1, 2) for k, row in enumerate(rows))
    assert start + Fraction(len(rows)) * 10**9 / rate > end - Fraction(1, 2)


@given(TIMES, TIMES)
def test_rows_at_a_topic(first: list[int], second: list[int]) -> None:
    rows = row_times_of_topic({"a": np.array(first), "b": np.array(second)}, "a").tolist()
    assert rows == [time for time in first if time >= second[0]]


def test_a_day_at_an_odd_rate_does_not_drift() -> None:
    day = 86_400 * 10**9
    rows = row_times_at_rate({"a": np.arange(0, day + 1, day // 4000)}, Fraction(30000, 1001))
    assert rows[-1] == round(Fraction(len(rows) - 1) * 10**9 * 1001 / 30000)


@pytest.mark.parametrize("text", ["0", "-3", "fast", "1/0", ""])
def test_rates_that_are_none(text: str) -> None:
    with pytest.raises(ConversionError, match="rate"):
        parse_rate(text)


def test_times_that_leap() -> None:
    with pytest.raises(ConversionError, match="their times leap"):
        row_times_at_rate({"a": np.array([0, 10, 2**62])}, Fraction(30))
