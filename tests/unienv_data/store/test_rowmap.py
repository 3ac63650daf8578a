"""The slot map against a dictionary from slot to log row."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from unienv_data.store.rowmap import SlotMap, runs_of


def lookup(model: dict[int, int], slots: range | list[int]) -> list[int]:
    return [model.get(slot, -1) for slot in slots]


class SlotMapMachine(RuleBasedStateMachine):
    """Any sequence of changes."""

    def __init__(self) -> None:
        super().__init__()
        self.map, self.model, self.length, self.log = SlotMap(), dict[int, int](), 0, 0
        self.earlier: list[tuple[SlotMap, dict[int, int]]] = []

    @rule(length=st.integers(0, 40))
    def resize(self, length: int) -> None:
        self.map = self.map.resized(length)
        self.length = length
        self.model = {slot: row for slot, row in self.model.items() if slot < length}

    @rule(data=st.data(), skipped=st.integers(0, 3))
    def assign(self, data: st.DataObject, skipped: int) -> None:
        slot = data.draw(st.integers(0, self.length))
        count = data.draw(st.integers(0, self.length - slot))
        self.log += skipped
        self.map = self.map.assigned(slot, self.log, count)
        self.model |= {slot + i: self.log + i for i in range(count)}
        self.log += count

    @rule(data=st.data())
    def assign_several(self, data: st.DataObject) -> None:
        slots = data.draw(st.lists(st.integers(0, self.length), max_size=12))
        runs = []
        for slot in slots:
            count = data.draw(st.integers(1, 4))
            if slot + count <= self.length:
                runs.append((slot, self.log, count))
                self.model |= {slot + i: self.log + i for i in range(count)}
                self.log += count
        self.map = self.map.assigned_runs(runs)

    @rule(data=st.data(), shift=st.integers(0, 50))
    def move(self, data: st.DataObject, shift: int) -> None:
        first = data.draw(st.integers(0, self.log))
        self.map = self.map.moved(first, shift)
        self.model = {slot: row + shift * (row >= first) for slot, row in self.model.items()}
        self.log += shift

    @rule(data=st.data(), spare=st.integers(0, 3))
    def keep(self, data: st.DataObject, spare: int) -> None:
        ends = sorted(data.draw(st.lists(st.integers(0, self.length), max_size=6)))
        spans = list(zip(ends[::2], ends[1::2], strict=False))
        if data.draw(st.booleans()):
            spans.reverse()
        slots = [slot for start, stop in spans for slot in range(start, stop)]
        self.length = len(slots) + spare
        self.map = self.map.kept(spans, self.length)
        self.model = {i: self.model[slot] for i, slot in enumerate(slots) if slot in self.model}

    @invariant()
    def shows_what_the_model_shows(self) -> None:
        assert self.map.length == self.length
        assert list(self.map.lookup(range(self.length))) == lookup(self.model, range(self.length))

    @invariant()
    def runs_are_ordered_apart_and_as_few_as_can_be(self) -> None:
        for (slot, row, count), (after, row_after, _) in pairwise(self.map.runs):
            assert slot + count <= after
            assert (slot + count, row + count) != (after, row_after)
        assert all(count > 0 and slot + count <= self.length for slot, _, count in self.map.runs)

    @rule(data=st.data())
    def look_up(self, data: st.DataObject) -> None:
        if not self.length:
            return
        slots = data.draw(st.lists(st.integers(0, self.length - 1), max_size=10))
        found = self.map.lookup(np.array(slots, dtype=np.int64))
        assert isinstance(found, np.ndarray)
        assert found.dtype == np.int64
        assert found.tolist() == lookup(self.model, slots)
        piece = range(self.length)[data.draw(st.slices(self.length))]
        assert list(self.map.lookup(piece)) == lookup(self.model, piece)

    @rule()
    def remember(self) -> None:
        self.earlier.append((self.map, dict(self.model)))

    def teardown(self) -> None:
        for slot_map, model in self.earlier:  # nothing changes a map that is there
            assert list(slot_map.lookup(range(slot_map.length))) == lookup(model, range(slot_map.length))


TestSlotMap = SlotMapMachine.TestCase
TestSlotMap.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.integers(1, 30), st.integers(0, 1000), st.data())
def test_ranges_within_one_run_stay_ranges(length: int, first_row: int, data: st.DataObject) -> None:
    slot_map = SlotMap(length + 3).assigned(2, first_row, length)
    slots = range(2, 2 + length)[data.draw(st.slices(length))]
    found = slot_map.lookup(slots)
    assert isinstance(found, range)
    assert list(found) == [slot - 2 + first_row for slot in slots]
    assert isinstance(slot_map.lookup(range(0)), range)


@given(st.lists(st.integers(0, 12), max_size=20))
def test_runs_of_any_slots(slots: list[int]) -> None:
    found = runs_of(np.array(slots, dtype=np.int64))
    assert [slot + i for slot, _, count in found for i in range(count)] == slots
    assert [offset for _, offset, _ in found] == [sum(run[2] for run in found[:i]) for i in range(len(found))]
    for (slot, _, count), (after, _, _) in pairwise(found):
        assert slot + count != after


@pytest.mark.parametrize("slots", [range(3, 9), range(9, 3, -1), range(0, 9, 2), range(4, 4), range(5, 5, 2)])
def test_runs_of_ranges(slots: range) -> None:
    assert runs_of(slots) == runs_of(np.array(slots, dtype=np.int64))


def test_rows_appended_one_by_one_are_one_run() -> None:
    slot_map = SlotMap()
    for row in range(100):
        slot_map = slot_map.resized(row + 1).assigned(row, row, 1)
    assert slot_map == SlotMap(100, ((0, 0, 100),))
