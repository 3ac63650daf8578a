"""Batches of rows of several sources, each in its share."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from unienv_data.base.batch import BatchBase, BatchT
from unienv_data.base.planning import BUFFER_BYTES
from unienv_data.batches.aligned import align_batches
from unienv_data.batches.combined import CombinedBatch
from unienv_data.order import Shares
from unienv_data.samplers.mixing import MixturePlanner
from unienv_data.samplers.step import StepSampler
from unienv_data.samplers.weighting import host_weights
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType

__all__ = ["MixtureSampler"]


class MixtureSampler(StepSampler[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Samples batches of rows of several sources, each in its share.

    Which source a row comes from is a function of the seed and the row's position, as is the row. After any
    number of rows each source has given its share of them, give or take 16 rows and as many more as it takes
    to halve the number of sources down to one (18 for three).

    A source is visited in an order of its own: none of its rows comes again before all have come, also where
    an epoch ends in between. A source with more than its share of rows is therefore gone through over several
    epochs, and one with fewer several times in each. `sample()` takes rows of a source at random, with
    replacement, and keeps the shares too.

    `metadata["batch_index"]` says which source a row is of. Sources may differ in their columns, as `align`
    says; each batch takes one read of each source that it has rows of.

    Sources that grow are seen at their new lengths by the next epoch, and by draws at once.

    Args:
        batches: what is sampled from, in a sequence or by name; they stay open when the sampler is closed.
        weights: how much of each there is to be, beside the others: numbers in the order of `batches`, or by
            name. What has the weight 0 is never read.
        batch_size: rows of a batch.
        seed: any integer; None takes one from the operating system, once.
        device: where batches are put; None leaves them where the sources make them.
        align: "strict": the sources must have the same columns. "intersect": only those that all have are
            shown. "union": those that any has, filled in rows of others, which
            `metadata["column_valid_mask"]` tells. See `align_batches`.
        epoch_length: rows of an epoch; None for as many as the sources with a weight have together.
        shuffle: the order of each source: "global" for permutations of its rows, "block" for rows that mix
            within a window of blocks of storage, "none" for its rows' own order. None means "block" where
            reading any asks elsewhere, and "global" where it does not.
        drop_last: leave the last batch of an epoch out where it is shorter than `batch_size`.
        rank: number of this process among those that train together, from 0; all need the same `seed`.
        world_size: how many there are.
        uneven: what becomes of an epoch's last rows, as for `StepSampler`.
        buffer_bytes: what may be kept of blocks in the order "block", of all sources together.
        use_thread_pool: read from several sources at a time, which helps where reading waits.

    Attributes:
        data: the sources, aligned, one after another: a `CombinedBatch`.
        names: of the sources, by `batch_index`.
        weights: of the sources, adding up to 1.

    Raises:
        SpaceError: the sources cannot be aligned, or differ in backend or device.
        ValueError: the weights are no weights of these sources, or another argument makes no sense.

    Example:
        >>> from unienv_data.samplers import MixtureSampler
        >>> sources = {"robot": robot, "simulation": simulation}  # doctest: +SKIP
        >>> sampler = MixtureSampler(sources, {"robot": 3, "simulation": 1}, 256, seed=0)  # doctest: +SKIP
    """

    data: CombinedBatch[Any, Any, Any, Any, Any]

    def __init__(
        self,
        batches: Sequence[BatchBase[Any, BArrayType, BDeviceType, BDtypeType, BRNGType]]
        | Mapping[str, BatchBase[Any, BArrayType, BDeviceType, BDtypeType, BRNGType]],
        weights: Sequence[float] | Mapping[str, float] | BArrayType,
        batch_size: int,
        seed: int | None = None,
        device: BDeviceType | None = None,
        *,
        align: str = "strict",
        epoch_length: int | None = None,
        shuffle: str | None = None,
        drop_last: bool = False,
        rank: int = 0,
        world_size: int = 1,
        uneven: str = "pad",
        buffer_bytes: int = BUFFER_BYTES,
        use_thread_pool: bool = False,
    ) -> None:
        sources = _named(batches)
        self.names = tuple(sources)
        data = CombinedBatch(align_batches(sources, align), use_thread_pool=use_thread_pool)
        given = _in_order(weights, self.names) if isinstance(weights, Mapping) else weights
        found = host_weights(given, "weights", "batch", len(sources))
        self.weights = tuple((found / found.sum(dtype=float)).tolist())
        if epoch_length is not None and operator.index(epoch_length) < 1:
            raise ValueError(f"epoch_length: expected at least 1, got {epoch_length}")
        super().__init__(
            data,
            batch_size,
            seed,
            device,
            shuffle=shuffle,
            drop_last=drop_last,
            rank=rank,
            world_size=world_size,
            uneven=uneven,
            buffer_bytes=buffer_bytes,
        )
        self._planner = MixturePlanner(
            **self._planner.arguments,
            names=self.names,
            weights=self.weights,
            shares=Shares.of(found),
            epoch_length=epoch_length,
        )

    def _close(self) -> None:
        self.data.close()  # which leaves the sources open


def _named(batches: Any) -> dict[str, BatchBase[Any, Any, Any, Any, Any]]:
    if isinstance(batches, Mapping):
        return dict(batches)
    return {f"batches[{place}]": batch for place, batch in enumerate(batches)}


def _in_order(weights: Mapping[str, float], names: Sequence[str]) -> list[float]:
    """The weights in the order of the batches.

    Raises:
        ValueError: they are of other names.
    """
    if weights.keys() != set(names):
        raise ValueError(f"weights: expected one for each of {', '.join(names)}, got {', '.join(weights)}")
    return [weights[name] for name in names]
