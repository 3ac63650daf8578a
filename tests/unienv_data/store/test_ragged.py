"""Rows of differing shapes: equal ones share values, and every span is found again."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.columns.data import Ragged
from unienv_data.store.ragged import SharedValues, spans_of

words = st.lists(st.binary(max_size=5), max_size=12)


def ragged(rows: list[bytes], *, shared: bool) -> Ragged:
    """Rows of bytes; equal ones at one place where `shared`."""
    starts, places, values = [], dict[bytes, int](), b""
    for row in rows:
        if not (shared and row in places):
            places[row] = len(values)
            values += row
        starts.append(places[row])
    lengths = np.array([len(row) for row in rows], dtype=np.int64).reshape(-1, 1)
    return Ragged(np.frombuffer(values, dtype=np.uint8), np.array(starts, dtype=np.int64), lengths)


@given(st.lists(st.tuples(words, st.booleans()), max_size=5), st.integers(0, 100))
def test_placed_values_are_found_again(batches: list[tuple[list[bytes], bool]], position: int) -> None:
    shared = SharedValues()
    log = bytes(position)
    for rows, together in batches:
        data = ragged(rows, shared=together)
        starts, fresh = shared.place(data, 0, len(rows), len(log))
        assert starts.dtype == np.int64
        added = b"".join(part.tobytes() for part in fresh)
        assert len(added) <= data.distinct_values(0, len(rows))  # room for so many has been claimed
        log += added
        assert [log[start : start + len(row)] for start, row in zip(starts, rows, strict=True)] == rows


@given(words, st.data())
def test_a_part_of_the_rows(rows: list[bytes], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(rows)))
    stop = data.draw(st.integers(start, len(rows)))
    starts, fresh = SharedValues().place(ragged(rows, shared=True), start, stop, 7)
    log = bytes(7) + b"".join(part.tobytes() for part in fresh)
    assert [log[s : s + len(row)] for s, row in zip(starts, rows[start:stop], strict=True)] == rows[
        start:stop
    ]
    assert len(log) - 7 == sum(map(len, set(rows[start:stop])))


def test_equal_rows_are_written_once_until_cleared() -> None:
    shared = SharedValues()
    task = ragged([b"pick up the cube"] * 1000, shared=True)
    starts, fresh = shared.place(task, 0, 1000, 50)
    assert set(starts.tolist()) == {50}
    assert [part.tobytes() for part in fresh] == [b"pick up the cube"]
    starts, fresh = shared.place(ragged([b"pick up the cube"], shared=False), 0, 1, 66)
    assert (starts.tolist(), fresh) == ([50], [])
    shared.clear()
    starts, fresh = shared.place(task, 0, 1, 66)
    assert (starts.tolist(), len(fresh)) == ([66], 1)


def test_what_is_remembered_is_bounded() -> None:
    shared = SharedValues()
    rows = [number.to_bytes(3, "little") for number in range(10_000)]
    shared.place(ragged(rows, shared=False), 0, len(rows), 0)
    assert len(shared._known) <= 4096
    long = [bytes(2000)] * 2
    starts, _ = shared.place(ragged(long, shared=False), 0, 2, 0)
    assert starts.tolist() == [0, 2000]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6), st.integers(0, 3)), max_size=15))
def test_spans_hold_every_row(rows: list[tuple[int, int, int]]) -> None:
    """Any index, though rows of one start be of different lengths, and spans overlap."""
    index = np.array(rows, dtype=np.int64).reshape(-1, 3)
    log = np.arange(100)
    spans, begins, shapes = spans_of(index)
    read = np.concatenate([log[:0], *(log[start:stop] for start, stop in spans)])
    for (start, height, width), begin, shape in zip(rows, begins, shapes, strict=True):
        assert shape.tolist() == [height, width]
        assert read[begin : begin + height * width].tolist() == log[start : start + height * width].tolist()
    assert [start for start, _ in spans] == sorted({start for start, _, _ in rows})
