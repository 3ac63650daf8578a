"""A storage written out as a dataset of its own."""

from __future__ import annotations

from os import PathLike
from typing import Any

from unienv_data.errors import DatasetExistsError
from unienv_data.schema.commit import BufferState
from unienv_data.storages.committing import CommittingStorage
from unienv_data.store.objects import open_objects
from unienv_data.store.removal import is_taken

__all__ = ["write_copy"]


def write_copy(
    storage: CommittingStorage[Any, Any, Any, Any, Any], path: str | PathLike[str], state: BufferState
) -> None:
    """Write a storage as a dataset of its own to `path`, a folder or any fsspec URL.

    Args:
        storage: what is written; committed first, where it can be.
        path: where nothing stands.
        state: the buffer's state, for that commit.

    Raises:
        DatasetExistsError: something stands there.
    """
    target = open_objects(path)
    if is_taken(target):
        raise DatasetExistsError(f"{target.url}: something is there already; choose another place")
    if storage.is_mutable:
        storage.commit(state)
    try:
        storage.copy_to(target, storage.committed.buffer, storage.committed.attributes)
    except BaseException:
        target.delete_all()
        raise
