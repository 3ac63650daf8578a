"""What holds for every batch, over whatever holds its rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest

from unienv_data.base import BatchBase
from unienv_data.base.paths import leaves, part_of, subspace
from unienv_data.errors import ClosedError, PathError, ReadOnlyError
from unienv_data.testing.factories import AnyBackend
from unienv_data.testing.indexes import INDEXES, INVALID_INDEXES, addressed
from unienv_data.testing.samples import same
from unienv_data.testing.suite import Suite, batch_of
from unienv_interface.space.space_utils import batch_utils, flatten_utils

__all__ = ["BatchCase", "BatchTests"]


class BatchCase(NamedTuple):
    """A batch, and what is in it.

    Attributes:
        batch: at least 4 rows.
        rows: the value of every row.
        metadata: the metadata of every row; None where the batch has none.
    """

    batch: BatchBase[Any, Any, Any, Any, Any]
    rows: Sequence[Any]
    metadata: Sequence[dict[str, Any]] | None = None


class BatchTests(Suite):
    """Subclass, and say in `make` what is tested.

    Attributes:
        writes: whether rows can be overwritten.
        appends: whether rows can be appended and removed.
        pickles: whether the batch can be sent to another process.
    """

    writes: ClassVar[bool] = False
    appends: ClassVar[bool] = False
    pickles: ClassVar[bool] = False

    @abstractmethod
    def make(self, backend: AnyBackend) -> BatchCase:
        """A batch of values of this backend."""

    # Reading

    def test_every_kind_of_index(self, backend: AnyBackend) -> None:
        """One integer is a row, everything else a batch in the order of the index, in every form."""
        batch, rows, _ = case = self.make(backend)
        _check(len(batch) == len(rows), "rows", len(batch), len(rows))
        for name, make in INDEXES.items():
            wanted = addressed(make(len(rows), backend), len(rows), backend)
            self._check_read(case, make(len(rows), backend), wanted, name)
        found = list(batch)
        _check(len(found) == len(rows) and all(map(same, found, rows)), "iterated", found, rows)

    def _check_read(self, case: BatchCase, index: Any, wanted: int | list[int], name: str) -> None:
        batch, rows, known = case
        space: Any = batch.single_space
        metadata_space: Any = batch.single_metadata_space
        value, metadata = batch.get_at_with_metadata(index)
        expected = rows[wanted] if isinstance(wanted, int) else batch_of(space, [rows[row] for row in wanted])
        _check(same(value, expected), name, value, expected)
        for read in (batch.get_at, batch.__getitem__):
            _check(same(read(index), value), f"{name}: {read}", read(index), value)
        of_one = space if isinstance(wanted, int) else batch_utils.batch_space(space, len(wanted))
        _check(of_one.contains(value), f"{name}: in the space", value, of_one)
        if known is None:
            _check(metadata is None and metadata_space is None, f"{name}: metadata", metadata, None)
        elif isinstance(wanted, int):
            _check(same(metadata, known[wanted]), f"{name}: metadata", metadata, known[wanted])
        else:
            all_known = batch_of(metadata_space, [known[row] for row in wanted])
            _check(same(metadata, all_known), f"{name}: metadata", metadata, all_known)
        if flatten_utils.is_flattenable(space):
            start_dim = 0 if isinstance(wanted, int) else 1
            flat, beside = batch.get_flattened_at_with_metadata(index)
            structured = flatten_utils.flatten_data(of_one, value, start_dim=start_dim)
            _check(same(flat, structured), f"{name}: flattened", flat, structured)
            _check(same(beside, metadata), f"{name}: metadata beside it", beside, metadata)
            _check(same(batch.get_flattened_at(index), flat), f"{name}: flattened alone", index, flat)

    def test_no_index_and_rows_that_are_not_there(self, backend: AnyBackend) -> None:
        """Are IndexErrors."""
        batch, rows, _ = self.make(backend)
        for name, make in INVALID_INDEXES.items():
            index = make(len(rows), backend)
            for use in (batch.get_at, batch.get_flattened_at_with_metadata, batch.get_slice):
                try:
                    use(index)
                except IndexError:
                    continue
                raise AssertionError(f"{name}: expected an IndexError of {use}")

    # Views

    def test_slices(self, backend: AnyBackend) -> None:
        """Show the rows of any index, and slices of slices those of both."""
        batch, rows, known = self.make(backend)
        for name in (
            "minus_one",
            "slice_backwards_stepped",
            "list_repeated",
            "array_of_backend",
            "list_empty",
        ):
            make = INDEXES[name]
            wanted = addressed(make(len(rows), backend), len(rows), backend)
            places = [wanted] if isinstance(wanted, int) else wanted
            part = batch.get_slice(make(len(rows), backend))
            self._check_part(part, rows, known, places, name)
            self._check_part(part.get_slice(slice(None, None, -1)), rows, known, places[::-1], name)
            odd = list(range(1, len(places), 2))
            self._check_part(part.get_slice(odd), rows, known, [places[i] for i in odd], name)

    def _check_part(self, part: Any, rows: Any, known: Any, places: list[int], name: str) -> None:
        _check(len(part) == len(places), name, len(part), len(places))
        beside = None if known is None else [known[i] for i in places]
        shown = BatchCase(part, [rows[i] for i in places], beside)
        self._check_read(shown, ..., list(range(len(places))), f"slice by {name}")
        for place in range(0, len(places), 3):
            self._check_read(shown, place, place, f"row {place} of a slice by {name}")

    def test_columns(self, backend: AnyBackend) -> None:
        """Show a part of every sample, with its metadata, and cannot be changed."""
        batch, rows, known = self.make(backend)
        for path in _paths(batch.single_space):
            column = batch.get_column(path)
            space = subspace(batch.single_space, path)
            _check(column.single_space == space, f"{path}: space", column.single_space, space)
            shown = BatchCase(column, [part_of(row, path) for row in rows], known)
            for index, wanted in ((0, 0), ([2, 0, 2], [2, 0, 2]), (..., list(range(len(rows))))):
                self._check_read(shown, index, wanted, f"column {path}")
            both = batch.get_slice([3, 1]).get_column(path)
            swapped = column.get_slice([3, 1])
            _check(same(both[:], swapped[:]), f"{path}: slice of column", both[:], swapped[:])
            if path:
                with pytest.raises(ReadOnlyError):
                    column.set_at(0, shown.rows[0])
        with pytest.raises(PathError):
            batch.get_column(["no such field"])

    def test_segments_of_slices(self, backend: AnyBackend) -> None:
        """Are those of the batch, as far as a slice shows them."""
        batch, rows, _ = self.make(backend)
        segments = batch.get_segments()
        part = batch.get_slice(slice(1, len(rows) - 1)).get_segments()
        if segments is None:
            _check(part is None, "segments", part, None)
            return
        cut = [(max(start - 1, 0), min(stop, len(rows) - 1) - 1) for start, stop in segments]
        cut = [(start, stop) for start, stop in cut if stop > start]
        _check(part == cut, "segments", part, cut)

    def test_sending_it_away(self, backend: AnyBackend) -> None:
        """Brings what it shows along, and so do its views."""
        if not self.pickles:
            pytest.skip("these batches stay where they are")
        case = self.make(backend)
        views = [case.batch, case.batch.get_slice([2, 0]), case.batch.get_slice(slice(1, 4)).get_slice(...)]
        for view in views:
            there = ForkingPickler.loads(ForkingPickler.dumps(view))
            _check(same(there.get_at_with_metadata(...), view.get_at_with_metadata(...)), "sent", there, view)

    # Changing

    def test_what_cannot_be_changed_says_so(self, backend: AnyBackend) -> None:
        """And stays as it was."""
        batch, rows, _ = case = self.make(backend)
        row, many = rows[0], batch_of(batch.single_space, rows[:2])
        refused: list[Any] = []
        if not self.appends:
            refused += [
                lambda: batch.append(row),
                lambda: batch.extend(many),
                lambda: batch.extend_from(batch.get_slice([0])),
                lambda: batch.remove_at(0),
                lambda: batch.__delitem__(slice(0, 2)),
            ]
        if not self.writes:
            refused += [lambda: batch.set_at(0, row), lambda: batch.set_at([0, 1], many)]
            _check(not batch.is_mutable, "is_mutable", batch.is_mutable, False)
        for change in refused:
            with pytest.raises(ReadOnlyError):
                change()
        self._check_read(case, ..., list(range(len(rows))), "after refusals")

    def test_overwriting(self, backend: AnyBackend) -> None:
        """Is as in a list, the last of repeated rows counting."""
        if not self.writes:
            pytest.skip("rows of these batches cannot be overwritten")
        batch, rows, known = self.make(backend)
        model, space = list(rows), batch.single_space
        batch[0] = model[0] = rows[3]
        batch.set_at([2, 1, 2], batch_of(space, [rows[0], rows[1], rows[3]]))
        model[1:3] = [rows[1], rows[3]]
        batch.get_slice(slice(1, None)).set_at([0, -1], batch_of(space, [rows[2], rows[0]]))
        model[1], model[-1] = rows[2], rows[0]
        if flatten_utils.is_flattenable(space):
            batch.set_flattened_at(0, flatten_utils.flatten_data(space, rows[1]))
            model[0] = rows[1]
        self._check_read(BatchCase(batch, model, known), ..., list(range(len(model))), "overwritten")

    def test_appending_and_removing(self, backend: AnyBackend) -> None:
        """Is as in a list."""
        if not self.appends:
            pytest.skip("nothing can be appended to these batches")
        batch, rows, known = self.make(backend)
        if known is not None:
            pytest.skip("what is known of further rows is not said")
        space, model = batch.single_space, list(rows)
        batch.extend(batch_of(space, rows[:2]))
        batch.append(rows[3])
        model += [*rows[:2], rows[3]]
        batch.remove_at([1, -1, 1])
        del model[-1], model[1]
        self._check_read(BatchCase(batch, model), ..., list(range(len(model))), "appended and removed")

    def test_closing(self, backend: AnyBackend) -> None:
        """Ends the use of the batch; that of a view leaves what it views open."""
        batch, _, _ = self.make(backend)
        part = batch.get_slice([0])
        part.close()
        with pytest.raises(ClosedError):
            part.get_at(0)
        batch[0]
        batch.close()
        batch.close()
        for use in (
            lambda: batch[0],
            lambda: batch[:0],
            lambda: batch.get_flattened_at([0]),
            lambda: batch.get_slice(0),
            lambda: batch.get_slice(...),
            lambda: batch.get_column([]),
            lambda: next(iter(batch)),
        ):
            with pytest.raises(ClosedError):
                use()


def _paths(space: Any) -> list[tuple[Any, ...]]:
    """The paths of all parts of a space."""
    found: dict[tuple[Any, ...], None] = {(): None}
    for path, _ in leaves(space):
        found.update({path[: length + 1]: None for length in range(len(path))})
    return list(found)


def _check(holds: Any, what: str, found: Any, expected: Any) -> None:
    if not bool(np.all(holds)):
        raise AssertionError(f"{what}: expected {expected!r}, got {found!r}")
