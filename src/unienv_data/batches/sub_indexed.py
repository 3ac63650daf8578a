"""Some rows of a batch."""

from __future__ import annotations

from typing import Any

from unienv_data.base import BatchBase, BatchView
from unienv_data.base.batch import BatchT
from unienv_data.indexing import IndexableType
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType

__all__ = ["SubIndexedBatch"]


class SubIndexedBatch(BatchView[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Some rows of another batch: what `batch.get_slice(sub_indexes)` shows.

    Rows can be overwritten where the batch's can; none can be appended or removed.

    Args:
        batch: what is viewed; it stays open when the view is closed.
        sub_indexes: any index; one integer means a view of one row, `...` all that there are at any time.

    Raises:
        IndexOutOfRangeError: a row is not there.
        InvalidIndexError: `sub_indexes` is no index.
    """

    def __init__(
        self,
        batch: BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType],
        sub_indexes: IndexableType | BArrayType,
    ) -> None:
        view: Any = batch.get_slice(sub_indexes)
        super().__init__(view.batch, view._selection)
