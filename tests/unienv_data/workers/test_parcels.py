"""Values of every structure through bytes, and the slots that the bytes stand in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unienv_data.errors import SpaceValueError, WorkerError
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
    parcel.write(target)
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
