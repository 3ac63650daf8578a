"""What a storage gets from its base: flattened forms, segments, capabilities."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.base.models import FLATTENABLE, NUMBER, SPACES, samples
from tests.unienv_interface.corpus import same
from unienv_data.base import SpaceStorage
from unienv_data.errors import ReadOnlyError, SegmentError, SpaceError
from unienv_data.indexing import resolve_index
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils import batch_utils, flatten_utils


class ListStorage(SpaceStorage[Any, Any, Any, Any, Any]):
    """A list of instances."""

    def __init__(self, space: AnySpace, capacity: int | None = None) -> None:
        super().__init__(space)
        self.capacity = capacity
        self.slots: list[Any] = [None] * (capacity or 0)

    def __len__(self) -> int:
        return len(self.slots)

    def extend_length(self, length: int) -> None:
        if self.capacity is None:
            self.slots += [None] * length

    def shrink_length(self, length: int) -> None:
        if self.capacity is None:
            del self.slots[len(self.slots) - length :]

    def get(self, index: Any) -> Any:
        rows = resolve_index(index, len(self))
        found = [self.slots[row] for row in rows.rows]
        return found[0] if rows.is_scalar else batch_utils.concatenate(self.single_instance_space, found)

    def set(self, index: Any, value: Any) -> None:
        rows = resolve_index(index, len(self))
        values = [value] if rows.is_scalar else list(batch_utils.iterate(self.single_instance_space, value))
        for row, instance in zip(rows.rows, values, strict=True):
            self.slots[row] = instance

    def dumps(self, path: Any) -> None:
        Path(path).touch()


class Least(SpaceStorage[Any, Any, Any, Any, Any]):
    """Only what is abstract."""

    def get(self, index: Any) -> Any:
        return None

    def set(self, index: Any, value: Any) -> None:
        return None

    def dumps(self, path: Any) -> None:
        return None


def test_defaults_are_those_documented() -> None:
    storage = Least(NUMBER)
    assert (storage.single_file_ext, storage.capacity, storage.cache_filename) == (None, None, None)
    assert (storage.is_multiprocessing_safe, storage.is_mutable) == (False, True)
    assert Least.kind is None
    assert (Least.supports_commit, Least.supports_segments) == (False, False)
    assert (Least.supports_flattened, Least.supports_columns) == (False, False)
    assert storage.single_instance_space is NUMBER
    assert storage.backend is NUMBER.backend
    assert storage.device == NUMBER.device
    assert (storage.has_open_segment, storage.pending_segment_length, storage.get_segments()) == (
        False,
        0,
        None,
    )
    with storage as same_one:
        assert same_one is storage
    storage.close()


def test_length_is_the_capacity_unless_defined() -> None:
    storage = Least(NUMBER)
    with pytest.raises(TypeError, match="Least has no capacity and must define __len__"):
        len(storage)
    storage.capacity = 7
    assert len(storage) == 7


def test_what_is_not_offered_says_so() -> None:
    for call in (
        lambda: Least.create(NUMBER, capacity=None),
        lambda: Least.load_from("somewhere", NUMBER),
        lambda: Least(NUMBER).get_column(["a"]),
    ):
        with pytest.raises(SpaceError, match="Least"):
            call()


@pytest.mark.parametrize("name", FLATTENABLE)
@pytest.mark.parametrize("index", [0, -1, np.int64(2), slice(1, 3), [3, 0, 0], [], ...], ids=repr)
def test_flattened_forms_go_through_the_structured_one(name: str, index: Any) -> None:
    space, instances = SPACES[name], samples(SPACES[name], 4)
    storage = ListStorage(space)
    storage.extend_length(4)
    storage.set(..., batch_utils.concatenate(space, instances))
    rows = resolve_index(index, 4)
    expected = [flatten_utils.flatten_data(space, instances[row]) for row in rows.rows]
    flat = storage.get_flattened(index)
    assert same(flat, expected[0]) if rows.is_scalar else same(list(flat), expected)
    twin = ListStorage(space)
    twin.extend_length(4)
    twin.set(..., batch_utils.concatenate(space, instances[::-1]))
    twin.set_flattened(index, flat)
    assert same(twin.get(index), storage.get(index))


@pytest.mark.parametrize(("capacity", "start"), [(None, 2), (5, 3), (5, 13)])
def test_segments_are_appended_slot_by_slot_around_the_ring(capacity: int | None, start: int) -> None:
    instances = samples(NUMBER, 4)
    storage = ListStorage(NUMBER, capacity)
    storage.extend_length(6)
    with pytest.raises(SegmentError, match="no segment is open"):
        storage.append(instances[0])
    storage.mark_segment_start(start)
    with pytest.raises(SegmentError, match="open already"):
        storage.mark_segment_start(0)
    for instance in instances:
        storage.append(instance)
    assert storage.has_open_segment
    storage.mark_segment_end()
    assert not storage.has_open_segment
    slots = [start + i if capacity is None else (start + i) % capacity for i in range(4)]
    assert same([storage.get(slot) for slot in slots], instances)
    storage.mark_segment_end()
    storage.abort_segment()
    storage.mark_segment_start(0)
    storage.abort_segment()
    assert not storage.has_open_segment


def test_failed_append_leaves_the_segment_where_it_was() -> None:
    storage = ListStorage(NUMBER)
    storage.extend_length(1)
    storage.mark_segment_start(0)
    storage.append(np.array(1))
    with pytest.raises(IndexError):
        storage.append(np.array(2))
    storage.extend_length(1)
    storage.append(np.array(3))
    assert storage.get(...).tolist() == [1, 3]


def test_clearing_empties_what_grows_and_keeps_what_is_fixed() -> None:
    for capacity, left in ((None, 0), (5, 5)):
        storage = ListStorage(NUMBER, capacity)
        storage.extend_length(3)
        storage.mark_segment_start(0)
        storage.clear()
        assert len(storage) == left
        assert not storage.has_open_segment


def test_read_only_storage_refuses_segments_and_clearing() -> None:
    storage = ListStorage(NUMBER, 3)
    storage.is_mutable = False
    for call in (storage.clear, lambda: storage.mark_segment_start(0)):
        with pytest.raises(ReadOnlyError, match="ListStorage is read-only"):
            call()


def test_open_segment_of_a_copy_is_its_own() -> None:
    storage = ListStorage(NUMBER, 5)
    storage.mark_segment_start(1)
    twin = copy.copy(storage)
    twin.append(np.array(1))
    storage.append(np.array(2))
    assert storage.get(1) == 2
