"""Batches of single steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from numpy.typing import NDArray

from unienv_data.base.batch import BatchBase, BatchT
from unienv_data.base.planning import BUFFER_BYTES
from unienv_data.base.sampler import BatchSampler
from unienv_data.indexing import RowIndex
from unienv_data.samplers.weighting import WeightedPlanner, weights_of_rows
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space.space_utils import batch_utils

__all__ = ["StepSampler"]


class StepSampler(
    BatchSampler[
        BatchT,
        BArrayType,
        BDeviceType,
        BDtypeType,
        BRNGType,
        BatchT,
        BArrayType,
        BDeviceType,
        BDtypeType,
        BRNGType,
    ]
):
    """Samples batches of single steps (rows) of `data`.

    Weights are of the rows that there are when the sampler is made: rows that come later are not sampled, and
    one that has gone is an IndexOutOfRangeError. For other weights, make another sampler.

    Args:
        data: what is sampled from; it stays open when the sampler is closed.
        batch_size: rows of a batch.
        seed: any integer; None takes one from the operating system, once.
        device: where batches are put, on the backend of `data`; None leaves them where `data` makes them.
        shuffle: "global" for a permutation of all rows each epoch; "block" for rows that mix within a window
            of blocks of storage, each fetched once; "none" for the rows' own order. None means "block" where
            reading asks elsewhere, as of a bucket, and "global" where it does not.
        drop_last: leave the last batch of an epoch out where it is shorter than `batch_size`.
        rank: number of this process among those that train together, from 0; all need the same `seed`.
        world_size: how many there are.
        uneven: what becomes of an epoch's last rows, too few for a full batch for each of several ranks:
            "pad" repeats rows, masked in `metadata["row_valid_mask"]`, "drop" leaves them out.
        buffer_bytes: what may be kept of blocks in the order "block", as they are stored; the more there are,
            the better rows mix (docs/sampling.md).
        weights: (N,) how likely each row of `data` is beside the others: finite numbers, at least 0. Draws
            take rows by weight; an epoch has N rows, each as often as N times its share says, rounded up or
            down at random. Rows of weight 0 never come. Where all weights are the same, it is as without.
        episode_weights: (E,) in place of `weights`, one for each segment, which each of its rows has; rows
            outside of segments have none. Divided by the segments' lengths, they say how likely each segment
            is, whatever its length.

    Example:
        >>> from unienv_data.samplers import StepSampler
        >>> for batch in StepSampler(data, 256, seed=0):  # doctest: +SKIP
        ...     train(batch)
    """

    def __init__(
        self,
        data: BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType],
        batch_size: int,
        seed: int | None = None,
        device: BDeviceType | None = None,
        *,
        shuffle: str | None = None,
        drop_last: bool = False,
        rank: int = 0,
        world_size: int = 1,
        uneven: str = "pad",
        buffer_bytes: int = BUFFER_BYTES,
        weights: Sequence[float] | NDArray[Any] | BArrayType | None = None,
        episode_weights: Sequence[float] | NDArray[Any] | BArrayType | None = None,
    ) -> None:
        table = None
        if weights is not None or episode_weights is not None:
            table = weights_of_rows(data, weights, episode_weights)
            data = data.get_slice(range(table.length))
        space, metadata_space = data.single_space, data.single_metadata_space
        if device is not None:
            space = space.to(device=device)
            metadata_space = None if metadata_space is None else metadata_space.to(device=device)
        super().__init__(
            space,
            metadata_space,
            batch_size,
            seed=seed,
            shuffle=shuffle,
            drop_last=drop_last,
            rank=rank,
            world_size=world_size,
            uneven=uneven,
            buffer_bytes=buffer_bytes,
        )
        self.data = data
        self._stays = device is None
        if table is not None:
            self._planner = WeightedPlanner.of(self._planner, table)

    def _read(self, rows: RowIndex) -> tuple[BatchT, dict[str, Any] | None]:
        value, metadata = self.data.get_at_with_metadata(rows)
        return (value, metadata) if self._stays else self._delivered(value, metadata, flat=False)

    def _read_flattened(self, rows: RowIndex) -> tuple[BArrayType, dict[str, Any] | None]:
        # Flattened where the data is: one array to move, and values are looked at without a transfer back.
        flat, metadata = self.data.get_flattened_at_with_metadata(rows)
        return (flat, metadata) if self._stays else self._delivered(flat, metadata, flat=True)

    def _for_workers(self) -> Self:
        twin = super()._for_workers()
        twin._stays = True  # devices are this process's alone
        return twin

    def _delivered(self, value: Any, metadata: dict[str, Any] | None, flat: bool) -> tuple[Any, Any]:
        if self.device is None or self.device == self.data.device:
            return value, metadata
        if flat:
            moved = self.backend.to_device(value, self.device)
        else:
            moved = self._batched_space.data_to(value, device=self.device)
        return moved, self._moved_metadata(metadata)

    def _moved_metadata(self, metadata: dict[str, Any] | None) -> dict[str, Any] | None:
        if metadata is None or self.single_metadata_space is None:
            return metadata
        space = batch_utils.batch_space(self.single_metadata_space, 1)
        moved: dict[str, Any] = space.data_to(metadata, device=self.device)
        return moved
