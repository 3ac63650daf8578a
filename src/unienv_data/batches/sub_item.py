"""One field of every sample of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unienv_data.base import BatchBase, BatchView
from unienv_data.base.batch import BatchT
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType

__all__ = ["SubItemBatch"]


class SubItemBatch(BatchView[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """One field of every sample of another batch: what `batch.get_column(sub_indexes)` shows.

    Read-only: change the samples in the batch itself. Metadata is that of whole samples.

    Args:
        batch: what is viewed; it stays open when the view is closed.
        sub_indexes: keys of dictionary spaces and places in tuple spaces, from the outermost inward.

    Raises:
        PathError: there is no such field.
    """

    def __init__(
        self,
        batch: BatchBase[Any, BArrayType, BDeviceType, BDtypeType, BRNGType],
        sub_indexes: Sequence[Any],
    ) -> None:
        view: Any = batch.get_column(sub_indexes)
        super().__init__(view.batch, view._selection)
