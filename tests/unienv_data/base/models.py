"""Batches that are plain lists, and spaces to fill them with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.unienv_interface import corpus
from unienv_data.base import BatchBase, BatchSampler
from unienv_data.indexing import RowIndex
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils import batch_utils, flatten_utils
from unienv_interface.space.spaces import BinarySpace, BoxSpace, DictSpace, TextSpace, TupleSpace

BACKEND = NumpyComputeBackend
NUMBER = BoxSpace(BACKEND, -1000, 1000, BACKEND.int64, shape=())
VECTOR = BoxSpace(BACKEND, -np.inf, np.inf, BACKEND.float32, shape=(3,))
IMAGE = BoxSpace(BACKEND, 0, 255, BACKEND.uint8, shape=(2, 2, 3))
NESTED = DictSpace(
    BACKEND,
    {
        "image": IMAGE,
        "state": TupleSpace(BACKEND, [VECTOR, NUMBER]),
        "done": BinarySpace(BACKEND, ()),
        "task": TextSpace(BACKEND, 12),
    },
)
NUMERIC = DictSpace(
    BACKEND,
    {"image": IMAGE, "state": TupleSpace(BACKEND, [VECTOR, NUMBER]), "done": BinarySpace(BACKEND, ())},
)
# A dict of nothing has no rows to tell apart: its batches are all the same.
SPACES: dict[str, AnySpace] = {
    **{name: make(BACKEND) for name, make in corpus.SPACES.items() if name != "dict_empty"},
    "number": NUMBER,
    "vector": VECTOR,
    "numeric": NUMERIC,
    "nested": NESTED,
}
FLATTENABLE = [name for name, space in SPACES.items() if flatten_utils.is_flattenable(space)]
METADATA = DictSpace(BACKEND, {"row": NUMBER, "name": TextSpace(BACKEND, 8)})


def samples(space: AnySpace, count: int, seed: int = 0) -> list[Any]:
    """`count` values of the space."""
    rng = space.backend.random.random_number_generator(seed)
    found = []
    for _ in range(count):
        rng, value = space.sample(rng)
        found.append(value)
    return found


class ListBatch(BatchBase[Any, Any, Any, Any, Any]):
    """A list of samples; counts its reads, and remembers how its rows were appended."""

    def __init__(
        self,
        space: AnySpace,
        rows: Sequence[Any] = (),
        *,
        metadata: bool = False,
        segments: list[tuple[int, int]] | None = None,
    ) -> None:
        super().__init__(space, METADATA if metadata else None)
        self.rows = list(rows)
        self.segments = segments
        self.reads: list[int] = []
        self.appended: list[list[int]] = []
        self.closings = 0

    def __len__(self) -> int:
        return len(self.rows)

    def _read(self, rows: RowIndex) -> tuple[Any, dict[str, Any] | None]:
        self.reads.append(len(rows))
        value = batch_utils.concatenate(self.single_space, [self.rows[row] for row in rows])
        if self.single_metadata_space is None:
            return value, None
        names = np.array([f"row {row}" for row in rows], dtype=object)
        numbers = self.single_metadata_space.backend.asarray(list(rows))
        return value, {"name": names, "row": numbers}

    def _write(self, rows: RowIndex, value: Any) -> None:
        for row, sample in zip(rows, batch_utils.iterate(self.single_space, value), strict=True):
            self.rows[row] = sample

    def _extend(self, value: Any) -> None:
        added = list(batch_utils.iterate(self.single_space, value))
        self.rows += added
        if self.appended:
            self.appended[-1].append(len(added))

    def _remove(self, rows: RowIndex) -> None:
        for row in reversed(list(rows)):
            del self.rows[row]

    def _extend_segment(self, chunks: Any, description: Any) -> None:
        self.appended.append([])
        super()._extend_segment(chunks, description)

    def get_segments(self) -> list[tuple[int, int]] | None:
        return self.segments

    def _close(self) -> None:
        self.closings += 1


class ReadOnlyBatch(BatchBase[Any, Any, Any, Any, Any]):
    """The least that a batch can be: ten numbers."""

    is_mutable = False

    def __init__(self) -> None:
        super().__init__(NUMBER)

    def __len__(self) -> int:
        return 10

    def _read(self, rows: RowIndex) -> tuple[Any, None]:
        return np.array(list(rows), dtype=np.int64), None


class PlainSampler(BatchSampler[Any, Any, Any, Any, Any, Any, Any, Any, Any, Any]):
    """The least that a sampler can be."""

    def __init__(self, data: Any, batch_size: int, **options: Any) -> None:
        super().__init__(data.single_space, data.single_metadata_space, batch_size, **options)
        self.data = data

    def _read(self, rows: RowIndex) -> tuple[Any, dict[str, Any] | None]:
        value, metadata = self.data.get_at_with_metadata(rows)
        return value, metadata


def counting(length: int) -> ListBatch:
    """A batch whose rows are their own numbers."""
    return ListBatch(NUMBER, [np.array(row) for row in range(length)])


def rows_in(batches: Any) -> list[int]:
    """The rows of batches of numbers, in order."""
    return [row for batch in batches for row in batch.tolist()]
