"""What holds for every storage, against a dictionary of slots."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from unienv_data.errors import ClosedError, ReadOnlyError, SegmentError, SpaceValueError
from unienv_data.testing.bad_values import bad_batches, bad_rows, checked_space, good_row
from unienv_data.testing.checking import check
from unienv_data.testing.factories import AnyBackend, AnySpace
from unienv_data.testing.indexes import INDEXES, INVALID_INDEXES, addressed
from unienv_data.testing.samples import same, values
from unienv_data.testing.spaces import SPACES
from unienv_data.testing.suite import Suite, batch_of, rows_of
from unienv_interface.space.space_utils.flatten_utils import flatten_data, is_flattenable

__all__ = ["StorageTests"]


class StorageTests(Suite):
    """Subclass, and say how storages are made, and opened again where they can be.

    Attributes:
        capacities: that storages are tried with; None where they grow.
        persists: whether a storage can be opened again.
    """

    capacities: ClassVar[Sequence[int | None]] = (None, 6)
    persists: ClassVar[bool] = True

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Spread the tests over capacities too."""
        super().pytest_generate_tests(metafunc)
        if "capacity" in metafunc.fixturenames:
            metafunc.parametrize("capacity", cls.capacities)

    @abstractmethod
    def make_storage(self, space: AnySpace, capacity: int | None) -> Any:
        """A new storage; `self.folder` is a local folder of this test alone."""

    def open_storage(self, storage: Any, *, read_only: bool) -> Any:
        """The storage that `storage`, which has been closed, left behind; called where `persists`."""
        raise TypeError(f"{type(self).__name__} persists, and must define open_storage")

    def made(self, space: AnySpace, capacity: int | None, slots: int = 6) -> Any:
        """A storage of this many slots, closed at the end of the test."""
        storage = self.make_storage(space, capacity)
        self.ends.callback(storage.close)
        if capacity is None:
            storage.extend_length(slots)
        expected = slots if capacity is None else capacity
        check(len(storage) == expected, "slots", len(storage), expected)
        return storage

    def filled(self, backend: AnyBackend, capacity: int | None) -> tuple[Any, list[Any]]:
        """A storage of six slots that differ, and what they show."""
        storage = self.made(checked_space(backend), capacity)
        rows = [good_row(backend, number) for number in range(6)]
        storage.set(slice(None), batch_of(storage.single_instance_space, rows))
        return storage, rows

    def check(self, storage: Any, rows: Sequence[Any]) -> None:
        """Check that the slots show `rows`, however they are asked for."""
        space = storage.single_instance_space
        check(len(storage) == len(rows), "slots", len(storage), len(rows))
        found = rows_of(space, storage.get(slice(None)), len(rows))
        for slot, (value, expected) in enumerate(zip(found, rows, strict=True)):
            check(same(value, expected), f"slot {slot}", value, expected)
            check(same(storage.get(slot), expected), f"slot {slot} alone", storage.get(slot), expected)

    # Values

    def test_values_come_back_exactly(
        self, space_name: str, backend: AnyBackend, capacity: int | None
    ) -> None:
        """Written one by one or as a batch, overwritten, and after opening again."""
        space, found = SPACES[space_name](backend), values(space_name, backend)
        storage = self.made(space, capacity, len(found))
        rows = [found[slot % len(found)] for slot in range(len(storage))]
        for slot, row in enumerate(rows):
            storage.set(slot, row)
        self.check(storage, rows)
        storage.set(slice(None, None, -1), batch_of(space, rows))
        shown = rows[::-1]
        self.check(storage, shown)
        if is_flattenable(space):
            self._check_flattened(storage, space, shown)
        if self.persists:
            storage.close()
            self.check(self.open_storage(storage, read_only=True), shown)

    def _check_flattened(self, storage: Any, space: AnySpace, shown: Sequence[Any]) -> None:
        if 0 in np.shape(flatten_data(space, shown[0])):
            return
        for slot, row in enumerate(shown):
            flat = flatten_data(space, row)
            check(same(storage.get_flattened(slot), flat), "flattened", slot, row)
            storage.set_flattened(slot, flat)
        batch = storage.get_flattened([1, 0])
        check(same(batch[1], flatten_data(space, shown[0])), "flattened batch", batch, shown[:2])
        storage.set_flattened([1, 0], batch)
        self.check(storage, shown)

    def test_what_it_is_made_of(self, backend: AnyBackend, capacity: int | None) -> None:
        """Space, backend, device and capacity are those asked for."""
        space = checked_space(backend)
        storage = self.made(space, capacity)
        check(storage.single_instance_space is space, "space", storage.single_instance_space, space)
        check(storage.backend is backend, "backend", storage.backend, backend)
        check(storage.device == space.device, "device", storage.device, space.device)
        check(storage.capacity == capacity, "capacity", storage.capacity, capacity)
        check(storage.is_mutable, "is_mutable", storage.is_mutable, True)
        check(not storage.has_open_segment, "segment", storage.has_open_segment, False)

    def test_slots_that_were_never_written(self, backend: AnyBackend, capacity: int | None) -> None:
        """Have the shape and type of the space, whatever they show."""
        storage = self.made(checked_space(backend), capacity)
        row = good_row(backend, 3)
        storage.set(4, row)
        for slot in (0, 5):
            found = storage.get(slot)
            check(found["image"].shape == row["image"].shape, "shape", found["image"].shape, slot)
            check(found["inner"]["n"].dtype == row["inner"]["n"].dtype, "dtype", found["inner"], slot)
            check(isinstance(found["task"], str), "text", found["task"], slot)
        check(same(storage.get([0, 4])["image"][1], row["image"]), "beside them", storage.get([0, 4]), row)

    # Indexes

    def test_every_kind_of_index(self, backend: AnyBackend, capacity: int | None) -> None:
        """One integer is an instance, everything else a batch, for reading and for writing."""
        storage, rows = self.filled(backend, capacity)
        space = storage.single_instance_space
        for position, (name, make) in enumerate(INDEXES.items()):
            wanted = addressed(make(6, backend), 6, backend)
            slots = [wanted] if isinstance(wanted, int) else wanted
            new = [good_row(backend, 100 + position + i) for i in range(len(slots))]
            value = new[0] if isinstance(wanted, int) else batch_of(space, new)
            storage.set(make(6, backend), value)
            for slot, row in zip(slots, new, strict=True):
                rows[slot] = row
            expected = rows[wanted] if isinstance(wanted, int) else batch_of(space, [rows[s] for s in slots])
            found = storage.get(make(6, backend))
            check(same(found, expected), name, found, expected)
            self.check(storage, rows)

    def test_no_index_and_slots_that_are_not_there(self, backend: AnyBackend, capacity: int | None) -> None:
        """Are IndexErrors, and change nothing."""
        storage, rows = self.filled(backend, capacity)
        for name, make in INVALID_INDEXES.items():
            for use in (storage.get, lambda index: storage.set(index, rows[0]), storage.get_flattened):
                try:
                    use(make(6, backend))
                except IndexError:
                    continue
                raise AssertionError(f"{name}: expected an IndexError")
        self.check(storage, rows)

    # Refusals

    def test_what_does_not_fit_is_refused_and_changes_nothing(
        self, backend: AnyBackend, capacity: int | None
    ) -> None:
        """The error names the path."""
        storage, rows = self.filled(backend, capacity)
        for fault in bad_rows(backend):
            with pytest.raises(SpaceValueError) as caught:
                storage.set(2, fault.value)
            check(caught.value.path == fault.path, fault.name, caught.value.path, fault.path)
        for fault in bad_batches(backend):
            with pytest.raises(SpaceValueError):
                storage.set([0, 1, 2], fault.value)
        with pytest.raises(SpaceValueError):
            storage.set([0, 1], batch_of(storage.single_instance_space, rows[:3]))
        self.check(storage, rows)

    def test_rows_are_nobody_elses(self, backend: AnyBackend, capacity: int | None) -> None:
        """What was written may be changed afterwards, and so may what was read."""
        storage, rows = self.filled(backend, capacity)
        batch = batch_of(storage.single_instance_space, rows)
        storage.set(slice(None), batch)
        for value in (batch, storage.get(...), storage.get(1)):
            value["image"] *= 0
            value["inner"]["state"] *= 0
        self.check(storage, rows)

    # Slots

    def test_slots_come_and_go(self, backend: AnyBackend) -> None:
        """At the end, where the storage grows."""
        if None not in self.capacities:
            pytest.skip("these storages do not grow")
        storage, rows = self.filled(backend, None)
        storage.shrink_length(2)
        self.check(storage, rows[:4])
        storage.extend_length(1)
        storage.set(4, rows[0])
        self.check(storage, [*rows[:4], rows[0]])
        storage.extend_length(0)
        storage.shrink_length(0)
        storage.clear()
        check(len(storage) == 0, "cleared", len(storage), 0)
        storage.extend_length(2)
        storage.set([0, 1], batch_of(storage.single_instance_space, rows[4:]))
        self.check(storage, rows[4:])

    def test_a_fixed_capacity_stays(self, backend: AnyBackend) -> None:
        """Growing and shrinking are ignored; clearing leaves as many slots."""
        capacity = next((capacity for capacity in self.capacities if capacity is not None), None)
        if capacity is None:
            pytest.skip("these storages have no fixed capacity")
        storage, rows = self.filled(backend, capacity)
        storage.extend_length(3)
        storage.shrink_length(5)
        self.check(storage, rows)
        storage.clear()
        check(len(storage) == capacity, "cleared", len(storage), capacity)
        storage.set(slice(None), batch_of(storage.single_instance_space, rows[::-1]))
        self.check(storage, rows[::-1])

    def test_keeping_some_slots(self, backend: AnyBackend, capacity: int | None) -> None:
        """They become the first ones, in the order given."""
        storage, rows = self.filled(backend, capacity)
        storage.keep([(4, 6), (0, 1), (2, 3)])
        kept = [rows[4], rows[5], rows[0], rows[2]]
        check(len(storage) == (4 if capacity is None else capacity), "slots", len(storage), capacity)
        found = rows_of(storage.single_instance_space, storage.get(slice(0, 4)), 4)
        check(all(map(same, found, kept)), "kept", found, kept)
        storage.set(1, rows[0])
        check(same(storage.get(1), rows[0]), "written afterwards", storage.get(1), rows[0])

    # Segments

    def test_segments(self, backend: AnyBackend, capacity: int | None) -> None:
        """Are begun, appended to, and ended or given up."""
        storage, rows = self.filled(backend, capacity)
        with pytest.raises(SegmentError):
            storage.append(rows[0])
        storage.mark_segment_end()
        storage.abort_segment()
        storage.mark_segment_start(1)
        check(storage.has_open_segment, "open", storage.has_open_segment, True)
        with pytest.raises(SegmentError):
            storage.mark_segment_start(1)
        storage.append(rows[5])
        with pytest.raises(SpaceValueError):
            storage.append({**rows[5], "image": None})
        storage.append(rows[4])
        storage.mark_segment_end()
        check(not storage.has_open_segment, "open", storage.has_open_segment, False)
        check(storage.pending_segment_length == 0, "pending", storage.pending_segment_length, 0)
        rows[1:3] = [rows[5], rows[4]]
        self.check(storage, rows)
        storage.mark_segment_start(0)
        storage.abort_segment()
        check(not storage.has_open_segment, "aborted", storage.has_open_segment, False)
        self.check(storage, rows)

    # Keeping

    def test_opening_again(self, backend: AnyBackend, capacity: int | None) -> None:
        """Shows the same slots; reading only refuses every change."""
        if not self.persists:
            pytest.skip("these storages cannot be opened again")
        storage, rows = self.filled(backend, capacity)
        storage.set(3, rows[0])
        rows[3] = rows[0]
        storage.close()
        again = self.open_storage(storage, read_only=False)
        self.ends.callback(again.close)
        self.check(again, rows)
        again.set(0, rows[5])
        rows[0] = rows[5]
        again.close()
        reader = self.open_storage(again, read_only=True)
        self.ends.callback(reader.close)
        self.check(reader, rows)
        check(not reader.is_mutable, "is_mutable", reader.is_mutable, False)
        changes: list[Callable[[], Any]] = [
            lambda: reader.set(0, rows[1]),
            lambda: reader.set_flattened(0, reader.get_flattened(0)),
            reader.clear,
            lambda: reader.mark_segment_start(0),
        ]
        for change in changes:
            with pytest.raises(ReadOnlyError):
                change()
        self.check(reader, rows)

    def test_closing(self, backend: AnyBackend, capacity: int | None) -> None:
        """Twice is fine; using afterwards says so."""
        storage, rows = self.filled(backend, capacity)
        storage.close()
        storage.close()
        uses: list[Callable[[], Any]] = [
            lambda: storage.get(0),
            lambda: storage.get([0, 1]),
            lambda: storage.set(0, rows[0]),
        ]
        for use in uses:
            with pytest.raises(ClosedError, match="closed"):
                use()
        with self.make_storage(checked_space(backend), capacity) as other:
            check(other.capacity == capacity, "capacity", other.capacity, capacity)
        with pytest.raises(ClosedError):
            other.get(slice(0, 0) if capacity is None else 0)
