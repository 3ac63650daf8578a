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
from unienv_data.testing.checking import check
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
    """Subclass, and say in `make` what is tested: a sampler whose batches are rows of its data.

    And in `make_data` where these lie, if that makes a difference.
    """

    def make_data(self, length: int) -> BatchBase[Any, Any, Any, Any, Any]:
        """Rows that are their own numbers, int64, as their metadata `row` say, where they have any.

        Args:
            length: how many.
        """
        return NumberedRows(length)

    @abstractmethod
    def make(
        self, data: BatchBase[Any, Any, Any, Any, Any], batch_size: int, **options: Any
    ) -> BatchSampler[Any, Any, Any, Any, Any, Any, Any, Any, Any, Any]:
        """A sampler of `data`, with the options of `BatchSampler`."""

    def test_epochs_visit_every_row_once(self) -> None:
        """As many batches as `len` says; every epoch has an order of its own, which the seed chooses."""
        with self.make(self.make_data(_ROWS), _BATCH, seed=7) as sampler:
            epochs = [_rows(sampler) for _ in range(3)]
            every = list(range(_ROWS))
            check(all(sorted(epoch) == every for epoch in epochs), "rows of the epochs", epochs, every)
            check(len({tuple(epoch) for epoch in epochs}) == 3, "epochs", epochs, "three orders")
            batches = len(list(sampler))
            check(batches == len(sampler), "len(sampler)", len(sampler), batches)
        with self.make(self.make_data(_ROWS), _BATCH, seed=7) as again:
            found = [_rows(again) for _ in range(3)]
            check(found == epochs, "epochs of an equal sampler", found, epochs)

    def test_every_form_holds_the_same_rows(self) -> None:
        """Structured, flattened, with metadata and without."""
        with self.make(self.make_data(_ROWS), _BATCH, seed=7) as sampler:
            plain = list(sampler.epoch_iter())
            for iterate in ("epoch_iter_with_metadata", "epoch_flat_iter", "epoch_flat_iter_with_metadata"):
                sampler.manual_seed(7)
                batches = list(getattr(sampler, iterate)())
                if iterate.endswith("metadata"):
                    for value, metadata in batches:
                        row = (metadata or {}).get("row", value.reshape(-1))
                        check(same(row, value.reshape(-1)), iterate, row, value)
                    batches = [value for value, _ in batches]
                found = [value.reshape(-1) for value in batches]
                check(same(found, plain), iterate, found, plain)
            sampler.manual_seed(7)
            index = sampler.sample_index()
            for draw in ("sample", "sample_flat", "sample_with_metadata", "sample_flat_with_metadata"):
                sampler.manual_seed(7)
                drawn = getattr(sampler, draw)()
                value = drawn[0] if draw.endswith("metadata") else drawn
                check(same(value.reshape(-1), index), draw, value, index)

    def test_resuming_at_every_step(self) -> None:
        """The state is integers, and what follows from it is exactly the rest."""
        data = self.make_data(_ROWS)
        with self.make(data, _BATCH, seed=7) as sampler, self.make(data, _BATCH) as resumed:
            expected = [batch.tolist() for batch in sampler]
            for taken in range(len(expected) + 1):
                sampler.manual_seed(7)
                begun = sampler.epoch_iter()
                for _ in range(taken):
                    next(begun)
                state = json.loads(json.dumps(sampler.state_dict()))
                resumed.load_state_dict(state)
                rest = [batch.tolist() for batch in resumed]
                check(rest == expected[taken:], f"what follows {taken} batches", rest, expected[taken:])
            with pytest.raises(DocumentError):
                resumed.load_state_dict({"seed": 1})

    @pytest.mark.parametrize("uneven", ["pad", "drop"])
    def test_ranks_share_one_epoch(self, uneven: str) -> None:
        """No gap and no overlap, but the padding that the mask tells, or the rest that is dropped.

        Dealt in turn, their batches have the order of one process, where that does not go by blocks.
        """
        with self.make(self.make_data(_ROWS), _BATCH, seed=7) as alone:
            expected, in_blocks = _rows(alone), alone.shuffle == "block"
        each: list[list[Any]] = []
        for rank in range(3):
            options = {"seed": 7, "rank": rank, "world_size": 3, "uneven": uneven}
            with self.make(self.make_data(_ROWS), _BATCH, **options) as sampler:
                each.append(list(sampler.epoch_iter_with_metadata()))
        batches = list(itertools.chain(*zip(*each, strict=True)))
        sizes = {len(value) for value, _ in batches}
        check(sizes == {_BATCH}, "rows of the batches", sizes, {_BATCH})
        rows = np.concatenate([value for value, _ in batches])
        if uneven == "pad":
            mask = np.concatenate([metadata["row_valid_mask"] for _, metadata in batches])
            found = rows[mask].tolist()
            if in_blocks:
                found, expected = sorted(found), sorted(expected)
            check(found == expected, "rows of all ranks", found, expected)
            padding = int(np.count_nonzero(~mask))
            check(padding < 3 * _BATCH, "rows of padding", padding, f"fewer than {3 * _BATCH}")
        else:
            found = rows.tolist()
            if in_blocks:
                check(len({*found}) == len(found), "rows of all ranks", found, "each row once at most")
            else:
                check(found == expected[: len(rows)], "rows of all ranks", found, expected)
            dropped = len(expected) - len(rows)
            check(dropped < 3 * _BATCH, "rows that are dropped", dropped, f"fewer than {3 * _BATCH}")

    def test_another_number_of_ranks_gives_the_rest(self) -> None:
        """However often it changes: every row is in the epoch once, and once only."""
        data = self.make_data(_ROWS)
        given: list[int] = []
        state: dict[str, int] | None = None
        for world_size, batch_size in ((2, 2), (3, 1), (1, 3), (4, 2)):
            found = []
            for rank in range(world_size):
                options = {"seed": 7, "rank": rank, "world_size": world_size}
                with self.make(data, batch_size, **options) as sampler:
                    if state is not None:
                        sampler.load_state_dict(state)
                    batches = sampler.epoch_iter_with_metadata()
                    if world_size == 4:
                        found += list(batches)
                    else:
                        found.append(next(batches))
                        after = sampler.state_dict()
            state = after
            for value, metadata in found:
                real = (metadata or {}).get("row_valid_mask", np.ones(len(value), dtype=np.bool_))
                given += value[real].tolist()
        check(sorted(given) == list(range(_ROWS)), "rows of the epoch", sorted(given), f"0 to {_ROWS - 1}")

    def test_draws_follow_the_seed(self) -> None:
        """With replacement, endlessly, and whatever epochs are iterated meanwhile."""
        with self.make(self.make_data(5), _BATCH, seed=7) as sampler:
            drawn = [sampler.sample().tolist() for _ in range(30)]
            check(any(len(set(batch)) < _BATCH for batch in drawn), "batches", drawn, "a row drawn twice")
            sampler.manual_seed(7)
            batches = sampler.epoch_iter()
            again = []
            for _ in range(30):
                again.append(sampler.sample().tolist())
                next(batches, None)
            check(again == drawn, "batches drawn again", again, drawn)

    def test_it_reads_only_and_closes_once(self) -> None:
        """Indexes address the data, which stay open."""
        data = self.make_data(_ROWS)
        with self.make(data, _BATCH) as sampler:
            found = sampler[[3, 1]].tolist()
            check(found == [3, 1], "rows 3 and 1", found, [3, 1])
            with pytest.raises(ReadOnlyError):
                sampler.append(1)
        sampler.close()
        with pytest.raises(ClosedError):
            sampler.sample()
        check(len(data[...]) == _ROWS, "rows of the data", len(data[...]), _ROWS)


def _rows(batches: Any) -> list[int]:
    return [row for batch in batches for row in batch.tolist()]
