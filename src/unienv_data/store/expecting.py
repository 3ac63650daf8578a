"""Having the objects that hold rows brought near before the rows are read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import numpy as np
from numpy.typing import NDArray

from unienv_data.base.expectation import Expectation
from unienv_data.columns.data import ColumnSpec
from unienv_data.indexing import RowIndex
from unienv_data.store import platform
from unienv_data.store.array import StoredArray
from unienv_data.store.objects import ObjectStore
from unienv_data.store.ragged import INDEX, VALUES, spans_of
from unienv_data.store.reader import CommitReader

__all__ = ["Inquiries", "expect_rows"]


class Inquiries:
    """What another thread is finding out: where the values of rows are that somebody expects."""

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self._pid = os.getpid()
        self._open: list[tuple[int, int, Future[None]]] = []

    def add(self, rows: NDArray[np.int64], answer: Future[None]) -> None:
        """Rows of the log, ascending, are being asked after."""
        if self._pid != os.getpid():  # a forked child has none of its parent's threads
            self._renew()
        self._open = [inquiry for inquiry in self._open if not inquiry[2].done()]
        self._open.append((int(rows[0]), int(rows[-1]), answer))

    def wait(self, rows: RowIndex) -> None:
        """Wait until it is known of these rows: who reads them before makes requests that are needless."""
        if not self._open or not len(rows) or self._pid != os.getpid():
            return
        ends = (rows[0], rows[-1]) if isinstance(rows, range) else (int(rows.min()), int(rows.max()))
        low, high = min(ends), max(ends)
        wait([answer for first, last, answer in self._open if first <= high and last >= low])


def expect_rows(
    reader: CommitReader,
    objects: ObjectStore,
    columns: Iterable[ColumnSpec],
    rows: NDArray[np.int64],
    inquiries: Inquiries,
) -> Expectation:
    """Have what holds log rows brought near, without waiting.

    Where the values of ragged rows are is known once their index has come: they are told of then.

    Args:
        reader: reads the rows.
        objects: where the storage stands.
        columns: which columns.
        rows: rows of the log, in any order.
        inquiries: learns of what is still to be found out.
    """
    if not len(rows):
        return Expectation()
    rows = np.unique(rows)
    fixed: list[StoredArray] = []
    ragged: list[ColumnSpec] = []
    for column in columns:
        is_ragged = column.ragged_axes is not None
        fixed.append(reader.array(column.name + INDEX if is_ragged else column.name))
        if is_ragged:
            ragged.append(column)
    parts = [objects.expect(reader.objects_of([(array, rows) for array in fixed]))]
    if ragged:
        later = _Later(lambda: _values(reader, objects, ragged, rows))
        inquiries.add(rows, later.answer)
        parts.append(later.expectation)
    return Expectation.of(parts)


def _values(
    reader: CommitReader, objects: ObjectStore, columns: Iterable[ColumnSpec], rows: NDArray[np.int64]
) -> Expectation:
    wanted = []
    for column in columns:
        spans, _, _ = spans_of(reader.read_array(reader.array(column.name + INDEX), rows))
        array = reader.array(column.name + VALUES)
        ends = [(start, stop - 1) for start, stop in spans if stop > start]
        step = array.entry.shard_rows
        places = [np.append(np.arange(first, last, step, dtype=np.int64), last) for first, last in ends]
        wanted.append((array, np.concatenate([np.empty(0, dtype=np.int64), *places])))
    return objects.expect(reader.objects_of(wanted))


class _Later:
    """An expectation that another thread finds out."""

    def __init__(self, find: Callable[[], Expectation]) -> None:
        self._mutex = threading.Lock()
        self._found: Expectation | None = None
        self._is_released = False
        self.expectation = Expectation(self._release)
        # What goes wrong here, goes wrong again for whoever reads.
        self.answer: Future[None] = _thread().submit(self._run, find)

    def _run(self, find: Callable[[], Expectation]) -> None:
        if self._is_released:
            return
        found = find()
        with self._mutex:
            if not self._is_released:
                self._found = found
                return
        found.release()

    def _release(self) -> None:
        with self._mutex:
            self._is_released = True
            found, self._found = self._found, None
        if found is not None:
            found.release()


_executor: ThreadPoolExecutor | None = None


def _thread() -> ThreadPoolExecutor:
    global _executor
    if _executor is None:
        _executor = ThreadPoolExecutor(1, thread_name_prefix="unienv-expect")
    return _executor


def _forget_thread() -> None:
    global _executor
    _executor = None


platform.on_fork(_forget_thread)
