"""What TorchRL's slots are here: rows of a buffer, slots of a storage, or items of a list."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.base import SpaceStorage
from unienv_data.errors import SpaceError
from unienv_data.indexing import chunked
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.schema.commit import BufferState
from unienv_data.storages import CommittingStorage, CompressedListStorage
from unienv_interface.space import Space
from unienv_interface.space.space_utils import batch_utils

__all__ = ["BufferSource", "ListSource", "Source", "StorageSource", "written_slots"]

_COPIED_ROWS = 1024


class Source(ABC):
    """Slots as TorchRL numbers them: from 0, filled in order.

    Attributes:
        space: of what a slot holds; None where items say by themselves what they are.
        max_size: how many slots there can be; None where they grow.
    """

    space: Space[Any, Any, Any, Any] | None
    max_size: int | None

    @property
    @abstractmethod
    def count(self) -> int:
        """How many slots have been filled."""

    @property
    def next_slot(self) -> int:
        """The slot that comes after the newest."""
        return self.count if self.max_size is None else self.count % self.max_size

    @abstractmethod
    def read(self, slots: Any) -> Any:
        """What slots hold: one value for an integer, else a batch."""

    @abstractmethod
    def write(self, slots: Sequence[int], value: Any, *, appends: bool) -> None:
        """Write a batch; `appends` where the writer goes round, so that the next slot is a new row."""

    def read_part(self, slots: range, path: tuple[Any, ...]) -> Any:
        """A batch of parts of what slots hold."""
        value = self.read(slots)
        for key in path:
            value = value[key]
        return value

    def episodes_of(self, slots: Any) -> NDArray[np.int64]:
        """(B,) int64: the number of the episode of each slot."""
        return np.zeros(len(slots), dtype=np.int64)

    @abstractmethod
    def clear(self) -> None:
        """Forget everything."""

    @abstractmethod
    def dumps(self, path: str) -> None:
        """Write everything to a folder."""

    @abstractmethod
    def loads(self, path: str) -> None:
        """Take what `dumps` wrote in place of what is here."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything; or, where it stands on disk, which commit."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what `state_dict` gave in place of what is here."""


class ListSource(Source):
    """A list of compressed items that has no space."""

    def __init__(self, storage: CompressedListStorage[Any, Any, Any, Any, Any]) -> None:
        self.space = None
        self.storage = storage
        self.max_size = storage.capacity

    @property
    def count(self) -> int:
        return len(self.storage)

    def read(self, slots: Any) -> Any:
        return self.storage.get(slots)

    def write(self, slots: Sequence[int], value: Any, *, appends: bool) -> None:
        self.storage.set(slots, value)

    def clear(self) -> None:
        self.storage.clear()

    def dumps(self, path: str) -> None:
        self.storage.dumps(path)

    def loads(self, path: str) -> None:
        self.storage.loads(path)

    def state_dict(self) -> dict[str, Any]:
        return self.storage.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.storage.load_state_dict(state)


class StorageSource(Source):
    """The slots of a storage, which by itself does not know which of them have been filled.

    Args:
        storage: whose slots.
        count: how many have been filled: the first ones.
    """

    def __init__(self, storage: SpaceStorage[Any, Any, Any, Any, Any], count: int) -> None:
        self.storage = storage
        self.space = storage.single_instance_space
        self.max_size = storage.capacity
        self._count = count
        self._stated: BufferState | None = None

    @property
    def count(self) -> int:
        return self._count

    def read(self, slots: Any) -> Any:
        return self.storage.get(slots)

    def read_part(self, slots: range, path: tuple[Any, ...]) -> Any:
        (part,) = self.storage.get_parts(slots, [path])
        return part

    def write(self, slots: Sequence[int], value: Any, *, appends: bool) -> None:
        new = max(max(slots) + 1 - self._count, 0)
        if self.max_size is None:
            self.storage.extend_length(max(max(slots) + 1 - len(self.storage), 0))
        try:
            self.storage.set(list(slots), value)
        except BaseException:
            if self.max_size is None:
                self.storage.shrink_length(len(self.storage) - self._count)
            raise
        self._count += new

    def clear(self) -> None:
        self.storage.clear()
        self._count = 0

    def dumps(self, path: str) -> None:
        storage = self.storage
        if isinstance(storage, CommittingStorage) and storage.is_mutable and storage.capacity is not None:
            state = storage.committed.buffer
            if not state.appended or state == self._stated:  # no buffer has said more of the rows than this
                self._stated = replace(state, count=self._count, appended=self._count)
                storage.commit(self._stated)
        storage.dumps(path)

    def loads(self, path: str) -> None:
        if isinstance(self.storage, CompressedListStorage):
            self.storage.loads(path)
            self._count = written_slots(self.storage)
            return
        with closing(type(self.storage).load_from(path, self.storage.single_instance_space)) as other:
            slots = written_slots(other)
            self.clear()
            for rows in chunked(range(slots), _COPIED_ROWS):
                self.write(list(rows), other.get(rows), appends=False)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self._count, "slots": self.read(range(self._count))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.clear()
        if state["count"]:
            self.write(range(state["count"]), state["slots"], appends=False)


class BufferSource(Source):
    """The rows of a replay buffer: a ring that is full by slot, any other by age."""

    def __init__(
        self, buffer: ReplayBuffer[Any, Any, Any, Any, Any], end_key: tuple[Any, ...] | None
    ) -> None:
        self.buffer = buffer
        self.space = buffer.single_space
        self.max_size = buffer.capacity
        self._end_key = end_key

    @property
    def count(self) -> int:
        return len(self.buffer)

    @property
    def next_slot(self) -> int:
        return self.buffer.offset if self.count == self.max_size else self.count

    def _rows(self, slots: Any) -> Any:
        """The rows that slots show."""
        offset = self.buffer.offset
        if not offset or self.count != self.max_size:
            return slots
        if isinstance(slots, int):
            return (slots - offset) % self.max_size
        return (np.asarray(slots, dtype=np.int64) - offset) % self.max_size

    def read(self, slots: Any) -> Any:
        return self.buffer.get_at(self._rows(slots))

    def read_part(self, slots: range, path: tuple[Any, ...]) -> Any:
        return self.buffer.get_column(path).get_at(self._rows(slots))

    def episodes_of(self, slots: Any) -> NDArray[np.int64]:
        segments = self.buffer.get_segments() or [(0, 0)]
        starts = [*(start for start, _ in segments), segments[-1][1]]
        rows = np.asarray(self._rows(slots), dtype=np.int64)
        return np.searchsorted(starts, rows, side="right").astype(np.int64) - 1

    def write(self, slots: Sequence[int], value: Any, *, appends: bool) -> None:
        space: Any = self.space
        batched = batch_utils.batch_space(space, len(slots))
        value = batched.coerce(value)  # all of it fits, before any of it is written
        for start, stop, is_new in self._spans(slots, appends):
            part = batch_utils.get_at(batched, value, slice(start, stop))
            if is_new:
                self._append(part, stop - start)
            else:
                self.buffer.set_at(self._rows(list(slots[start:stop])), part)

    def _spans(self, slots: Sequence[int], appends: bool) -> Iterator[tuple[int, int, bool]]:
        """Spans of `slots` that are new rows, or are not."""
        start = 0
        while start < len(slots):
            is_new = self._is_new(slots[start], 0, appends)
            stop = start + 1
            while stop < len(slots):
                before = stop - start if is_new else 0
                if self._is_new(slots[stop], before, appends) != is_new:
                    break
                stop += 1
            yield start, stop, is_new
            start = stop

    def _is_new(self, slot: int, before: int, appends: bool) -> bool:
        """Whether a slot is that of the next row, once `before` rows have been appended."""
        is_full = self.max_size is not None and self.count + before >= self.max_size
        if is_full and not appends:
            return False
        following = self.next_slot + before
        return slot == (following if self.max_size is None else following % self.max_size)

    def _append(self, value: Any, count: int) -> None:
        """Append rows; segments end with rows that say so, or with the batch."""
        ends = [count]
        if self._end_key is not None:
            done: Any = value
            for key in self._end_key:
                done = done[key]
            flags = self.buffer.backend.to_numpy(done).reshape(count, -1).any(axis=1)
            ends = (np.flatnonzero(flags) + 1).tolist()
        start = 0
        batched = batch_utils.batch_space(self.buffer.single_space, count)
        for stop in ends if ends[-1:] == [count] else [*ends, count]:
            self.buffer.append_batch(batch_utils.get_at(batched, value, slice(start, stop)))
            if stop in ends:
                self.buffer.mark_segment_end(commit=False)
            start = stop

    def clear(self) -> None:
        self.buffer.clear()

    def dumps(self, path: str) -> None:
        self.buffer.dumps(path)

    def loads(self, path: str) -> None:
        space: Any = self.space
        with ReplayBuffer.load_from(path, single_instance_space=space) as other:
            if self.max_size is not None and len(other) > self.max_size:
                raise SpaceError(f"{path}: {len(other)} rows do not fit into {self.max_size}")
            self.clear()
            if not other.offset:
                self.buffer.extend_from(other)
                return
            there = BufferSource(other, None)
            for slots in chunked(range(len(other)), _COPIED_ROWS):
                self.buffer.append_batch(there.read(slots))
            self.buffer.mark_segment_end(commit=False)

    def state_dict(self) -> dict[str, Any]:
        storage = self.buffer.storage
        if isinstance(storage, CommittingStorage) and storage.is_durable:
            if self.buffer.is_mutable:
                self.buffer.commit()
            return {"uuid": storage.committed.uuid, "commit": storage.commit_number}
        return {"count": self.count, "slots": self.read(range(self.count))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if "uuid" not in state:
            self.clear()
            if state["count"]:
                self.write(range(state["count"]), state["slots"], appends=False)
            return
        here = self.state_dict()
        if here != dict(state):
            raise SpaceError(
                f"the state is commit {state['commit']} of dataset {state['uuid']}, the storage stands at "
                f"commit {here.get('commit')} of {here.get('uuid')}; use dumps() and loads() to go back"
            )


def written_slots(storage: SpaceStorage[Any, Any, Any, Any, Any]) -> int:
    """How many slots of a storage have been filled, as far as it knows: the first ones."""
    if storage.capacity is None:
        return len(storage)
    if isinstance(storage, CommittingStorage):
        return storage.committed.buffer.count
    if isinstance(storage, CompressedListStorage):
        return max((slot + 1 for slot in range(len(storage)) if storage.contains(slot)), default=0)
    return len(storage)
