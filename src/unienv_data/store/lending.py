"""Blocks that a writer claims and others write: worker processes of this machine, tasks of a cluster.

The writer lends blocks, whoever writes them reports what each stretch of rows has become, and the writer,
which alone commits, takes the reports in, in order. Columns of one shape are written by the others, to the
shards of their blocks; ragged columns come with the reports, since where their values stand depends on
what came before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from unienv_data.columns.data import ColumnData, Ragged
from unienv_data.errors import DatasetError
from unienv_data.indexing import RowIndex
from unienv_data.schema.commit import ROWS_LOG, ArrayEntry
from unienv_data.store.claims import Claims
from unienv_data.store.logstore import LogStore

__all__ = ["LendingStore", "Loan", "Report"]


@dataclass(frozen=True)
class Loan:
    """Rows of a log, whole blocks of it, that others may write. Pickles.

    Attributes:
        dataset: the dataset's uuid.
        writer: token of the writer that has claimed the blocks.
        path: where the storage stands below the dataset.
        group: the group of the arrays.
        arrays: by name.
        block_rows: rows in a block.
        row: the first row, that of a block.
        rows: how many rows.
    """

    dataset: str
    writer: str
    path: str
    group: str
    arrays: Mapping[str, ArrayEntry]
    block_rows: int
    row: int
    rows: int

    def to_json(self) -> dict[str, Any]:
        """What `LendingStore.lend` needs to lend the same again; the rest stands in the commit."""
        return {"writer": self.writer, "row": self.row, "rows": self.rows}


@dataclass(frozen=True, eq=False)
class Report:
    """What consecutive rows of a loan have become.

    Attributes:
        rows: how many; whole blocks, but for a loan's last rows.
        kept: spans [start, stop) of them, ascending, that the dataset is to show; others are gaps in the log.
        ragged: the rows of every ragged column, by the column's name.
        weights: stored and raw bytes of the rows in every other array, by the array's name.
    """

    rows: int
    kept: Sequence[tuple[int, int]]
    ragged: Mapping[str, Ragged] = field(default_factory=dict)
    weights: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class LendingStore(LogStore):
    """A log store that lends blocks."""

    _lent: int = 0  # rows that have not come back

    def lend(self, count: int, again: Mapping[str, Any] | None = None) -> Loan:
        """Claim blocks in which others write `count` rows; nothing else is written until all are settled.

        Args:
            count: how many rows.
            again: what a writer that is no more said of its loan (`Loan.to_json`), to go on with that.

        Raises:
            DatasetError: the store is of a fixed capacity, or what was lent before cannot be lent again.
        """
        writer = self._check_writable()
        if self._commit.capacity is not None:
            raise DatasetError(f"{self.url}: blocks of a ring, whose rows are overwritten, cannot be lent")
        if again is not None and again["rows"] != count:
            raise DatasetError(f"{self.url}: {again['rows']} rows were lent, not {count}")
        if not writer.has_begun:
            self._begin(writer)
        size = self._commit.logs[ROWS_LOG].block_rows
        token = self._token if again is None else str(again["writer"])
        if again is None:
            row = writer.lend(count)
        else:
            row = int(again["row"])
            self._require_held(token, row, count, writer.row)
            writer.seal()
            writer.go_to(row)
        self._lent = count
        return Loan(
            dataset=self._commit.uuid,
            writer=token,
            path=self._commit.path,
            group=writer.group,
            arrays=self._commit.arrays,
            block_rows=size,
            row=row,
            rows=count,
        )

    def _require_held(self, token: str, row: int, count: int, first_free: int) -> None:
        size = self._commit.logs[ROWS_LOG].block_rows
        claims = Claims(self._objects, self._commit.group, token)
        blocks = range(row // size, -(-(row + count) // size))
        is_behind = row >= first_free and row % size == 0
        if not (is_behind and claims.holds(ROWS_LOG, blocks[0]) and claims.holds(ROWS_LOG, blocks[-1])):
            raise DatasetError(f"{self.url}: rows {row} to {row + count} of the log are not lent any more")

    def settle(self, report: Report) -> int:
        """Have new slots show the next rows of the loan that are kept; gives how many."""
        writer = self._check_writable()
        row, slot = writer.row, self._slots.length
        writer.settle(report.rows, report.ragged, report.weights)
        self._lent -= report.rows
        kept = sum(stop - start for start, stop in report.kept)
        slots = self._slots.resized(slot + kept)
        for start, stop in report.kept:
            slots = slots.assigned(slot, row + start, stop - start)
            slot += stop - start
        self._slots = slots
        return kept

    def set(self, slots: RowIndex, columns: Mapping[str, ColumnData]) -> None:
        if self._lent:
            raise DatasetError(
                f"{self.url}: {self._lent} rows are lent; nothing is written until they are back"
            )
        super().set(slots, columns)
