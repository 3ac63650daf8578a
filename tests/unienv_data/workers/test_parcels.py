"""Values of every structure through bytes, and the slots that the bytes stand in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unienv_data.errors import SpaceValueError, WorkerError
from unienv_data.store.outputs import LentMemory, empty, reading_into
from unienv_data.testing import SPACES, same, values
from unienv_data.workers.failures import retell, tell
from unienv_data.workers.parcels import pack, spans, unpack
from unienv_data.workers.slots import Slots
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space.space_utils import batch_utils


def sent(value: Any) -> Any:
    """What arrives of a value."""
    parcel = pack(value)
    where = spans(parcel.lengths)
    target = memoryview(bytearray(where[-1][1]))
    assert parcel.write(target[:-1]) is None
    assert parcel.write(target) == where
    assert all(start % 64 == 0 for start, _ in where)
    return unpack([target[start:stop] for start, stop in where])


@pytest.mark.parametrize("name", SPACES)
def test_batches_of_every_space_arrive_as_they_were(name: str) -> None:
    space = SPACES[name](NumpyComputeBackend)
    batch = batch_utils.concatenate(space, values(name, NumpyComputeBackend))
    assert same(sent(batch), batch)


def test_arrays_arrive_as_views_that_can_be_written() -> None:
    arrays = {"plain": np.arange(12.0), "cut": np.arange(12)[::3], "turned": np.ones((3, 4)).T}
    arrived = sent(arrays)
    assert same(arrived, arrays)
    assert not arrived["plain"].flags.owndata
    arrived["plain"] += 1
    assert arrays["plain"][0] == 0


def test_what_stands_in_its_place_already_stays_there() -> None:
    memory = bytearray(1 << 20)
    lent = LentMemory(memoryview(memory))
    with reading_into(lent):
        there, wasted = empty((50_000,), np.dtype(np.int32)), empty((100_000,), np.dtype(np.int8))
    there[:] = np.arange(50_000)
    wasted[:] = 1
    value = {"there": there, "part": there[20_000:40_000], "elsewhere": np.arange(30_000), "text": "x"}
    parcel = pack(value)
    where = parcel.write(memoryview(memory), lent)
    assert where is not None
    assert where[0] == (0, 200_000)
    assert where[1] == (80_000, 160_000)
    assert all(start >= 300_000 for start, _ in where[2:])
    assert same(unpack([memoryview(memory)[start:stop] for start, stop in where]), value)


def test_room_that_was_taken_in_between_is_had_again_by_copying() -> None:
    memory = bytearray(300_000)
    lent = LentMemory(memoryview(memory))
    with reading_into(lent):
        _, there = empty((100_000,), np.dtype(np.int8)), empty((100_000,), np.dtype(np.int8))
    there[:] = 5
    value = [there, np.full(150_000, 7, dtype=np.int8)]
    expected = [array.copy() for array in value]
    parcel = pack(value)
    assert parcel.write(memoryview(memory), lent) is None
    where = parcel.copied().write(memoryview(memory))
    assert where is not None
    assert same(unpack([memoryview(memory)[start:stop] for start, stop in where]), expected)


def test_slot_is_free_again_when_nobody_refers_to_it() -> None:
    slots = Slots(2, 100)
    first, second = slots.take(), slots.take()
    assert first is not None
    assert second is not None
    assert slots.take() is None
    lent = np.frombuffer(slots.lend(first)[8:16], dtype=np.int64)
    part = lent[:1]
    del lent
    assert (slots.lent, slots.take()) == (1, None)
    part[0] = 5
    del part
    assert slots.lent == 0
    again = slots.take()
    assert again == first
    slots.put_back(second)
    larger = slots.take(100_000)
    assert larger is not None
    assert larger.slot == second.slot
    assert larger.capacity >= 100_000
    slots.view(larger)[99_999] = 1
    slots.close()


def test_memory_outlives_its_slots_where_it_is_lent() -> None:
    slots = Slots(1, 100)
    place = slots.take()
    assert place is not None
    lent = slots.lend(place)
    slots.close()
    lent[3] = 7
    assert lent[3] == 7


def test_exceptions_keep_what_they_are_and_where_they_were_raised() -> None:
    try:
        raise SpaceValueError("state", "3", "4")
    except SpaceValueError as exc:
        told = tell(exc)
    error = retell(told)
    assert type(error) is SpaceValueError
    assert str(error) == "state: expected 3, got 4"
    assert "test_exceptions_keep" in str(error.__cause__)


def test_exceptions_that_hold_what_cannot_be_sent_are_told() -> None:
    error = retell(tell(ValueError(row for row in range(3))))
    assert type(error) is WorkerError
    assert str(error).startswith("ValueError: <generator")
