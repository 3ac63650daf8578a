"""A new storage: its arrays laid out and described, its first commit made."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unienv_data.columns.data import ColumnSpec
from unienv_data.errors import DatasetExistsError, FencedError
from unienv_data.schema.commit import BufferState, Commit
from unienv_data.store.array import COLUMNS, groups_of
from unienv_data.store.commits import storage_objects, utc_now
from unienv_data.store.layout import LayoutOptions, lay_out
from unienv_data.store.lending import LendingStore
from unienv_data.store.objects import ObjectStore
from unienv_data.store.removal import is_taken, remove_dataset

__all__ = ["NewStore", "begin_store", "create_store", "state_before_commits"]


@dataclass(frozen=True)
class NewStore:
    """What a new storage is made of.

    Attributes:
        kind: id of the storage's kind.
        space: JSON of the space of one row.
        columns: what it stores.
        capacity: fixed number of slots, or None.
        layout: what the user asked for.
    """

    kind: str
    space: Mapping[str, Any]
    columns: Sequence[ColumnSpec]
    capacity: int | None
    layout: LayoutOptions


def create_store(
    root: ObjectStore,
    path: str,
    new: NewStore,
    *,
    buffer: BufferState,
    attributes: Mapping[str, Any],
    overwrite: bool = False,
    commit: bool = True,
) -> LendingStore:
    """Make a storage below `root`.

    Args:
        root: where the dataset is to stand.
        path: where the storage is to stand below it.
        new: what it is made of.
        buffer: what a replay buffer hands to the first commit.
        attributes: what is said of the data.
        overwrite: replace the dataset that stands there.
        commit: make the first commit at once; without it the dataset exists with the next commit.

    Raises:
        DatasetExistsError: something is there, and it is no dataset or must not be overwritten.
        WriterLockedError: what is to be overwritten is being written.
    """
    base = state_before_commits(path, new, buffer, attributes)
    if overwrite:
        remove_dataset(root, path)
    if is_taken(root):
        raise DatasetExistsError(
            f"{root.url}: something is there already; pass overwrite=True to replace a dataset"
        )
    return begin_store(root, base, new.columns, commit=commit)


def state_before_commits(
    path: str, new: NewStore, buffer: BufferState, attributes: Mapping[str, Any]
) -> Commit:
    """What the first commit of a new storage follows.

    Args:
        path: where the storage stands below the dataset.
        new: what it is made of.
        buffer: what a replay buffer hands over.
        attributes: what is said of the data.

    Raises:
        PathError: a pattern of the layout means no column.
        CodecError: a codec cannot be understood.
        SpaceError: a number of rows is not positive.
    """
    entries, logs = lay_out(new.columns, new.layout)
    return Commit(
        uuid=secrets.token_hex(16),
        number=-1,
        writer="0" * 24,
        time=utc_now().isoformat(),
        storage=new.kind,
        path=path,
        group=COLUMNS,
        space=new.space,
        length=new.capacity or 0,
        capacity=new.capacity,
        runs=(),
        logs=logs,
        arrays=entries,
        sealed=True,
        buffer=buffer,
        attributes=attributes,
    )


def begin_store(
    root: ObjectStore, base: Commit, columns: Sequence[ColumnSpec], *, commit: bool
) -> LendingStore:
    """Make the storage that `base` describes, in which no row has been written.

    Args:
        root: where the dataset is to stand; nothing of the storage is there.
        base: what the first commit follows.
        columns: what it stores.
        commit: make that commit at once; without it the dataset exists with the next commit.

    Raises:
        DatasetExistsError: somebody else has made a dataset there at the same moment.
    """
    store = LendingStore(root, base, columns, writable=True)
    try:
        for name, metadata in groups_of(base.group, base.arrays):
            storage_objects(root, base.path).replace(name, metadata)
        store.write_shapes()
        if commit:
            store.commit(base.buffer, force=True)
    except FencedError as exc:
        store.abandon()
        raise DatasetExistsError(f"{root.url}: somebody else has just made a dataset there") from exc
    except BaseException:
        if root.is_local:  # nothing was there, and the lock is still ours
            root.delete_all()
        store.abandon()
        raise
    return store
