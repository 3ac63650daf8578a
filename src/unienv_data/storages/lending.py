"""A storage that lends blocks of rows to others, who write them, and commits what they wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unienv_data.base.batch import BatchT
from unienv_data.errors import SpaceError
from unienv_data.storages.committing import CommittingStorage
from unienv_data.store.lending import LendingStore, Loan, Report
from unienv_data.store.slotstore import SlotStore
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType

__all__ = ["LendingStorage"]


class LendingStorage(CommittingStorage[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """A committing storage over a store that lends blocks, where it is not in memory."""

    _store: SlotStore

    def lend(self, count: int, again: Mapping[str, Any] | None = None) -> Loan:
        """Claim blocks in which others write `count` rows; nothing else is written until all are settled.

        Args:
            count: how many rows.
            again: what a writer that is no more said of its loan (`Loan.to_json`), to go on with that.

        Raises:
            DatasetError: the storage is of a fixed capacity, or what was lent before cannot be lent again.
            SpaceError: the storage is in memory.
        """
        return self._lender.lend(count, again)

    def settle(self, report: Report) -> int:
        """Have new slots show the next rows of the loan that are kept; gives how many."""
        return self._lender.settle(report)

    @property
    def _lender(self) -> LendingStore:
        if not isinstance(self._store, LendingStore):
            raise SpaceError("a storage in memory has no blocks to lend; give it a cache_path")
        return self._store
