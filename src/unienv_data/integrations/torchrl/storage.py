"""Storages and buffers as TorchRL's own replay buffers want them. Importing this module imports torchrl."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from unienv_data.base import SpaceStorage
from unienv_data.errors import (
    IndexOutOfRangeError,
    InvalidIndexError,
    ReadOnlyError,
    SpaceError,
    SpaceValueError,
)
from unienv_data.indexing import Rows, resolve_index
from unienv_data.integrations.torchrl.columns import all_rows, with_writes
from unienv_data.integrations.torchrl.sources import (
    BufferSource,
    ListSource,
    Source,
    StorageSource,
    written_slots,
)
from unienv_data.integrations.torchrl.values import check_space, members, tensors_of, value_of
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import CompressedListStorage
from unienv_interface._optional import import_optional
from unienv_interface.space.space_utils import batch_utils

if TYPE_CHECKING:
    import tensordict
    import torch
    from torchrl.data.replay_buffers import LazyStackStorage, Storage
else:
    torch = import_optional("torch", extra="torchrl")
    tensordict = import_optional("tensordict", extra="torchrl")
    _storages = import_optional("torchrl.data.replay_buffers", extra="torchrl")
    LazyStackStorage, Storage = _storages.LazyStackStorage, _storages.Storage

__all__ = ["TorchRLStorage", "to_torchrl"]

_WRITTEN_BY_TORCHRL = ("index", "index_generation")
_WRITTEN_ROWS = 1024
_ENDS = (("next", "done"), ("done",))


def to_torchrl(
    source: SpaceStorage[Any, Any, Any, Any, Any] | ReplayBuffer[Any, Any, Any, Any, Any],
    *,
    device: Any = None,
    length: int | None = None,
    end_key: str | tuple[str, ...] | None = None,
    episode_key: str | None = None,
) -> TorchRLStorage:
    """A storage for TorchRL: `torchrl.data.ReplayBuffer(storage=to_torchrl(buffer), ...)`.

    What is read are TensorDicts whose nested keys are the paths of the space, or what else was stored where
    there is no space. What TorchRL writes goes into `source`; where TorchRL's writer begins anew while there
    are rows, it goes on behind the newest.

    Args:
        source: a buffer; a storage that has a space, whose slots are meant; or a `CompressedListStorage`
            without one. A ring on disk is best given as a buffer, which knows what it holds when it is opened
            again.
        device: where tensors are given; None leaves them where the source makes them.
        length: of a storage with a space and a capacity, how many of its slots have been filled; None asks
            the storage.
        end_key: what ends an episode that TorchRL writes into a buffer; None means `("next", "done")` or
            `"done"`, which the space has, and where it has neither, every batch is an episode.
        episode_key: a key under which the number of its episode is added to each row that is read from a
            buffer, int64, so that a `SliceSampler(traj_key=...)` finds episodes without reading a column.

    Raises:
        SpaceError: TorchRL has no tensors for a part of the space; or a key is taken, or there is none.
        MissingDependencyError: torchrl is not installed.
    """
    if isinstance(source, ReplayBuffer):
        found: Source = BufferSource(source, _end_path(source, end_key))
    elif episode_key is not None or end_key is not None:
        raise SpaceError(
            "end_key, episode_key: a storage knows of no episodes; give the buffer that it is in"
        )
    elif isinstance(source, CompressedListStorage) and not source.has_space:
        found = ListSource(source)
    else:
        found = StorageSource(source, written_slots(source) if length is None else length)
    if found.space is not None:
        check_space(found.space)
    keys = members(found.space) if found.space is not None else None
    if episode_key is not None and episode_key in (keys or {episode_key}):
        raise SpaceError(f"episode_key: expected a key that rows, a group, do not have, got {episode_key!r}")
    return TorchRLStorage(found, source, device, episode_key)


def _end_path(
    buffer: ReplayBuffer[Any, Any, Any, Any, Any], key: str | tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """The path of what ends episodes."""
    for path in _ENDS if key is None else [(key,) if isinstance(key, str) else tuple(key)]:
        space: Any = buffer.single_space
        for name in path:
            space = (members(space) or {}).get(name) if space is not None else None
        if space is not None and members(space) is None:
            return path
        if key is not None:
            raise SpaceError(f"end_key: rows have no {'/'.join(path)}")
    return None


class TorchRLStorage(LazyStackStorage):  # type: ignore[misc]  # a class that mypy may not see
    """A storage of TorchRL whose slots are kept by this library; `to_torchrl` makes it.

    Args:
        source: the slots.
        kept_in: what the user gave: a buffer or a storage.
        device: of tensors that are read.
        episode_key: key of the number of the episode, or None.
    """

    def __init__(self, source: Source, kept_in: Any, device: Any, episode_key: str | None) -> None:
        self._source = source
        super().__init__(source.max_size)
        self._kept_in = kept_in
        self._episode_key = episode_key
        self.device = None if device is None else torch.device(device)
        self._written = False  # since it was made, or loaded
        self._loaded = False

    @property
    def _last_cursor_index(self) -> Any:
        """The slot that was written last; where nothing has been written yet, the one before the next one."""
        if self._written or not self._source.count:
            return super()._last_cursor_index
        writers: list[Any] = [getattr(buffer, "_writer", None) for buffer in self._attached_entities]
        cursors = [writer._cursor for writer in writers if hasattr(writer, "_cursor")]
        following = cursors[0] if cursors and self._loaded else self._source.next_slot
        return (following - 1) % (self._source.max_size or self.max_size)

    @property
    def checkpointer(self) -> Any:
        """What saves hooks for TorchRL; `dumps` and `loads` do without it."""
        return self._checkpointer

    @checkpointer.setter
    def checkpointer(self, value: Any) -> None:
        self._checkpointer = self._default_checkpointer() if value is None else value
        # The last that a replay buffer does when it is made: now it has its writer.
        for buffer in self._attached_entities:
            writer: Any = getattr(buffer, "_writer", None)
            if getattr(writer, "_cursor", None) == 0 and not writer._write_count:
                writer._cursor = self._source.next_slot

    def __len__(self) -> int:
        return self._source.count

    # Reading

    def get(self, index: Any) -> Any:
        """What slots hold: one TensorDict for an integer, else a stack of them.

        Raises:
            IndexOutOfRangeError: a slot has not been filled.
        """
        slots = resolve_index(_plain(index), len(self))
        if slots.is_scalar:
            return self._given(slots, self._source.read(slots.rows[0]))
        everything = range(len(self))
        is_all = isinstance(slots.rows, range) and slots.rows == everything and len(everything) > 0
        if is_all and self._source.space is not None and members(self._source.space) is not None:
            return self._lazily(everything)
        value = self._given(slots, self._source.read(slots.rows))
        if is_all and type(value) is tensordict.TensorDict:
            return with_writes(value, self._write_column)
        return value

    def _given(self, slots: Rows, value: Any) -> Any:
        count = None if slots.is_scalar else len(slots)
        if self._source.space is not None:
            value = tensors_of(self._source.space, value, count, self.device)
        elif self.device is not None:
            value = value.to(self.device)
        if self._episode_key is not None:
            episodes = self._episodes(slots.rows)
            value.set(self._episode_key, episodes[0] if count is None else episodes)
        return value

    def _lazily(self, slots: range) -> Any:
        """All rows, each column of which is read when it is asked for."""
        space, count = self._source.space, len(slots)

        def read(path: tuple[Any, ...]) -> Any:
            part: Any = space
            for key in path:
                part = part.spaces[key]
            return tensors_of(part, self._source.read_part(slots, path), count, self.device)

        found = all_rows(space, count, self.device, read, self._write_column)  # type: ignore[arg-type]
        if self._episode_key is not None:
            found.set(self._episode_key, self._episodes(slots))
        return found

    def _write_column(self, key: Any, value: Any, index: Any) -> None:
        """Write a value, or one for each row, under a key of filled slots."""
        slots = resolve_index(_plain(index), len(self))
        value = torch.as_tensor(value)
        for start in range(0, len(slots), _WRITTEN_ROWS):
            some = Rows(slots.rows[start : start + _WRITTEN_ROWS], False)
            rows = self._given(some, self._source.read(some.rows))
            column = rows.get(key)
            spread = value.expand(len(slots), *column.shape[1:])
            rows.set(key, spread[start : start + len(some)].to(column))
            self.set(some.rows, rows, set_cursor=False)

    def _episodes(self, slots: Any) -> Any:
        return torch.from_numpy(self._source.episodes_of(slots)).to(self.device)

    def __iter__(self) -> Iterator[Any]:
        return (self.get(slot) for slot in range(len(self)))

    def contains(self, item: Any) -> Any:
        """Whether slots have been filled: a bool for an integer, booleans for a tensor."""
        if isinstance(item, torch.Tensor):
            return (item >= -len(self)) & (item < len(self))
        return -len(self) <= int(item) < len(self)

    # Writing

    def set(self, cursor: Any, data: Any, *, set_cursor: bool = True) -> None:
        """Write slots.

        Args:
            cursor: slots; those that have not been filled must follow the last one.
            data: a TensorDict, or what else is stored; of several slots with a first axis of them, or a list.
            set_cursor: whether the writer goes round, so that in a full ring the slot behind the newest row
                gets a new row.

        Raises:
            ReadOnlyError: the source cannot be written.
            IndexOutOfRangeError: there is no such slot, or slots before it have not been filled.
            SpaceValueError: a row does not fit; nothing has changed.
        """
        if not self._kept_in.is_mutable:
            raise ReadOnlyError("TorchRL cannot write: what it reads was opened for reading")
        slots = self._to_write(_plain(cursor))
        if not len(slots):
            return
        value = self._value(slots, data)
        if set_cursor:
            self._set_last_cursor(cursor)
            self._written = True
        numbers = [int(slot) for slot in slots.rows]
        self._source.write(numbers, value, appends=set_cursor)
        self._bump_mutation_revision()

    def _to_write(self, cursor: Any) -> Rows:
        length, most = len(self), self._source.max_size
        if isinstance(cursor, slice):
            stop = length if cursor.stop is None else cursor.stop
            cursor = slice(cursor.start, stop, cursor.step)
        slots = resolve_index(cursor, self.max_size if most is None else most)
        for slot in slots.rows:
            if slot > length:
                raise IndexOutOfRangeError(
                    f"slot {slot}: expected at most {length}, as slots are filled in order"
                )
            length = max(length, int(slot) + 1)
        return slots

    def _value(self, slots: Rows, data: Any) -> Any:
        """What TorchRL gives, as a batch that the source takes."""
        space = self._source.space
        if space is None:
            return [data] if slots.is_scalar else data
        count = len(slots)
        if slots.is_scalar:
            row = value_of(space, self._without_torchrls(data), None)
            return batch_utils.concatenate(space, [space.coerce(row)])
        if isinstance(data, list):
            rows = [space.coerce(value_of(space, self._without_torchrls(item), None)) for item in data]
            if len(rows) != count:
                raise SpaceValueError("", f"{count} rows", str(len(rows)))
            return batch_utils.concatenate(space, rows)
        value = value_of(space, self._without_torchrls(data), count)
        return batch_utils.batch_space(space, count).coerce(value)

    def _without_torchrls(self, data: Any) -> Any:
        """Without the keys that TorchRL's writers add, and the one that was added on reading."""
        parts = members(self._source.space) if self._source.space is not None else None
        if parts is None or not (tensordict.is_tensor_collection(data) or isinstance(data, Mapping)):
            return data
        added = [key for key in (*_WRITTEN_BY_TORCHRL, self._episode_key) if key not in parts]
        keys = list(data.keys())
        if not any(key in keys for key in added):
            return data
        return {key: data.get(key) for key in keys if key not in added}

    def _empty(self) -> None:
        self._source.clear()
        self._set_last_cursor(None)
        self._bump_mutation_revision()

    # Keeping

    def dumps(self, path: Any) -> None:
        """Write everything to `path`, as the source's own `dumps` does.

        Raises:
            DatasetExistsError: a dataset, or something else, stands there.
            SegmentError: of a buffer, a segment is open.
        """
        self._source.dumps(os.fspath(path))

    def loads(self, path: Any) -> None:
        """Take, in place of what is here, what `dumps` wrote.

        Raises:
            DatasetNotFoundError: nothing stands there.
            SpaceError: it has another space, or more rows than fit.
            ReadOnlyError: the source cannot be written.
        """
        if not self._kept_in.is_mutable:
            raise ReadOnlyError("TorchRL cannot load: what it reads was opened for reading")
        self._source.loads(os.fspath(path))
        self._go_on()

    def state_dict(self) -> dict[str, Any]:
        """Everything that is here; of a dataset on disk, which commit of it."""
        return self._source.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what `state_dict` gave; a dataset on disk must stand at the same commit.

        Raises:
            SpaceError: it does not.
        """
        self._source.load_state_dict(state_dict)
        self._go_on()

    def _go_on(self) -> None:
        """Other rows are here: TorchRL's writer, which is loaded next, knows which of them was the last."""
        self._written, self._loaded = False, True
        self._bump_mutation_revision()

    def __getstate__(self) -> dict[str, Any]:
        # TorchRL's own lists refuse to go to processes that are spawned; here that is for the source to say.
        state: dict[str, Any] = Storage.__getstate__(self)
        return state

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} of {self._source.max_size} slots, {self._kept_in!r})"


def _plain(index: Any) -> Any:
    """An index as it is understood everywhere here: a tuple of one is that one."""
    if isinstance(index, tuple) and not all(isinstance(part, int | np.integer) for part in index):
        if len(index) != 1:
            raise InvalidIndexError(f"expected an index of one axis, got {len(index)} of them")
        return _plain(index[0])
    return index
