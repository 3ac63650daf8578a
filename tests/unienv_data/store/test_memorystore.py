"""Slots in memory, against lists of rows."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData, ColumnSpec, Ragged
from unienv_data.errors import ClosedError, CodecError, PathError, SpaceError
from unienv_data.schema.commit import BufferState
from unienv_data.store.creation import NewStore
from unienv_data.store.layout import LayoutOptions
from unienv_data.store.memorystore import MemoryStore
from unienv_data.store.objects import LocalObjects

SPECS = (
    ColumnSpec("number", "box", np.dtype(np.float32), (2,)),
    ColumnSpec("flag", "binary", np.dtype(np.bool_)),
    ColumnSpec("nothing", "box", np.dtype(np.int64), (0, 3)),
    ColumnSpec("text", "text", np.dtype(np.uint8), ragged_axes=1, max_values=5000),
    ColumnSpec("image", "box", np.dtype(np.int16), ragged_axes=2),
)
NAMES = [spec.name for spec in SPECS]


def new(capacity: int | None, layout: LayoutOptions | None = None, specs: Any = SPECS) -> NewStore:
    return NewStore("zarr", {"type": "dict"}, specs, capacity, layout or LayoutOptions())


def make(capacity: int | None = None, specs: Any = SPECS) -> MemoryStore:
    return MemoryStore("storage", new(capacity, specs=specs), buffer=BufferState(), attributes={})


# The model: a row is a tuple of arrays, one a column.

Row = tuple[NDArray[Any], ...]
EMPTY: Row = (
    np.zeros(2, np.float32),
    np.zeros((), np.bool_),
    np.zeros((0, 3), np.int64),
    np.zeros(0, np.uint8),
    np.zeros((0, 0), np.int16),
)


def row_of(seed: int) -> Row:
    rng = np.random.default_rng(seed)
    long = 2000 if seed % 7 == 0 else 6  # beyond what rows share
    return (
        rng.random(2, dtype=np.float32),
        np.array(seed % 2 == 1),
        np.zeros((0, 3), np.int64),
        rng.integers(0, 3, rng.integers(0, long), dtype=np.uint8),
        rng.integers(-9, 9, rng.integers(0, 4, size=2)).astype(np.int16),
    )


def ragged(rows: Sequence[NDArray[Any]]) -> Ragged:
    """Rows, equal ones at one place."""
    placed: dict[bytes, int] = {}
    starts, values = [], [np.zeros(3, rows[0].dtype)]  # before the first row stands something else
    for row in rows:
        key = row.tobytes()
        if key not in placed:
            placed[key] = sum(map(len, values))
            values.append(row.reshape(-1))
        starts.append(placed[key])
    shapes = np.array([row.shape for row in rows], dtype=np.int64)
    return Ragged(np.concatenate(values), np.array(starts, dtype=np.int64), shapes)


def columns_of_rows(rows: Sequence[Row]) -> dict[str, ColumnData]:
    return {
        spec.name: np.stack([row[i] for row in rows])
        if spec.ragged_axes is None
        else ragged([row[i] for row in rows])
        for i, spec in enumerate(SPECS)
    }


def rows_of_columns(columns: dict[str, ColumnData], count: int) -> list[Row]:
    found: list[list[NDArray[Any]]] = [[] for _ in range(count)]
    for name in NAMES:
        data = columns[name]
        assert len(data) == count
        for i in range(count):
            if isinstance(data, Ragged):
                start, shape = int(data.starts[i]), tuple(data.shapes[i].tolist())
                values = data.values[start : start + int(np.prod(shape))]
                assert values.flags.writeable
                found[i].append(values.reshape(shape))
            else:
                found[i].append(data[i])
    return [tuple(row) for row in found]


def assert_same(found: Sequence[Row], expected: Sequence[Row]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for a, b, spec in zip(one, other, SPECS, strict=True):
            assert (a.shape, a.dtype) == (b.shape, spec.dtype)
            np.testing.assert_array_equal(a, b)


def spoil(columns: dict[str, ColumnData]) -> None:
    for column in columns.values():
        if isinstance(column, Ragged):
            column.values[:] = 88
            column.shapes[:] = 88
        else:
            column[:] = 1


class Slots(RuleBasedStateMachine):
    """Any operations in any order."""

    @initialize(capacity=st.none() | st.integers(1, 12))
    def begin(self, capacity: int | None) -> None:
        self.capacity = capacity
        self.store = make(capacity)
        self.model: list[Row] = [EMPTY] * (capacity or 0)
        self.seed = 0

    def rows(self, count: int) -> list[Row]:
        self.seed += 1
        return [row_of(self.seed * 10 + i % 4) for i in range(count)]

    @rule(count=st.integers(0, 200))
    def extend(self, count: int) -> None:
        if self.capacity is None:
            self.store.extend_length(count)
            self.model += [EMPTY] * count

    @rule(count=st.integers(0, 250))
    def shrink(self, count: int) -> None:
        if self.capacity is None:
            self.store.shrink_length(count)
            del self.model[max(len(self.model) - count, 0) :]

    @rule(data=st.data())
    def write_some(self, data: st.DataObject) -> None:
        if self.model:
            slots = data.draw(st.lists(st.integers(0, len(self.model) - 1), max_size=20))
            self.write(np.array(slots, dtype=np.int64))

    @rule(data=st.data())
    def write_evenly(self, data: st.DataObject) -> None:
        self.write(self.draw_range(data))

    def draw_range(self, data: st.DataObject) -> range:
        bounds = st.none() | st.integers(-len(self.model) - 2, len(self.model) + 2)
        steps = st.none() | st.integers(-3, 3).filter(bool)
        start, stop, step = data.draw(bounds), data.draw(bounds), data.draw(steps)
        return range(len(self.model))[start:stop:step]

    def write(self, slots: Any) -> None:
        rows = self.rows(len(slots))
        columns = columns_of_rows(rows) if rows else {}
        self.store.set(slots, columns)
        for slot, row in zip(slots, rows, strict=True):
            self.model[slot] = row
        spoil(columns)  # which are the caller's again

    @rule(broken=st.sampled_from(["missing", "dtype", "shape", "count", "ragged", "fixed"]))
    def fail(self, broken: str) -> None:
        if not self.model:
            return
        columns = columns_of_rows(self.rows(1))
        last: Any = columns["image"]
        if broken == "missing":
            del columns["image"]
        elif broken == "dtype":
            columns["image"] = Ragged(last.values.astype(np.int64), last.starts, last.shapes)
        elif broken == "shape":
            columns["flag"] = np.zeros((1, 1), np.bool_)
        elif broken == "count":
            columns["text"] = ragged([EMPTY[3], EMPTY[3]])
        elif broken == "ragged":
            columns["flag"] = last
        else:
            columns["text"] = np.zeros(1, np.uint8)
        with pytest.raises((KeyError, ValueError, TypeError)):
            self.store.set(range(1), columns)

    @rule(data=st.data())
    def keep(self, data: st.DataObject) -> None:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(self.model)), max_size=8)))
        spans = data.draw(st.permutations(list(zip(cuts[::2], cuts[1::2], strict=False))))
        self.store.keep(spans)
        kept = [row for start, stop in spans for row in self.model[start:stop]]
        missing = 0 if self.capacity is None else self.capacity - len(kept)
        self.model = kept + [EMPTY] * missing

    @rule()
    def clear(self) -> None:
        self.store.clear()
        self.model = [EMPTY] * (self.capacity or 0)

    @rule(data=st.data())
    def read_evenly(self, data: st.DataObject) -> None:
        slots = self.draw_range(data)
        found = self.store.get(slots, NAMES)
        assert_same(rows_of_columns(found, len(slots)), [self.model[slot] for slot in slots])
        spoil(found)  # which are ours

    @rule(data=st.data())
    def read_some(self, data: st.DataObject) -> None:
        if not self.model:
            return
        slots = data.draw(st.lists(st.integers(0, len(self.model) - 1), max_size=20))
        found = self.store.get(np.array(slots, dtype=np.int64), NAMES)
        assert_same(rows_of_columns(found, len(slots)), [self.model[slot] for slot in slots])
        spoil(found)  # which are ours

    @invariant()
    def shows_what_was_written(self) -> None:
        if hasattr(self, "store"):
            assert self.store.length == len(self.model)
            found = self.store.get(range(len(self.model)), NAMES)
            assert_same(rows_of_columns(found, len(self.model)), self.model)

    @invariant()
    def describes_what_it_holds(self) -> None:
        if hasattr(self, "store"):
            sizes = [sum(row[i].nbytes for row in self.model) for i in range(len(SPECS))]
            for axes, spec in enumerate(SPECS[3:], 1):
                sizes[NAMES.index(spec.name)] += 8 * axes * len(self.model)
            infos = self.store.describe()
            assert [info.raw_bytes for info in infos] == sizes
            assert [info.stored_bytes for info in infos] == sizes


TestSlots = Slots.TestCase


@pytest.mark.parametrize("slots", [range(-1, 0, -1), range(5, 2), range(-3, -3), np.zeros(0, np.int64)])
def test_no_slots_are_no_rows(slots: Any) -> None:
    assert all(len(data) == 0 for data in make(2).get(slots, NAMES).values())


def test_slots_that_change_places_with_unwritten_ones() -> None:
    store = make(10)
    store.set(range(5), columns_of_rows([row_of(seed) for seed in range(5)]))
    store.keep([(5, 10), (0, 5)])
    assert_same(rows_of_columns(store.get(range(5, 10), NAMES), 5), [row_of(seed) for seed in range(5)])
    store.keep([(0, 7)])
    expected = [*[EMPTY] * 5, row_of(0), row_of(1), *[EMPTY] * 3]
    assert_same(rows_of_columns(store.get(range(10), NAMES), 10), expected)


# Memory


def size_of(build: Callable[[], Any]) -> tuple[Any, int]:
    """What `build` makes, and how many bytes more are held than before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        made = build()
        after, _ = tracemalloc.get_traced_memory()
        return made, after - before
    finally:
        tracemalloc.stop()


LONG = (ColumnSpec("text", "text", np.dtype(np.uint8), ragged_axes=1),)
WIDE = (ColumnSpec("wide", "box", np.dtype(np.uint8), (10_000,)),)


@pytest.mark.parametrize("specs", [WIDE, LONG])
def test_a_ring_holds_its_rows_and_no_others(specs: tuple[ColumnSpec, ...]) -> None:
    name = specs[0].name
    value = np.zeros((1, 10_000), np.uint8)

    def fill() -> MemoryStore:
        store = make(1000, specs)
        for i in range(50_000):
            value[0, :4] = np.frombuffer(np.int32(i).tobytes(), np.uint8)
            row = value if name == "wide" else Ragged(value[0], np.zeros(1, np.int64), np.array([[10_000]]))
            store.set(range(i % 1000, i % 1000 + 1), {name: row})
        return store

    store, size = size_of(fill)
    assert 10_000_000 <= size < 1.1 * 10_000_000
    assert store.length == 1000


def test_removed_rows_are_given_back() -> None:
    def grow_and_shrink() -> MemoryStore:
        store = make(None, WIDE + LONG)
        store.extend_length(2000)
        for i in range(2000):
            text = Ragged(np.full(5000, i % 256, np.uint8), np.zeros(1, np.int64), np.array([[5000]]))
            store.set(range(i, i + 1), {"wide": np.ones((1, 10_000), np.uint8), "text": text})
        store.shrink_length(1990)
        return store

    store, size = size_of(grow_and_shrink)
    assert size < 64 * 10_000 + 10 * 5000 + 100_000
    columns: Any = store.get(range(10), ["wide", "text"])
    assert columns["wide"].all()
    assert [int(columns["text"].values[start]) for start in columns["text"].starts] == [*range(10)]


def test_keeping_rows_makes_no_second_copy() -> None:
    store = make(None, WIDE)
    store.extend_length(5000)
    tracemalloc.start()
    try:
        store.keep([(2500, 5000), (0, 2499)])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_equal_texts_are_held_once() -> None:
    def fill() -> MemoryStore:
        store = make(1000, LONG)
        for slot in range(1000):
            text = np.full(1000, ord("a"), np.uint8)
            store.set(
                range(slot, slot + 1), {"text": Ragged(text, np.zeros(1, np.int64), np.array([[1000]]))}
            )
        return store

    store, size = size_of(fill)
    assert size < 100_000
    read: Any = store.get(range(1000), ["text"])["text"]
    assert len(read.values) == 1000
    assert set(read.starts.tolist()) == {0}


# What it says of itself


@pytest.mark.parametrize(
    ("layout", "error"),
    [
        (LayoutOptions(codecs={"nope": "lz4"}), PathError),
        (LayoutOptions(codecs={"number": "no-codec"}), CodecError),
        (LayoutOptions(chunks={"number": 0}), SpaceError),
    ],
)
def test_columns_that_cannot_be_written_are_refused_at_once(layout: Any, error: Any) -> None:
    with pytest.raises(error):
        MemoryStore("", new(None, layout), buffer=BufferState(), attributes={})


def test_nothing_stands_anywhere() -> None:
    store = make()
    assert (store.is_durable, store.seconds_since_commit, store.refresh()) == (False, 0.0, False)
    with pytest.raises(SpaceError, match="dumps"):
        _ = store.root


def test_what_was_handed_over_is_remembered() -> None:
    store = make()
    store.extend_length(3)
    state = BufferState(count=3, appended=3)
    for hand_over in (store.commit, store.seal, store.compact):
        assert hand_over(state, attributes={"a": 1}) is store.commit_read
        assert (store.commit_read.buffer, store.commit_read.length) == (state, 3)
        assert store.commit_read.attributes == {"a": 1}
        hand_over(BufferState())
        assert (store.commit_read.buffer, store.commit_read.attributes) == (BufferState(), {"a": 1})


def test_a_closed_store_holds_nothing() -> None:
    store = make()
    assert not store.is_closed
    store.close(BufferState())
    store.abandon()
    assert store.is_closed
    for use in (
        lambda: store.get(range(0), NAMES),
        lambda: store.set(range(0), {}),
        lambda: store.extend_length(1),
        lambda: store.shrink_length(1),
        lambda: store.keep([]),
        store.clear,
        store.describe,
        store.refresh,
        lambda: store.commit(BufferState()),
        lambda: store.copy_to(LocalObjects("nowhere"), BufferState(), {}),
    ):
        with pytest.raises(ClosedError, match="closed"):
            use()
