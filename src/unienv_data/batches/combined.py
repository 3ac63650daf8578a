"""Several batches as one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unienv_data.base import BatchBase
from unienv_data.base.batch import BatchT
from unienv_data.base.expectation import Expectation
from unienv_data.base.paths import Path, subspace
from unienv_data.base.traffic import Traffic
from unienv_data.batches.joining import joined
from unienv_data.errors import SpaceError
from unienv_data.indexing import RowIndex
from unienv_data.order import Blocks
from unienv_data.selection import JoinedNumbering, Numbering, grouped
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space.space_utils import batch_utils
from unienv_interface.space.spaces import BoxSpace, DictSpace

__all__ = ["CombinedBatch"]

_INDEX = "batch_index"
_MOST_THREADS = 32

T = TypeVar("T")
R = TypeVar("R")


class CombinedBatch(BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """The rows of several batches, one batch after another.

    Rows that a batch gains or loses are there, or gone, at once; those of later batches shift. Rows can be
    overwritten where all batches can be changed; none can be appended or removed here.

    The metadata of a row is what its batch says of it, and `batch_index`, which batch that is.

    Args:
        batches: one or more, of one space and one metadata space; they stay open when the view is closed.
        device: where values are made; None where all batches make them on one.
        use_thread_pool: read from several batches at a time, which helps where reading waits.

    Attributes:
        batches: as given.

    Raises:
        SpaceError: there are none, or they differ in backend, device or space.
    """

    def __init__(
        self,
        batches: Sequence[BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]],
        device: BDeviceType | None = None,
        use_thread_pool: bool = False,
    ) -> None:
        self.batches = tuple(batches)
        if not self.batches:
            raise SpaceError("batches: expected at least one batch")
        spaces = [_at(batch.single_space, device) for batch in self.batches]
        known = [_at(batch.single_metadata_space, device) for batch in self.batches]
        for name, found in (("space", spaces), ("metadata space", known)):
            for position, space in enumerate(found):
                if space is not found[0] and space != found[0]:
                    raise SpaceError(f"batches[{position}]: expected the {name} {found[0]}, got {space}")
        super().__init__(spaces[0], self._with_index(spaces[0], known[0], len(self.batches)))
        self.is_mutable = all(batch.is_mutable for batch in self.batches)
        self.reads_parts = all(batch.reads_parts for batch in self.batches)
        self.use_thread_pool = use_thread_pool
        self._threads: tuple[int, ThreadPoolExecutor] | None = None

    @staticmethod
    def _with_index(space: Any, known: Any, count: int) -> DictSpace[Any, Any, Any]:
        backend, device = space.backend, space.device
        dtype = backend.default_integer_dtype
        index = BoxSpace(backend, 0, count - 1, dtype=dtype, shape=(), device=device)
        return DictSpace(backend, {**({} if known is None else known.spaces), _INDEX: index})

    def __len__(self) -> int:
        return sum(batch._indexed_length() for batch in self.batches)

    def get_segments(self) -> list[tuple[int, int]] | None:
        """The segments of all batches; a batch that keeps none is one itself."""
        numbering = self._numbering()
        segments = numbering.segments(numbering.anchor)
        return None if segments is None else [(start, stop) for start, stop in segments.tolist()]

    # -- reading -------------------------------------------------------------------------------

    def _read(self, rows: RowIndex) -> tuple[BatchT, dict[str, Any] | None]:
        (value,), metadata = self._read_parts(rows, ((),))
        return value, metadata

    def _read_parts(
        self, rows: RowIndex, paths: Sequence[Path]
    ) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
        groups = self._groups(rows)

        def read(group: tuple[int, RowIndex, Any]) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
            batch = self.batches[group[0]]
            values, metadata = batch._read_parts(group[1], paths)
            if batch.device != self.device:
                spaces = [subspace(batch._batched_space, path) for path in paths]
                moved = zip(spaces, values, strict=True)
                values = tuple(space.data_to(value, device=self.device) for space, value in moved)
                if metadata is not None and batch._batched_metadata_space is not None:
                    metadata = batch._batched_metadata_space.data_to(metadata, device=self.device)
            return values, metadata

        found = self._each(read, groups)
        order = _order(groups, len(rows))
        parts = tuple(
            self._ordered(subspace(self.single_space, path), [values[i] for values, _ in found], order)
            for i, path in enumerate(paths)
        )
        return parts, self._metadata(groups, [metadata for _, metadata in found], order)

    def _expect(self, rows: RowIndex, paths: Sequence[Path]) -> Expectation:
        groups = self._groups(rows) if len(rows) else []
        return Expectation.of([self.batches[part]._expect(local, paths) for part, local, _ in groups])

    def _stream(self, buffer_bytes: int, *, shared: bool = False) -> None:
        for batch in self.batches:
            batch._stream(buffer_bytes, shared=shared)

    def _metadata(
        self, groups: Sequence[tuple[int, RowIndex, Any]], found: Sequence[Any], order: Any
    ) -> dict[str, Any]:
        spaces = {} if self.single_metadata_space is None else self.single_metadata_space.spaces
        metadata = {
            key: self._ordered(space, [known[key] for known in found], order)
            for key, space in spaces.items()
            if key != _INDEX
        }
        index = np.repeat([part for part, _, _ in groups], [len(rows) for _, rows, _ in groups])
        index = index if order is None else index[order]
        dtype = self.backend.default_integer_dtype
        metadata[_INDEX] = self.backend.from_numpy(index, dtype=dtype, device=self.device)
        return {key: metadata[key] for key in spaces}

    def _ordered(self, space: Any, values: Sequence[Any], order: NDArray[np.int64] | None) -> Any:
        """The values of all groups in the order of the rows."""
        value = joined(space, values)
        return value if order is None else batch_utils.get_at(space, value, order)

    # -- changing ------------------------------------------------------------------------------

    def _write(self, rows: RowIndex, value: BatchT) -> None:
        # Checked as a whole, so that what does not fit is refused before any batch has changed.
        space = batch_utils.batch_space(self.single_space, len(rows))
        fitting = space.coerce(value)
        for part, local, places in self._groups(rows):
            batch = self.batches[part]
            index: Any = local
            written = batch_utils.get_at(self.single_space, fitting, places)
            if batch.device != self.device:
                written = self._batched_space.data_to(written, device=batch.device)
            batch.set_at(index, written)

    # -- where rows are ------------------------------------------------------------------------

    def _groups(self, rows: RowIndex) -> list[tuple[int, RowIndex, Any]]:
        """For each batch that has some of the rows: which batch, which of its rows, and their places."""
        lengths = np.fromiter(
            (batch._indexed_length() for batch in self.batches), np.int64, len(self.batches)
        )
        return list(grouped(rows, np.cumsum(lengths) - lengths))

    def _numbering(self) -> Numbering:
        lengths = tuple(batch._indexed_length() for batch in self.batches)
        return JoinedNumbering(tuple(batch._numbering() for batch in self.batches), lengths)

    def _traffic(self) -> frozenset[Traffic]:
        return frozenset().union(*(batch._traffic() for batch in self.batches))

    def _blocks(self, paths: Sequence[Path]) -> Blocks:
        lengths = [batch._indexed_length() for batch in self.batches]
        return Blocks.joined([batch._blocks(paths) for batch in self.batches], lengths)

    def _require_open(self) -> None:
        super()._require_open()
        for batch in self.batches:
            batch._require_open()

    # -- threads -------------------------------------------------------------------------------

    def _each(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        todo = list(items)
        if not self.use_thread_pool or len(todo) < 2:
            return [work(item) for item in todo]
        return list(self._executor().map(work, todo))

    def _executor(self) -> ThreadPoolExecutor:
        # A forked child has none of its parent's threads.
        if self._threads is None or self._threads[0] != os.getpid():
            count = min(len(self.batches), _MOST_THREADS)
            self._threads = os.getpid(), ThreadPoolExecutor(count, thread_name_prefix="unienv-combined")
        return self._threads[1]

    def _close(self) -> None:
        if self._threads is not None and self._threads[0] == os.getpid():
            self._threads[1].shutdown()
        self._threads = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_threads": None}


def _at(space: Any, device: Any) -> Any:
    return space if space is None or device is None else space.to(device=device)


def _order(groups: Sequence[tuple[int, RowIndex, Any]], count: int) -> NDArray[np.int64] | None:
    """Where each row stands among those of all groups; None where it is there already."""
    if all(isinstance(places, slice) for _, _, places in groups):
        return None
    order = np.empty(count, dtype=np.int64)
    order[np.concatenate([places for _, _, places in groups])] = np.arange(count)
    return order
