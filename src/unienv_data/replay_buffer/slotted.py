"""Rows by age over the slots of a storage, with segments: all of a replay buffer but its keeping."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unienv_data.base.batch import BatchT
from unienv_data.errors import SegmentError, SpaceValueError
from unienv_data.replay_buffer.episode_columns import EpisodeColumns
from unienv_data.replay_buffer.rows_by_age import RowsByAge
from unienv_data.replay_buffer.state import appended, opened, said_of, segments_of, visible_episodes
from unienv_data.replay_buffer.taking_over import run_of_slots
from unienv_data.schema.commit import BufferState
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space.space_utils import batch_utils

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SlottedBatch"]


class SlottedBatch(RowsByAge[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Rows in the order in which they were appended, with segments."""

    @abstractmethod
    def commit(self) -> None:
        """Make everything so far durable, and visible to readers."""

    @abstractmethod
    def _commit_if_due(self) -> None:
        """Commit where the last commit is long ago."""

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
                if self._storage.supports_segments:
                    if not self._storage.has_open_segment:
                        self._storage.mark_segment_start(slots[0])
                    self._storage.append(value)
                else:
                    self._storage.set(int(slots[0]), value)
            self._state = opened(after, 1, self._owner)

    def append_batch(self, value: BatchT, *, ends: Sequence[int] = ()) -> None:
        """Append the rows of a batch to the open segment; where none is open, begin one.

        Args:
            value: a batch of rows.
            ends: how many of the rows come before each place at which a segment ends, ascending. The first
                ends the open segment; the rows after the last are in a segment that stays open.

        Raises:
            SpaceValueError: a row does not fit the space; nothing has changed.
            ReadOnlyError: opened for reading.
        """
        self._require_writable()
        with self._turn():
            if self._storage.supports_segments:
                self._append_one_by_one(value, ends)
                return
            self._require_own_segment()
            before = self._state
            after, _ = self._append_rows(value)
            start = before.appended if before.open_start is None else before.open_start
            for end in ends:
                stop = before.appended + end
                if stop > start and after.segments:
                    self._episodes.add(start, stop - start, evicted=after.evicted)
                start = stop
            is_open = start < after.appended
            if ends and not is_open:
                self._storage.mark_segment_end()
            self._state = replace(
                after,
                open_start=start if is_open else None,
                open_owner=self._owner if is_open else None,
            )

    def _append_one_by_one(self, value: BatchT, ends: Sequence[int]) -> None:
        done = 0
        for end in ends:
            for position in range(done, end):
                self.append(batch_utils.get_at(self._batched_space, value, position))
            self.mark_segment_end(commit=False)
            done = end
        for position in range(done, self._batch_size(value)):
            self.append(batch_utils.get_at(self._batched_space, value, position))

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
            self._storage.mark_segment_end()
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
                    self._storage.shrink_length(self.count - before.count)
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
            self._storage.set(index, value)
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
        self._storage.extend_length(count)
        try:
            yield
        except BaseException:
            self._storage.shrink_length(count)
            raise

    # Segments

    @property
    def has_open_segment(self) -> bool:
        """Whether rows have been appended since the last segment ended."""
        with self._look():
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
            self._storage.mark_segment_end()
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
        physical = self._storage.get_segments()
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
