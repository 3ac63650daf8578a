"""What holds for every sampler, whoever reads its batches."""

from __future__ import annotations

import itertools
import json
from abc import abstractmethod
from typing import Any

import numpy as np
import pytest

from unienv_data.base import BatchBase, BatchSampler
from unienv_data.errors import ClosedError, DocumentError, ReadOnlyError
from unienv_data.indexing import RowIndex
from unienv_data.testing.samples import same
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace

__all__ = ["NumberedRows", "SamplerTests"]

_NUMBER = BoxSpace(NumpyComputeBackend, -(2**40), 2**40, NumpyComputeBackend.int64, shape=())
_METADATA = DictSpace(NumpyComputeBackend, {"row": _NUMBER})
_ROWS, _BATCH = 22, 4


class NumberedRows(BatchBase[Any, Any, Any, Any, Any]):
    """Rows that are their own numbers, as their metadata say, too.

    Args:
        length: how many.
    """

    is_mutable = False

    def __init__(self, length: int) -> None:
        super().__init__(_NUMBER, _METADATA)
        self.length = length

    def __len__(self) -> int:
        return self.length

    def _read(self, rows: RowIndex) -> tuple[Any, dict[str, Any]]:
        values = np.array(rows, dtype=np.int64)
        return values, {"row": values.copy()}


class SamplerTests:
    """Subclass, and say in `make` what is tested: a sampler whose batches are rows of its data."""

    @abstractmethod
    def make(
        self, data: BatchBase[Any, Any, Any, Any, Any], batch_size: int, **options: Any
    ) -> BatchSampler[Any, Any, Any, Any, Any, Any, Any, Any, Any, Any]:
        """A sampler of `data`, with the options of `BatchSampler`."""

    def test_epochs_visit_every_row_once(self) -> None:
        """As many batches as `len` says; every epoch has an order of its own, which the seed chooses."""
        with self.make(NumberedRows(_ROWS), _BATCH, seed=7) as sampler:
            epochs = [_rows(sampler) for _ in range(3)]
            assert all(sorted(epoch) == list(range(_ROWS)) for epoch in epochs)
            assert len({tuple(epoch) for epoch in epochs}) == 3
            assert len(list(sampler)) == len(sampler)
        with self.make(NumberedRows(_ROWS), _BATCH, seed=7) as again:
            assert [_rows(again) for _ in range(3)] == epochs

    def test_every_form_holds_the_same_rows(self) -> None:
        """Structured, flattened, with metadata and without."""
        with self.make(NumberedRows(_ROWS), _BATCH, seed=7) as sampler:
            plain = list(sampler.epoch_iter())
            for iterate in ("epoch_iter_with_metadata", "epoch_flat_iter", "epoch_flat_iter_with_metadata"):
                sampler.manual_seed(7)
                batches = list(getattr(sampler, iterate)())
                if iterate.endswith("metadata"):
                    assert all(same(metadata["row"], value.reshape(-1)) for value, metadata in batches)
                    batches = [value for value, _ in batches]
                assert same([value.reshape(-1) for value in batches], plain)
            sampler.manual_seed(7)
            index = sampler.sample_index()
            for draw in ("sample", "sample_flat", "sample_with_metadata", "sample_flat_with_metadata"):
                sampler.manual_seed(7)
                drawn = getattr(sampler, draw)()
                value = drawn[0] if draw.endswith("metadata") else drawn
                assert same(value.reshape(-1), index)

    def test_resuming_at_every_step(self) -> None:
        """The state is integers, and what follows from it is exactly the rest."""
        data = NumberedRows(_ROWS)
        with self.make(data, _BATCH, seed=7) as sampler, self.make(data, _BATCH) as resumed:
            expected = [batch.tolist() for batch in sampler]
            for taken in range(len(expected) + 1):
                sampler.manual_seed(7)
                begun = sampler.epoch_iter()
                for _ in range(taken):
                    next(begun)
                state = json.loads(json.dumps(sampler.state_dict()))
                resumed.load_state_dict(state)
                assert [batch.tolist() for batch in resumed] == expected[taken:]
            with pytest.raises(DocumentError):
                resumed.load_state_dict({"seed": 1})

    @pytest.mark.parametrize("uneven", ["pad", "drop"])
    def test_ranks_share_one_order(self, uneven: str) -> None:
        """No gap and no overlap, but the padding that the mask tells, or the rest that is dropped."""
        with self.make(NumberedRows(_ROWS), _BATCH, seed=7) as alone:
            expected = _rows(alone)
        each: list[list[Any]] = []
        for rank in range(3):
            options = {"seed": 7, "rank": rank, "world_size": 3, "uneven": uneven}
            with self.make(NumberedRows(_ROWS), _BATCH, **options) as sampler:
                each.append(list(sampler.epoch_iter_with_metadata()))
        batches = list(itertools.chain(*zip(*each, strict=True)))
        assert all(len(value) == _BATCH for value, _ in batches)
        rows = np.concatenate([value for value, _ in batches])
        if uneven == "pad":
            mask = np.concatenate([metadata["row_valid_mask"] for _, metadata in batches])
            assert rows[mask].tolist() == expected
            assert np.count_nonzero(~mask) < 3 * _BATCH
        else:
            assert rows.tolist() == expected[: len(rows)]
            assert len(expected) - len(rows) < 3 * _BATCH

    def test_draws_follow_the_seed(self) -> None:
        """With replacement, endlessly, and whatever epochs are iterated meanwhile."""
        with self.make(NumberedRows(5), _BATCH, seed=7) as sampler:
            drawn = [sampler.sample().tolist() for _ in range(30)]
            assert any(len(set(batch)) < _BATCH for batch in drawn)
            sampler.manual_seed(7)
            batches = sampler.epoch_iter()
            again = []
            for _ in range(30):
                again.append(sampler.sample().tolist())
                next(batches, None)
            assert again == drawn

    def test_it_reads_only_and_closes_once(self) -> None:
        """Indexes address the data, which stay open."""
        data = NumberedRows(_ROWS)
        with self.make(data, _BATCH) as sampler:
            assert sampler[[3, 1]].tolist() == [3, 1]
            with pytest.raises(ReadOnlyError):
                sampler.append(1)
        sampler.close()
        with pytest.raises(ClosedError):
            sampler.sample()
        assert len(data[...]) == _ROWS


def _rows(batches: Any) -> list[int]:
    return [row for batch in batches for row in batch.tolist()]
