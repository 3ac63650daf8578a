"""How a list of compressed items is written down and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from unienv_data.base import SpaceStorage
from unienv_data.base.batch import BatchT
from unienv_data.errors import CorruptDataError, SpaceError, SpaceValueError
from unienv_data.storages.compressed_list.compression import Compression
from unienv_data.storages.compressed_list.files import Contents, read_contents, write_contents
from unienv_data.storages.compressed_list.form import Form, Item
from unienv_data.storages.compressed_list.items import ItemList
from unienv_data.storages.compressed_list.leaves import bytes_of
from unienv_data.storages.compressed_list.spaced import SpaceForm
from unienv_data.storages.compressed_list.states import contents_of_state, state_of_contents
from unienv_data.storages.compressed_list.tree_form import TreeForm
from unienv_data.store.objects import open_objects
from unienv_interface.backends import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.space import Space
from unienv_interface.space.space_utils.serialization_utils import json_to_space, space_to_json

__all__ = ["CheckpointedList"]


class CheckpointedList(SpaceStorage[BatchT, BArrayType, BDeviceType, BDtypeType, BRNGType]):
    """Compressed items with a form, which go into folders and state dicts as they are.

    Args:
        capacity: slots; None for a list that grows.
        compression: of the items.
        device: where tensors are given.
    """

    def __init__(self, capacity: int | None, compression: Compression, device: Any) -> None:
        self.capacity = capacity
        self._compression = compression
        self._device = device
        self._space: Space[BatchT, BDeviceType, BDtypeType, BRNGType] | None = None
        self._attached: list[Any] = []
        self._items = ItemList(self._no_items(), self._empty_form())

    def _bind(self, space: Space[BatchT, BDeviceType, BDtypeType, BRNGType]) -> None:
        """Hold items of this space, which by themselves need no longer say what they are."""
        super().__init__(space)
        self._space = space
        self._items = ItemList(self._no_items(), self._empty_form())

    def _empty_form(self) -> Form:
        if self._space is None:
            return TreeForm(self._compression, self._device)
        return SpaceForm(self._space, self._compression)

    def _no_items(self) -> list[Item]:
        """The initial state: with a space, every slot is there."""
        return [None] * (self.capacity or 0) if self._space is not None else []

    # Folders

    def dumps(self, path: str | PathLike[str], *, storage_options: Mapping[str, Any] | None = None) -> None:
        """Write everything to `path` as it is compressed.

        What an earlier `dumps` left there is replaced, at one moment. Functions are not written: who reads
        items that they have made must bring them.

        Args:
            path: a folder or any fsspec URL.
            storage_options: handed to the fsspec filesystem.

        Raises:
            DatasetExistsError: something else stands there.
        """
        write_contents(open_objects(path, storage_options), self._contents())

    def loads(self, path: str | PathLike[str], *, storage_options: Mapping[str, Any] | None = None) -> None:
        """Take, in place of what is here, what `dumps` left at `path`.

        Raises:
            DatasetNotFoundError: nothing stands there.
            CorruptDataError: something is missing or damaged; names it. Nothing has changed.
            SpaceError: it has another space, more slots than fit, or was compressed in another way.
            ReadOnlyError: opened for reading.
        """
        self._require_mutable()
        objects = open_objects(path, storage_options)
        self._take(read_contents(objects), objects.url)

    def dump(self, *args: Any, **kwargs: Any) -> None:
        """As `dumps`."""
        self.dumps(*args, **kwargs)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """As `dumps`."""
        self.dumps(*args, **kwargs)

    def load(self, *args: Any, **kwargs: Any) -> None:
        """As `loads`."""
        self.loads(*args, **kwargs)

    # State

    def state_dict(self) -> dict[str, Any]:
        """Everything, as JSON and arrays: tensors where items hold tensors, so that torch saves it."""
        contents = self._contents()
        if self._space is not None:
            is_torch = self._space.backend.simplified_name == "pytorch"
        else:
            is_torch = any(
                leaf["library"] == "pytorch" for layout in contents.layouts for leaf in layout["leaves"]
            )
        return state_of_contents(contents, is_torch=is_torch)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take, in place of what is here, what `state_dict` gave.

        Raises:
            CorruptDataError: it is none; nothing has changed.
            SpaceError: as for `loads`.
            ReadOnlyError: opened for reading.
        """
        self._require_mutable()
        self._take(contents_of_state(state_dict), "the state")

    def to_bytestream(self, data_to_bytestream: Any) -> bytes:
        """The bytes of an array or tensor in C order; bytes as they are; texts in UTF-8.

        Raises:
            SpaceValueError: it is something else.
        """
        if isinstance(data_to_bytestream, str):
            return data_to_bytestream.encode()
        if isinstance(data_to_bytestream, bytes | bytearray | memoryview):
            return bytes(data_to_bytestream)
        try:
            return bytes_of(data_to_bytestream).tobytes()
        except TypeError as exc:
            raise SpaceValueError("", "an array, a tensor, bytes or text", str(exc)) from exc

    def _contents(self) -> Contents:
        items, form = self._items.all()
        space = None if self._space is None else space_to_json(self._space)
        # After the items: layouts are only ever added.
        return Contents(self._compression.name, self.capacity, space, form.layouts, items)

    def _take(self, contents: Contents, source: str) -> None:
        """Have these contents in place of those here."""
        self._check_fits(contents, source)
        items: list[Item] = list(contents.items)
        if self._space is None and None in items:
            raise CorruptDataError(f"{source}: slot {items.index(None)} was never written")
        form = self._empty_form()
        form.adopt(contents.layouts)
        if self._space is not None:
            items += [None] * ((self.capacity or 0) - len(items))
        self._items.replace(items, form)

    def _check_fits(self, contents: Contents, source: str) -> None:
        if contents.codec != self._compression.name:
            needed = "with its functions" if contents.codec == "custom" else "without functions"
            raise SpaceError(f"{source}: compressed by {contents.codec}; make the storage {needed}")
        if (contents.space is None) != (self._space is None):
            has = "no space" if contents.space is None else "a space"
            raise SpaceError(f"{source}: its items have {has}, unlike those of this storage")
        if self._space is not None:
            stored = json_to_space(contents.space, self._space.backend, self._space.device)
            if stored != self._space:
                raise SpaceError(f"{source}: expected the stored space {stored}, got {self._space}")
        if self.capacity is not None and len(contents.items) > self.capacity:
            raise SpaceError(f"{source}: {len(contents.items)} slots do not fit into {self.capacity}")

    # Crossing to other processes, as a copy

    def __getstate__(self) -> dict[str, Any]:
        items, form = self._items.all()
        left = {"_items", "_attached", "_batched_space"}
        state = {name: value for name, value in self.__dict__.items() if name not in left}
        return {**state, "items": items, "layouts": form.layouts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(
            {name: value for name, value in state.items() if name not in ("items", "layouts")}
        )
        self._attached = []
        form = self._empty_form()
        form.adopt(state["layouts"])
        self._items = ItemList(state["items"], form)
