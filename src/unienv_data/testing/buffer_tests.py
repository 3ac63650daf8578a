"""What holds for every replay buffer, over whatever storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from unienv_data.errors import ClosedError, ReadOnlyError, SegmentError, SpaceValueError
from unienv_data.testing.bad_values import bad_batches, bad_rows, checked_space, good_row
from unienv_data.testing.checking import check, check_equal
from unienv_data.testing.factories import AnyBackend, AnySpace
from unienv_data.testing.indexes import INDEXES, INVALID_INDEXES, addressed
from unienv_data.testing.model import BufferModel
from unienv_data.testing.places import BufferPlace
from unienv_data.testing.raw import raw_columns, raw_rows
from unienv_data.testing.samples import same, values
from unienv_data.testing.spaces import NO_ARRAYS, SPACES
from unienv_data.testing.suite import Suite, batch_of, rows_of
from unienv_interface.space.space_utils.flatten_utils import flatten_data, is_flattenable

__all__ = ["ReplayBufferTests"]


class ReplayBufferTests(Suite):
    """Subclass, and say in `place` how buffers are made.

    Attributes:
        place: makes buffers and opens them again.
        removes: whether rows can be removed.
        seals: whether buffers can be sealed and compacted.
    """

    place: ClassVar[BufferPlace]
    removes: ClassVar[bool] = True
    seals: ClassVar[bool] = True

    def make(self, space: AnySpace, **options: Any) -> Any:
        """A buffer of this space, given up at the end of the test."""
        buffer = self.place.make(self.folder, space, **options)
        self.ends.callback(buffer.abandon)
        return buffer

    def reopened(self, buffer: Any, *, read_only: bool = False) -> Any:
        """The buffer closed and opened again; itself where that cannot be."""
        if not self.place.persists:
            return buffer
        buffer.close()
        opened = self.place.open(buffer.cache_path, buffer.single_space, read_only=read_only)
        self.ends.callback(opened.abandon)
        return opened

    def numbered(self, backend: AnyBackend, count: int, **options: Any) -> tuple[Any, BufferModel]:
        """A buffer of `count` rows that differ, as one episode, and its model."""
        space = checked_space(backend)
        buffer, model = self.make(space, **options), BufferModel(options.get("capacity"))
        rows = [good_row(backend, number) for number in range(count)]
        buffer.extend(batch_of(space, rows))
        model.extend(rows)
        return buffer, model

    # Values

    @pytest.mark.parametrize("capacity", [None, 4])
    def test_values_come_back_exactly(
        self, space_name: str, backend: AnyBackend, capacity: int | None
    ) -> None:
        """Through appending, a ring's turn, overwriting, removal, commits, copies and compaction."""
        space, rows = SPACES[space_name](backend), values(space_name, backend)
        buffer, model = self.make(space, capacity=capacity), BufferModel(capacity)
        for row in rows:
            buffer.append(row)
        buffer.mark_segment_end()
        model.extend(rows)
        check_equal(buffer, model)
        if space_name not in NO_ARRAYS:  # of which nobody can say how many there are
            buffer.extend(batch_of(space, rows))
            model.extend(rows)
        buffer = self.reopened(buffer)
        check_equal(buffer, model)
        for row in range(0, len(model), 2):
            buffer[row] = rows[row % len(rows)]
            model.set([row], [rows[row % len(rows)]])
        last = [len(model) - 1, 0]
        buffer.set_at(last, batch_of(space, rows[:2]))
        model.set(last, rows[:2])
        check_equal(buffer, model)
        if self.removes:
            buffer.remove_at([0, 2])
            model.remove([0, 2])
        buffer = self.reopened(buffer)
        check_equal(buffer, model)
        if self.place.persists:
            self._check_copy(buffer, model)
        if self.seals:
            buffer.compact()
            check_equal(buffer, model)
            self._check_raw(buffer, model)
            check_equal(self.reopened(buffer), model)

    def _check_copy(self, buffer: Any, model: BufferModel) -> None:
        url = self.place.url(self.folder, "copy.zarr")
        buffer.dumps(url)
        copied = self.place.open(url, buffer.single_space)
        check_equal(copied, model)
        copied.close()

    def _check_raw(self, buffer: Any, model: BufferModel) -> None:
        if not self.place.others_can_read:
            return
        found = raw_rows(buffer.single_space, raw_columns(buffer.cache_path), len(buffer))
        offset = buffer.offset  # others know nothing of rings: they see slots
        for value, expected in zip(found[offset:] + found[:offset], model.values, strict=True):
            check(same(value, expected), "as others read it", value, expected)

    def test_flattened_forms_change_no_value(self, space_name: str, backend: AnyBackend) -> None:
        """Reading and writing rows as flat arrays is flattening and unflattening them."""
        space = SPACES[space_name](backend)
        if not is_flattenable(space) or space_name in NO_ARRAYS:
            pytest.skip("rows of this space are no flat arrays")
        rows = values(space_name, backend, count=3)
        buffer, model = self.make(space, capacity=len(rows) + 1), BufferModel()
        flat = backend.stack([flatten_data(space, row) for row in rows])
        buffer.append_flattened(flat[0])
        buffer.mark_segment_end()
        buffer.extend_flattened(flat)
        model.extend(rows[:1])
        model.extend(rows)
        check_equal(buffer, model)
        buffer.set_flattened_at(0, flat[-1])
        buffer.set_flattened_at([1, 2], flat[:2])
        model.set([0, 1, 2], [rows[-1], *rows[:2]])
        check_equal(buffer, model)
        buffer.append(rows[1])  # the ring has turned
        del model.rows[0]
        model.append(rows[1:2])
        read = buffer.get_flattened_at(...)
        check(same(read[0], flat[0]), "first row", read[0], flat[0])
        for row, value in enumerate(model.values):
            check(same(buffer.get_flattened_at(row), flatten_data(space, value)), "row", row, value)
            check(same(buffer.get_flattened_at(row), read[row]), "row of the batch", row, value)
        found, metadata = buffer.get_flattened_at_with_metadata([1])
        check(same(found[0], read[1]) and metadata is None, "with metadata", found, read[1])

    # Indexes

    @pytest.mark.parametrize("turned", [False, True])
    def test_every_kind_of_index(self, backend: AnyBackend, turned: bool) -> None:
        """One integer is a row, everything else a batch, in the order of the index."""
        buffer, model = self.numbered(backend, 9 if turned else 6, capacity=6 if turned else None)
        space, length = buffer.single_space, len(buffer)
        for name, make in INDEXES.items():
            wanted = addressed(make(length, backend), length, backend)
            value, metadata = buffer.get_at_with_metadata(make(length, backend))
            check(metadata is None, name, metadata, None)
            check(same(buffer[make(length, backend)], value), f"{name}: []", value, "get_at")
            if isinstance(wanted, int):
                check(same(value, model.values[wanted]), name, value, model.values[wanted])
                continue
            found = rows_of(space, value, len(wanted))
            expected = [model.values[row] for row in wanted]
            check(same(value, batch_of(space, expected)), name, value, expected)
            check(all(map(same, found, expected)), name, found, expected)

    def test_no_index_and_rows_that_are_not_there(self, backend: AnyBackend) -> None:
        """Are IndexErrors, in reading and in changing."""
        buffer, model = self.numbered(backend, 5)
        row = good_row(backend)
        for name, make in INVALID_INDEXES.items():
            index = make(len(buffer), backend)
            changes = [lambda i: buffer.set_at(i, row), buffer.remove_at] if self.removes else []
            for use in (buffer.get_at, buffer.get_flattened_at_with_metadata, *changes):
                try:
                    use(index)
                except IndexError:
                    continue
                raise AssertionError(f"{name}: expected an IndexError of {use}")
        check_equal(buffer, model)

    def test_an_empty_buffer(self, backend: AnyBackend) -> None:
        """Has batches of no rows, and no row."""
        buffer = self.make(checked_space(backend))
        check_equal(buffer, BufferModel())
        empty: list[Any] = [slice(None), ..., [], range(0)]
        for index in empty:
            check(same(buffer[index], batch_of(buffer.single_space, [])), "empty", buffer[index], index)
        beyond: list[Any] = [0, -1, [0]]
        for index in beyond:
            with pytest.raises(IndexError, match="out of range for 0 rows"):
                buffer.get_at(index)
        buffer.extend(batch_of(buffer.single_space, []))
        buffer.mark_segment_end()
        check_equal(buffer, BufferModel())
        check(list(buffer) == [], "rows", list(buffer), [])

    def test_overwriting_by_every_kind_of_index(self, backend: AnyBackend) -> None:
        """Is as in a list, the last of repeated rows counting; segments stay."""
        buffer, model = self.numbered(backend, 7, capacity=6)
        space, length = buffer.single_space, 6
        for position, (name, make) in enumerate(INDEXES.items()):
            wanted = addressed(make(length, backend), length, backend)
            rows = [wanted] if isinstance(wanted, int) else wanted
            new = [good_row(backend, 100 + position + i) for i in range(len(rows))]
            buffer.set_at(make(length, backend), new[0] if isinstance(wanted, int) else batch_of(space, new))
            model.set(rows, new)
            found = rows_of(space, buffer[:], length)
            check(all(map(same, found, model.values)), name, found, model.values)
        check_equal(self.reopened(buffer), model)

    # Refusals

    def test_what_does_not_fit_is_refused_and_changes_nothing(self, backend: AnyBackend) -> None:
        """However it is written; the error names the path."""
        buffer, model = self.numbered(backend, 4)
        buffer.append(good_row(backend, 9))
        model.append([good_row(backend, 9)])
        uses = [buffer.append, lambda value: buffer.set_at(1, value), lambda value: buffer.set_at(-1, value)]
        self._refuses(bad_rows(backend), uses)
        check_equal(buffer, model)
        three = slice(0, 3)
        uses = [buffer.append_batch, lambda value: buffer.set_at(three, value)]
        self._refuses(bad_batches(backend), uses)
        check_equal(buffer, model)
        buffer.mark_segment_end()
        model.end()
        self._refuses(bad_batches(backend), [buffer.extend])
        check_equal(self.reopened(buffer), model)

    def test_a_ring_refuses_what_does_not_fit_too(self, backend: AnyBackend) -> None:
        """Also what would have been evicted at once."""
        buffer, model = self.numbered(backend, 7, capacity=2)
        self._refuses(bad_rows(backend), [buffer.append])
        self._refuses(bad_batches(backend), [buffer.extend])
        space = buffer.single_space
        rows = [good_row(backend, number) for number in range(5)]
        for fault in bad_batches(backend, 5):
            _refused(fault, buffer.extend)
        first = batch_of(space, rows)
        first["inner"]["state"] = backend.at(first["inner"]["state"])[0, 0].set(7)
        with pytest.raises(SpaceValueError, match="inner/state"):
            buffer.extend(first)
        check_equal(buffer, model)

    def _refuses(self, faults: Any, uses: Sequence[Any]) -> None:
        for fault in faults:
            for use in uses:
                _refused(fault, use)

    def test_a_batch_of_another_length_than_the_index(self, backend: AnyBackend) -> None:
        """Is refused."""
        buffer, model = self.numbered(backend, 4)
        batch = batch_of(buffer.single_space, [good_row(backend, 7)] * 3)
        for index in (slice(0, 2), [0, 1, 2, 3], [], [True, False, False, False]):
            with pytest.raises(SpaceValueError):
                buffer.set_at(index, batch)
        check_equal(buffer, model)

    # Segments

    def test_segments(self, backend: AnyBackend) -> None:
        """Run from the first row to their end; an extend is one of its own, refused while one is open."""
        buffer, model = self.numbered(backend, 3)
        space, row = buffer.single_space, good_row(backend, 5)
        buffer.mark_segment_end()  # nothing is open
        check_equal(buffer, model)
        buffer.append(row)
        model.append([row])
        with pytest.raises(SegmentError, match="mark_segment_end"):
            buffer.extend(batch_of(space, [row]))
        buffer.append_batch(batch_of(space, [row, row]))
        model.append([row, row])
        check_equal(buffer, model)
        if self.place.persists:
            with pytest.raises(SegmentError, match="mark_segment_end"):
                buffer.dumps(self.place.url(self.folder, "copy.zarr"))
        buffer = self.reopened(buffer)
        check_equal(buffer, model)
        buffer.append(row)
        buffer.mark_segment_end()
        model.append([row])
        model.end()
        check_equal(buffer, model)

    def test_eviction_trims_segments(self, backend: AnyBackend) -> None:
        """The oldest loses its first rows, and goes with its last one."""
        buffer, model = self.numbered(backend, 2, capacity=5)
        space = buffer.single_space
        for size in (2, 3, 1, 7, 4, 5, 1, 1, 1):
            rows = [good_row(backend, 10 * size + i) for i in range(size)]
            buffer.extend(batch_of(space, rows))
            model.extend(rows)
            check_equal(buffer, model)
            buffer.append(rows[0])
            model.append(rows[:1])
            check_equal(buffer, model)
            buffer.mark_segment_end()
            model.end()
        check_equal(self.reopened(buffer), model)

    def test_clearing(self, backend: AnyBackend) -> None:
        """Leaves an empty buffer, which goes on."""
        for name, capacity in (("growing", None), ("ring", 3)):
            buffer, model = self.numbered(backend, 4, capacity=capacity, name=name)
            buffer.append(good_row(backend))
            buffer.clear()
            model.clear()
            check_equal(buffer, model)
            rows = [good_row(backend, number) for number in range(5)]
            buffer.extend(batch_of(buffer.single_space, rows))
            model.extend(rows)
            check_equal(self.reopened(buffer), model)

    # Copies and ends

    def test_rows_are_nobody_elses(self, backend: AnyBackend) -> None:
        """What was written may be changed afterwards, and so may what was read."""
        buffer, model = self.numbered(backend, 2)
        row = good_row(backend, 3)
        batch = batch_of(buffer.single_space, [row, row])
        buffer.append(row)
        buffer.append_batch(batch)
        model.append([good_row(backend, 3)] * 3)
        for value in (row, batch, buffer[:], buffer[0]):
            value["image"] *= 0
            value["inner"]["state"] *= 0
        check_equal(buffer, model)

    def test_appending_from_another_buffer(self, backend: AnyBackend) -> None:
        """Keeps its segments, across backends too."""
        source, model = self.numbered(backend, 5)
        source.append(good_row(backend, 9))
        model.append([good_row(backend, 9)])
        model.end()
        buffer = self.make(source.single_space, name="other.zarr")
        buffer.extend_from(source, chunk_size=2)
        check_equal(buffer, model)
        buffer.append(good_row(backend))
        with pytest.raises(SegmentError):
            buffer.extend_from(source)
        buffer.mark_segment_end()
        model.extend([good_row(backend)])
        check_equal(self.reopened(buffer), model)

    def test_reading_only(self, backend: AnyBackend) -> None:
        """Refuses every change."""
        if not self.place.persists:
            pytest.skip("these buffers cannot be opened again")
        writer, model = self.numbered(backend, 3)
        buffer = self.reopened(writer, read_only=True)
        row, batch = good_row(backend), batch_of(writer.single_space, [good_row(backend)])
        for change in (
            lambda: buffer.append(row),
            lambda: buffer.append_batch(batch),
            lambda: buffer.extend(batch),
            lambda: buffer.set_at(0, row),
            lambda: buffer.remove_at(0),
            lambda: buffer.extend_from(writer),
            buffer.clear,
            buffer.mark_segment_end,
            buffer.commit,
        ):
            with pytest.raises(ReadOnlyError):
                change()
        check(not buffer.is_mutable, "is_mutable", buffer.is_mutable, False)
        check_equal(buffer, model)

    def test_closing(self, backend: AnyBackend) -> None:
        """Twice is fine; using afterwards says so."""
        buffer, _ = self.numbered(backend, 3)
        row = good_row(backend)
        buffer.close()
        buffer.close()
        for use in (
            lambda: buffer[0],
            lambda: buffer[:0],
            lambda: list(buffer),
            lambda: buffer.append(row),
            lambda: buffer.extend(batch_of(buffer.single_space, [row])),
            lambda: buffer.set_at(0, row),
            lambda: buffer.get_flattened_at([0]),
            buffer.mark_segment_end,
            buffer.clear,
            buffer.commit,
        ):
            with pytest.raises(ClosedError, match="closed"):
                use()
        with self.make(buffer.single_space, name="other.zarr") as other:
            other.append(row)
        with pytest.raises(ClosedError):
            other.append(row)


def _refused(fault: Any, use: Any) -> None:
    try:
        use(fault.value)
    except SpaceValueError as error:
        check(error.path == fault.path, f"{fault.name}: path", error.path, fault.path)
    else:
        raise AssertionError(f"{fault.name}: expected a SpaceValueError")
