"""The writer of a storage that claims blocks for others to write."""

from __future__ import annotations

from collections.abc import Mapping

from unienv_data.columns.data import Ragged
from unienv_data.schema.commit import ROWS_LOG
from unienv_data.store.logwriter import LogWriter, Region, ceil_to

__all__ = ["LendingWriter"]


class LendingWriter(LogWriter):
    """A writer that lends blocks, and takes in what others have written there."""

    def lend(self, count: int) -> int:
        """Claim whole blocks, one after another, in which others write `count` rows; gives the first row.

        Nothing may be appended before `settle` has been told of all of them.
        """
        size = self._regions[ROWS_LOG].block_rows
        self.seal()
        self.go_to(self._new_region(ROWS_LOG, count, ceil_to(self._row, size)).start)
        return self._row

    def go_to(self, row: int) -> None:
        """Have `row`, the first of a block, come next; nothing may be pending."""
        size = self._regions[ROWS_LOG].block_rows
        self.changes += 1
        self._room = 0
        self._finish_rows(row)
        self._row = row
        self._regions[ROWS_LOG] = Region(size, row, row)

    def settle(
        self, count: int, ragged: Mapping[str, Ragged], weights: Mapping[str, tuple[int, int]]
    ) -> None:
        """Take in the next rows of what was lent, which stand in their shards but for ragged columns.

        Args:
            count: how many rows; less than whole blocks for the last ones only.
            ragged: these rows of every ragged column, by name.
            weights: stored and raw bytes of these rows in every array that has been written.
        """
        size = self._regions[ROWS_LOG].block_rows
        self.changes += 1
        done = 0
        while done < count:
            stop = min(count, done + size - self._row % size)
            while not self._reserve_values(ragged, done, stop):
                self._finish_values()
            for name, data in ragged.items():
                self._append_ragged(name, data, done, stop)
            self._regions[ROWS_LOG] = Region(size, self._row - self._row % size, self._row + stop - done)
            self._row += stop - done
            done = stop
            if self._row % size == 0:
                self._finish_values()
        for name, (stored, raw) in weights.items():
            self._writers[name].skip(count, stored, raw)
        if self._row % size:
            self.seal()
