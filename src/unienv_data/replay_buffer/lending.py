"""Rows of a buffer that others write, in blocks that its storage has claimed for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from unienv_data.base.batch import BatchT
from unienv_data.errors import SegmentError, SpaceError
from unienv_data.replay_buffer.keeping import KeptBatch
from unienv_data.storages.lending import LendingStorage
from unienv_data.store.lending import Loan, Report
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType

__all__ = ["LendingBatch"]


class LendingBatch(KeptBatch[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """A kept batch that lends blocks of rows to processes that write them for it."""

    def lend(self, rows: int, again: Mapping[str, Any] | None = None) -> Loan:
        """Claim blocks in which others are to write `rows` rows, behind all that have been appended.

        They write with `store.blockwriter.BlockWriter`; the rows become the buffer's by `settle`, before
        which nothing may be appended, and durable with the next commit.

        Args:
            rows: how many.
            again: what a writer that is no more said of its loan (`Loan.to_json`), to go on with that.

        Raises:
            SegmentError: a segment is open.
            SpaceError: the storage has no blocks to lend.
            DatasetError: it is a ring, or what was lent before cannot be lent again.
            ReadOnlyError: opened for reading.
        """
        self._require_writable()
        with self._turn():
            if self.has_open_segment:
                raise SegmentError("a segment is open; call mark_segment_end() before lend()")
            return self._lending.lend(rows, again)

    def settle(self, reports: Iterable[Report], episodes: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Append what others have written.

        Args:
            reports: of all rows of the loan, in order.
            episodes: how many of the rows that are kept each episode has, and its columns of the episode
                table; together all of them.

        Raises:
            SpaceValueError: a column of an episode cannot be kept.
        """
        self._require_writable()
        with self._turn():
            start = self._state.appended
            kept = sum(self._lending.settle(report) for report in reports)
            count, appended = self._state.count + kept, self._state.appended + kept
            for length, columns in episodes:
                self._episodes.add(start, length, self._described(columns))
                start += length
            if start != appended:
                raise SegmentError(f"{kept} rows came, in episodes of {start - self._state.appended} rows")
            self._state = replace(self._state, count=count, appended=appended)

    @property
    def _lending(self) -> LendingStorage[Any, Any, Any, Any, Any]:
        storage = self._storage
        if not isinstance(storage, LendingStorage):
            raise SpaceError(f"{type(storage).__name__} has no blocks that others could write")
        return storage
