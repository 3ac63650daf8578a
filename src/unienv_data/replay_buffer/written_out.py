"""Buffers over storages that do not commit: written out as a whole, and read back."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from os import PathLike
from typing import Any

from unienv_data.base import SpaceStorage
from unienv_data.errors import CorruptDataError, SpaceError
from unienv_data.replay_buffer.episodes import EpisodeTable
from unienv_data.schema.commit import BufferState, Commit, LogEntry
from unienv_data.store.commits import CommitLog, storage_objects, utc_now
from unienv_data.store.objects import ObjectStore, join_url
from unienv_interface.space import Space
from unienv_interface.space.space_utils.serialization_utils import space_to_json

__all__ = ["episodes_of", "read_storage", "write_storage"]

_FOLDER = "storage"


def write_storage(
    storage: SpaceStorage[Any, Any, Any, Any, Any],
    path: str | PathLike[str],
    root: ObjectStore,
    state: BufferState,
    attributes: Mapping[str, Any],
    storage_options: Mapping[str, Any] | None,
) -> None:
    """Write a storage by its own `dumps`, and one commit that says what it is part of.

    Args:
        storage: what is written.
        path: where the dataset is to stand.
        root: the same place; what the state refers to is there.
        state: the buffer's.
        attributes: what is said of the data.
        storage_options: handed to the storage where given.

    Raises:
        SpaceError: datasets cannot name storages of this class.
    """
    if storage.kind is None:
        raise SpaceError(
            f"{type(storage).__name__} has no `kind` by which a dataset could name it, and cannot be dumped"
        )
    options: dict[str, Any] = {"storage_options": storage_options} if storage_options else {}
    storage.dumps(_place(root, path, storage.single_file_ext), **options)
    commit = Commit(
        uuid=secrets.token_hex(16),
        number=0,
        writer=secrets.token_hex(12),
        time=utc_now().isoformat(),
        storage=storage.kind,
        path=_FOLDER,
        group="columns",
        space=space_to_json(storage.single_instance_space),
        length=len(storage),
        capacity=storage.capacity,
        runs=(),
        logs={"rows": LogEntry(block_rows=1)},
        arrays={},
        released=True,
        buffer=state,
        attributes=attributes,
    )
    CommitLog(root, storage_objects(root, _FOLDER)).publish(commit)


def read_storage(
    storage_cls: type[SpaceStorage[Any, Any, Any, Any, Any]],
    path: str | PathLike[str],
    root: ObjectStore,
    commit: Commit,
    space: Space[Any, Any, Any, Any],
    storage_options: Mapping[str, Any] | None,
    **options: Any,
) -> SpaceStorage[Any, Any, Any, Any, Any]:
    """The storage of a dataset that `write_storage` wrote.

    Args:
        storage_cls: its class.
        path: where the dataset stands.
        root: the same place.
        commit: the dataset's.
        space: of one row.
        storage_options: handed to the storage where given.
        **options: handed to the storage.

    Raises:
        CorruptDataError: the storage has other slots than the commit says.
    """
    if storage_options:
        options["storage_options"] = storage_options
    place = _place(root, path, storage_cls.single_file_ext)
    storage = storage_cls.load_from(place, space, capacity=commit.capacity, **options)
    slots = len(storage)
    if slots != commit.length:
        storage.close()
        raise CorruptDataError(f"{root.url}: expected {commit.length} slots, its storage has {slots}")
    return storage


def episodes_of(root: ObjectStore, commit: Commit) -> EpisodeTable:
    """The episodes of a commit, read into memory."""
    return EpisodeTable(root, commit.buffer.episodes).in_memory()


def _place(root: ObjectStore, path: str | PathLike[str], extension: str | None) -> str:
    return join_url(root.url if root.is_local else path, _FOLDER + (extension or ""))
