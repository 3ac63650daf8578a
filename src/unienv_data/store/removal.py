"""Removing a dataset, and nothing that is none."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from unienv_data.errors import DatasetError, DatasetExistsError, DocumentError
from unienv_data.store.commits import find_commit, storage_objects
from unienv_data.store.objects import ObjectStore

__all__ = ["is_begun", "is_taken", "remove_dataset", "require_dataset"]

_BEFORE_COMMITS = frozenset({"columns", "claims", "tails", "rows", "commits", "unfinished", "writer.lock"})
_BESIDE = frozenset({"episodes", "removed"})


def is_taken(root: ObjectStore) -> bool:
    """Whether anything stands at `root`: objects below it, or one of its very name."""
    return bool(root.list("")) or root.exists("")


def is_begun(root: ObjectStore, path: str) -> bool:
    """Whether nothing stands at `root` but what a writer leaves that dies before its first commit."""
    names = {*root.list("")}
    inside = {*storage_objects(root, path).list("")}
    has_commits = bool(storage_objects(root, path).list("commits"))
    return (
        "columns" in inside
        and inside <= _BEFORE_COMMITS
        and names <= {path, *_BESIDE, *inside}
        and not has_commits
    )


def require_dataset(root: ObjectStore, path: str) -> None:
    """Check that what stands at `root` is a dataset, though it be damaged or only begun, or nothing.

    Args:
        root: where it stands.
        path: where its storage stands below that.

    Raises:
        DatasetExistsError: something else stands there.
        WriterLockedError: it is being written.
    """
    if not is_taken(root):
        return
    storage = storage_objects(root, path)
    is_ours = is_begun(root, path) or any(_has_commit(root, folder) for folder in {path, "storage", ""})
    if not is_ours or root.exists(""):
        raise DatasetExistsError(
            f"{root.url}: something is there that is no dataset, and is not overwritten; remove it yourself"
        )
    with _locked(storage):
        pass


def remove_dataset(root: ObjectStore, path: str) -> None:
    """Remove the dataset at `root`, if one stands there.

    Args:
        root: where it stands.
        path: where its storage stands below that.

    Raises:
        DatasetExistsError: something else stands there, which stays.
        WriterLockedError: it is being written.
    """
    if is_taken(root):
        require_dataset(root, path)
        with _locked(storage_objects(root, path)):
            root.delete_all()


@contextmanager
def _locked(storage: ObjectStore) -> Iterator[None]:
    lock = storage.lock("writer.lock", f"process {os.getpid()} on {socket.gethostname()}")
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _has_commit(root: ObjectStore, path: str) -> bool:
    """Whether there is a commit, though it be damaged or of a later version."""
    try:
        return find_commit(root, path) is not None
    except (DatasetError, DocumentError):
        return True
