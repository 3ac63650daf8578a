"""Rows of a batch that are read once each, however often and in whatever order they are needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unienv_data.base import BatchBase
from unienv_data.base.paths import Path, subspace
from unienv_data.indexing import RowIndex, ascending, row_array
from unienv_data.store.outputs import apart
from unienv_interface.space.space_utils import batch_utils

__all__ = ["RowsOnce"]

Integers = NDArray[np.int64]

# Where fewer rows are repeated, all are read in the order in which they are wanted: that saves a copy.
_FEW_REPETITIONS = 0.25


@dataclass(frozen=True)
class _Found:
    """A batch of rows (N,) that has been read: each once and ascending, or as they were wanted."""

    rows: Integers
    value: Any
    is_ascending: bool

    def places(self, rows: Integers) -> Integers:
        """Where rows (...) stand in the batch."""
        if self.is_ascending:
            return np.searchsorted(self.rows, rows)
        order = np.argsort(self.rows, kind="stable")
        places: Integers = order[np.searchsorted(self.rows, rows, sorter=order)]
        return places


class _Look(NamedTuple):
    """Parts of rows that are read together, each row once and ascending, or as they were wanted."""

    rows: Integers
    is_ascending: bool
    parts: list[Path]
    with_metadata: bool


class RowsOnce:
    """What one look at a batch needs.

    First say what is needed (`want`), then `read`, then `take` it. Parts that are needed of the same rows are
    read together; where the batch reads whole rows only, all are.

    Args:
        batch: what is read.
    """

    def __init__(self, batch: BatchBase[Any, Any, Any, Any, Any]) -> None:
        self._batch = batch
        self._wanted: dict[Path | None, list[Integers]] = {}
        self._found: dict[Path | None, _Found] = {}

    def want(self, path: Path | None, rows: Integers) -> None:
        """Need a part, or, without a path, the metadata, of rows (...)."""
        arrays = self._wanted.setdefault(path, [])
        if not any(array is rows for array in arrays):
            arrays.append(rows)

    def read(self) -> None:
        """Read what is needed."""
        for look in self._looks():
            # What is read once is copied from, and not handed out.
            with apart() if look.is_ascending else contextlib.nullcontext():
                values, metadata = self._batch._read_parts(_compact(look.rows), look.parts)
            for part, value in zip(look.parts, values, strict=True):
                self._found[part] = _Found(look.rows, value, look.is_ascending)
            if look.with_metadata:
                self._found[None] = _Found(look.rows, metadata, look.is_ascending)

    def _looks(self) -> Iterator[_Look]:
        """What is read at once."""
        together: dict[tuple[int, ...], list[Path | None]] = {}
        for path, arrays in self._wanted.items():
            key = tuple(map(id, arrays)) if self._batch.reads_parts else ()
            together.setdefault(key, []).append(path)
        for paths in together.values():
            distinct = {id(array): array for path in paths for array in self._wanted[path]}
            wanted = np.concatenate([array.reshape(-1) for array in distinct.values()])
            rows = row_array(ascending(wanted))
            is_ascending = len(rows) < (1 - _FEW_REPETITIONS) * len(wanted)
            parts = [path for path in paths if path is not None]
            yield _Look(rows if is_ascending else wanted, is_ascending, parts, None in paths)

    def take(self, path: Path | None, rows: Integers) -> Any:
        """A part, or the metadata, of rows (...) that were wanted: a batch with these axes."""
        found = self._found[path]
        space: Any = self._batch.single_metadata_space
        if path is not None:
            space = subspace(self._batch.single_space, path)
        if rows.size == len(found.rows) and np.array_equal(rows.reshape(-1), found.rows):
            if rows.ndim == 1:
                return found.value
            return batch_utils.reshape_batch_size_in_data(
                self._batch.backend, found.value, (len(found.rows),), rows.shape
            )
        return batch_utils.get_at(space, found.value, found.places(rows))


def _compact(rows: Integers) -> RowIndex:
    """Rows, as a range where they are consecutive."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first == len(rows) - 1 and (np.diff(rows) == 1).all():
        return range(first, last + 1)
    return rows
