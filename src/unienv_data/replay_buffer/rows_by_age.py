"""Rows by age over the slots of a storage: reading, overwriting and removing them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.base import BatchBase, SpaceStorage
from unienv_data.base.batch import BatchT
from unienv_data.base.expectation import Expectation
from unienv_data.base.paths import Path
from unienv_data.base.traffic import Traffic
from unienv_data.errors import ReadOnlyError, SegmentError
from unienv_data.indexing import IndexableType, RowIndex
from unienv_data.order import Blocks
from unienv_data.replay_buffer.episodes import EpisodeTable
from unienv_data.replay_buffer.mutex import Mutex
from unienv_data.replay_buffer.state import removed
from unienv_data.ring import slot_spans, slots_of
from unienv_data.schema.commit import BufferState
from unienv_data.segments import complement, sequence_numbers, spans_of_rows
from unienv_data.selection import EdgeCache, Numbering, Runs, SequenceNumbering, blocks_of_runs
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType

__all__ = ["RowsByAge"]

_UNGUARDED: AbstractContextManager[None] = nullcontext()


class RowsByAge(BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Rows in the order in which they were appended, the oldest first.

    One thread changes them at a time, and somebody may have further rows ready, which come first whatever
    is asked for.

    Args:
        storage: where the rows are.
        state: how many rows there are, and in which slots.
        episodes: the ended segments.
    """

    def __init__(
        self,
        storage: SpaceStorage[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType],
        state: BufferState,
        episodes: EpisodeTable,
    ) -> None:
        super().__init__(storage.single_instance_space)
        self._storage = storage
        self.is_mutable = storage.is_mutable
        self._state = state
        self.keeps_nothing = storage.keeps_nothing
        self.reads_parts = storage.reads_parts
        self._episodes = episodes
        self._edges = EdgeCache()
        self._mutex = Mutex()

    @property
    def storage(self) -> SpaceStorage[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]:
        """Where the rows are."""
        with self._look():
            return self._storage

    @property
    def _owner(self) -> str | None:
        """Who opens segments here; None where nobody else could."""
        return None

    def _turn(self) -> AbstractContextManager[None]:
        """The time in which an operation changes the buffer, and no other thread or process does."""
        return self._mutex

    def _look(self) -> AbstractContextManager[None]:
        """The time in which an operation looks at the buffer, and nobody changes it.

        Readers change by `refresh` only, and so look at it by many threads at once.
        """
        return self._mutex if self.is_mutable else _UNGUARDED

    def _catch_up(self) -> None:
        """Go to what other processes have committed, where the buffer is shared."""

    @abstractmethod
    def get_segments(self) -> list[tuple[int, int]] | None:
        """The ended segments, oldest first, as half-open (start, end) pairs; None where none are kept."""

    def __len__(self) -> int:
        return self.count

    @property
    def count(self) -> int:
        """Rows in the buffer."""
        with self._look():
            self._catch_up()
            return self._state.count

    @property
    def offset(self) -> int:
        """Slot of the oldest row."""
        with self._look():
            return self._state.offset

    @property
    def capacity(self) -> int | None:
        """Rows of a ring; None where the buffer grows."""
        return self._state.capacity

    @property
    def maintain_segment_metadata(self) -> bool:
        """Whether segments are kept."""
        return self._state.segments

    @property
    def is_multiprocessing_safe(self) -> bool:
        """Whether several processes can use the buffer at once."""
        return self._storage.is_multiprocessing_safe

    def get_at_with_metadata(self, idx: IndexableType | BArrayType) -> tuple[BatchT, dict[str, Any] | None]:
        with self._look():
            self._catch_up()
            return super().get_at_with_metadata(idx)

    def get_flattened_at_with_metadata(
        self, idx: IndexableType | BArrayType
    ) -> tuple[BArrayType, dict[str, Any] | None]:
        with self._look():
            self._catch_up()
            return super().get_flattened_at_with_metadata(idx)

    def set_at(self, idx: IndexableType | BArrayType, value: BatchT) -> None:
        with self._turn():
            super().set_at(idx, value)

    def remove_at(self, idx: IndexableType | BArrayType) -> None:
        with self._turn():
            super().remove_at(idx)

    def _read(self, rows: RowIndex) -> tuple[BatchT, dict[str, Any] | None]:
        with self._look():
            slots: Any = slots_of(rows, self._state.offset, self._state.capacity)
            return self._storage.get(slots), None

    def _read_parts(
        self, rows: RowIndex, paths: Sequence[Path]
    ) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
        with self._look():
            slots: Any = slots_of(rows, self._state.offset, self._state.capacity)
            return self._storage.get_parts(slots, paths), None

    def _expect(self, rows: RowIndex, paths: Sequence[Path]) -> Expectation:
        with self._look():
            return self._storage.expect(slots_of(rows, self._state.offset, self._state.capacity), paths)

    def _stream(self, buffer_bytes: int, *, shared: bool = False) -> None:
        self._storage.stream(buffer_bytes, shared=shared)

    def _traffic(self) -> frozenset[Traffic]:
        return self._storage.traffic()

    def _blocks(self, paths: Sequence[Path]) -> Blocks:
        with self._look():
            self._catch_up()
            state = self._state
            spans = np.array(slot_spans([(0, state.count)], state.offset, state.capacity), dtype=np.int64)
            counts = spans[:, 1] - spans[:, 0]
            runs = Runs(np.cumsum(counts) - counts, spans[:, 0], counts)
            return blocks_of_runs(self._storage.blocks(paths), runs, length=state.count)

    def _numbering(self) -> Numbering:
        with self._look():
            self._catch_up()
            state = self._state
            return SequenceNumbering(
                state.evicted, state.appended, state.removed, self._segment_bounds, self._edges
            )

    def _segment_bounds(self) -> NDArray[np.int64] | None:
        """(E, 2) the segments by sequence number; None where none are kept."""
        if self._state.segments:
            with self._look():
                return self._episodes.bounds()
        segments = self.get_segments()
        if segments is None:
            return None
        first = np.array(segments, dtype=np.int64).reshape(-1, 2)
        last = sequence_numbers(first[:, 1] - 1, self._state.evicted, self._state.removed)
        return np.stack(
            [sequence_numbers(first[:, 0], self._state.evicted, self._state.removed), last + 1], axis=1
        )

    def _write(self, rows: RowIndex, value: BatchT) -> None:
        slots: Any = slots_of(rows, self._state.offset, self._state.capacity)
        self._storage.set(slots, value)
        self._state = replace(self._state, statistics=None)

    def _remove(self, rows: RowIndex) -> None:
        kept = complement(spans_of_rows(rows), self.count)
        self._storage.keep(slot_spans(kept, self.offset, self.capacity))
        self._state = removed(self._state, rows)

    def _turn_ring(self) -> None:
        """Have the oldest row in the first slot."""
        if self.offset:
            self._storage.keep(slot_spans([(0, self.count)], self.offset, self.capacity))
            self._state = replace(self._state, offset=0)

    # What somebody has ready

    @property
    def is_fed(self) -> bool:
        """Whether somebody appends what they have ready."""
        return self._mutex.first is not None

    def feed_from(self, source: Callable[[], None] | None) -> None:
        """Have somebody append what they have ready, before anything else is done with this buffer.

        Args:
            source: appends to this buffer; called by whoever is about to use it, in the time in which nobody
                else does. None for nobody.

        Raises:
            ReadOnlyError: opened for reading.
            SegmentError: somebody else feeds it.
        """
        if source is not None:
            self._require_writable()
            if self.is_fed:
                raise SegmentError("the buffer is being collected into already; give each collector its own")
        self._mutex.first = source

    def take_in(self) -> None:
        """Have what is ready for this buffer appended now."""
        with self._turn():
            pass

    def _require_writable(self) -> None:
        self._require_open()
        if not self.is_mutable:
            raise ReadOnlyError("the buffer was opened for reading; open it with read_only=False")
