"""Rows by age over the slots of a storage, with segments: all of a replay buffer but its keeping."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.base import BatchBase, SpaceStorage
from unienv_data.base.batch import BatchT
from unienv_data.base.paths import Path
from unienv_data.errors import ReadOnlyError, SegmentError, SpaceValueError
from unienv_data.indexing import IndexableType, RowIndex
from unienv_data.replay_buffer.episode_columns import EpisodeColumns
from unienv_data.replay_buffer.episodes import EpisodeTable
from unienv_data.replay_buffer.mutex import Mutex
from unienv_data.replay_buffer.state import appended, opened, removed, said_of, segments_of, visible_episodes
from unienv_data.replay_buffer.taking_over import run_of_slots
from unienv_data.ring import slot_spans, slots_of
from unienv_data.schema.commit import BufferState
from unienv_data.segments import complement, sequence_numbers, spans_of_rows
from unienv_data.selection import EdgeCache, Numbering, SequenceNumbering
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space.space_utils import batch_utils

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SlottedBatch"]

_UNGUARDED: AbstractContextManager[None] = nullcontext()


class SlottedBatch(BatchBase[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Rows in the order in which they were appended, the oldest first.

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
        self.storage = storage
        self.is_mutable = storage.is_mutable
        self._state = state
        self.reads_parts = storage.reads_parts
        self._episodes = episodes
        self._edges = EdgeCache()
        self._mutex = Mutex()

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
    def commit(self) -> None:
        """Make everything so far durable, and visible to readers."""

    @abstractmethod
    def _commit_if_due(self) -> None:
        """Commit where the last commit is long ago."""

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
        return self.storage.is_multiprocessing_safe

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
            return self.storage.get(slots), None

    def _read_parts(
        self, rows: RowIndex, paths: Sequence[Path]
    ) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
        with self._look():
            slots: Any = slots_of(rows, self._state.offset, self._state.capacity)
            return self.storage.get_parts(slots, paths), None

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
        self.storage.set(slots, value)

    def _remove(self, rows: RowIndex) -> None:
        kept = complement(spans_of_rows(rows), self.count)
        self.storage.keep(slot_spans(kept, self.offset, self.capacity))
        self._state = removed(self._state, rows)

    def _turn_ring(self) -> None:
        """Have the oldest row in the first slot."""
        if self.offset:
            self.storage.keep(slot_spans([(0, self.count)], self.offset, self.capacity))
            self._state = replace(self._state, offset=0)

    # Appending

    def append(self, value: BatchT) -> None:
        """Append one row to the open segment; where none is open, begin one.

        Raises:
            SpaceValueError: the value does not fit the space; nothing has changed.
            ReadOnlyError: opened for reading.
        """
        self._require_writable()
        with self._turn():
            self._require_own_segment()
            slots, after = appended(self._state, 1)
            with self._room_for(1):
                if self.storage.supports_segments:
                    if not self.storage.has_open_segment:
                        self.storage.mark_segment_start(slots[0])
                    self.storage.append(value)
                else:
                    self.storage.set(int(slots[0]), value)
            self._state = opened(after, 1, self._owner)

    def append_batch(self, value: BatchT) -> None:
        """Append the rows of a batch to the open segment; where none is open, begin one.

        Args:
            value: a batch of rows.

        Raises:
            SpaceValueError: a row does not fit the space; nothing has changed.
            ReadOnlyError: opened for reading.
        """
        self._require_writable()
        with self._turn():
            if self.storage.supports_segments:
                for position in range(self._batch_size(value)):
                    self.append(batch_utils.get_at(self._batched_space, value, position))
                return
            self._require_own_segment()
            after, count = self._append_rows(value)
            self._state = opened(after, count, self._owner)

    def extend(self, value: BatchT, episode: Mapping[str, Any] | None = None) -> None:
        """Append the rows of a batch as a segment.

        Args:
            value: a batch of rows.
            episode: columns of the episode table, such as a task.

        Raises:
            SegmentError: a segment is open; or an episode is described where segments are not kept.
            SpaceValueError: a row, or a column of the episode, does not fit; nothing has changed.
            ReadOnlyError: opened for reading.
        """
        self._require_writable()
        with self._turn():
            if self.has_open_segment:
                raise SegmentError("a segment is open; call mark_segment_end() before extend()")
            columns = self._described(episode)
            after, count = self._append_rows(value)
            if count and after.segments:
                self._episodes.add(after.appended - count, count, columns, evicted=after.evicted)
            self._state = after
            self._commit_if_due()

    def _extend(self, value: BatchT) -> None:
        self.extend(value)

    def _segment_descriptions(self) -> Mapping[int, Mapping[str, Any]]:
        return said_of(self.episodes) if self._state.segments else {}

    def _extend_segment(self, chunks: Iterator[BatchT], description: Mapping[str, Any]) -> None:
        with self._turn():
            if self.has_open_segment:
                raise SegmentError("a segment is open; call mark_segment_end() before extend_from()")
            before = self._state
            episode = description if description and before.segments else None
            self._episodes.check(episode)
            try:
                for chunk in chunks:
                    self.append_batch(chunk)
            except BaseException:
                if self.capacity is None:
                    self.storage.shrink_length(self.count - before.count)
                    self._state = before
                elif self._state is not before:
                    # What a ring has overwritten is gone: what came whole stays, as a segment.
                    self.mark_segment_end(episode, commit=False)
                raise
            self.mark_segment_end(None if self._state is before else episode, commit=False)
            self._commit_if_due()

    def _append_rows(self, value: BatchT) -> tuple[BufferState, int]:
        """Write the rows of a batch behind the newest; returns the state after that, and how many rows."""
        count = self._batch_size(value)
        if not count:
            return self._state, 0
        stored = count if self.capacity is None else min(count, self.capacity)
        if stored < count:  # a ring keeps its newest rows only, of those that all fit the space
            value = batch_utils.batch_space(self.single_space, count).coerce(value)
            value = batch_utils.get_at(self._batched_space, value, slice(count - stored, count))
        slots, after = appended(self._state, count)
        index: Any = slots
        with self._room_for(stored):
            self.storage.set(index, value)
        return after, count

    def _batch_size(self, value: BatchT) -> int:
        count = batch_utils.batch_size_data(value)
        if count is None:
            expected = "a batch of rows: arrays whose first axes are the rows, as batch_space() has it"
            raise SpaceValueError("", expected, f"{type(value).__name__} without such an axis")
        return int(count)

    @contextmanager
    def _room_for(self, count: int) -> Iterator[None]:
        """Slots for further rows of a storage that grows, taken back where writing them fails."""
        if self.capacity is not None:
            yield
            return
        self.storage.extend_length(count)
        try:
            yield
        except BaseException:
            self.storage.shrink_length(count)
            raise

    # Segments

    @property
    def has_open_segment(self) -> bool:
        """Whether rows have been appended since the last segment ended."""
        return self._state.open_start is not None

    def mark_segment_end(self, episode: Mapping[str, Any] | None = None, *, commit: bool = True) -> None:
        """End the open segment, and commit.

        Args:
            episode: columns of the episode table, such as a task; values that Arrow can hold.
            commit: commit at once; without it, the next commit makes the segment durable.

        Raises:
            SegmentError: `episode` is given, and no segment is open, or segments are not kept.
            SpaceValueError: a column cannot be kept.
            ReadOnlyError: opened for reading.
        """
        self._require_writable()
        with self._turn():
            self._require_own_segment()
            start = self._state.open_start
            if start is None and episode is not None:
                raise SegmentError("no segment is open, so that there is no episode to describe")
            columns = self._described(episode)
            self.storage.mark_segment_end()
            if start is not None:
                if self._state.segments:
                    self._episodes.add(
                        start, self._state.appended - start, columns, evicted=self._state.evicted
                    )
                self._state = replace(self._state, open_start=None, open_owner=None)
            if commit:
                self.commit()

    def _require_own_segment(self) -> None:
        owner = self._state.open_owner
        if owner != self._owner and self.has_open_segment:
            raise SegmentError(f"process {owner} has a segment open, which it must end first")

    def _described(self, episode: Mapping[str, Any] | None) -> EpisodeColumns:
        if episode and not self._state.segments:
            raise SegmentError("segments are not kept here, so that an episode cannot be described")
        return self._episodes.check(episode)

    def get_segments(self) -> list[tuple[int, int]] | None:
        """The ended segments, oldest first: half-open (start, end) pairs of rows; None where none are kept.

        Of a segment that a ring has evicted in part, the rest.
        """
        with self._look():
            self._catch_up()
            return self._segments()

    def _segments(self) -> list[tuple[int, int]] | None:
        if self._state.segments:
            return segments_of(self._episodes.bounds(), self._state)
        physical = self.storage.get_segments()
        if physical is None:
            return None
        runs = (run_of_slots(*ends, self.offset, self.capacity) for ends in physical)
        return sorted((row, row + count) for row, count in runs)

    @property
    def episodes(self) -> pa.Table:
        """The ended episodes, oldest first.

        Int64 `start` and `length` mean rows of the buffer, as `get_segments` does; the other columns are
        what was said of the episodes.
        """
        self._require_open()
        with self._look():
            self._catch_up()
            return visible_episodes(self._episodes.table(), self._state)

    def _require_writable(self) -> None:
        self._require_open()
        if not self.is_mutable:
            raise ReadOnlyError("the buffer was opened for reading; open it with read_only=False")
