"""Dumps that take the place of earlier ones."""

from __future__ import annotations

import os
from os import PathLike

from unienv_data.errors import DatasetExistsError
from unienv_data.replay_buffer.collecting.layout import AnyBuffer
from unienv_data.store import platform
from unienv_data.store.objects import ObjectStore, open_objects
from unienv_data.store.objects.opening import join_url
from unienv_data.store.removal import is_taken, remove_dataset, require_dataset

__all__ = ["dump_over", "path_of_slot"]

_FRESH = ".being-dumped"
_FORMER = ".dumped-before"
_STORAGE = "storage"


def path_of_slot(path: str | PathLike[str], slot: int) -> str:
    """Where the buffer of one slot is dumped, below `path`."""
    return join_url(path, f"env_{slot}")


def dump_over(buffer: AnyBuffer, path: str | PathLike[str]) -> None:
    """Dump a buffer to `path`, in place of the dataset that stands there, if one does.

    At every moment an earlier dump, or this one, stands complete at `path` or right beside it, under a
    name that ends with `.being-dumped` or `.dumped-before`.

    Args:
        buffer: a buffer without an open segment.
        path: a folder or any fsspec URL.

    Raises:
        DatasetExistsError: what stands at `path` is no dataset, or is the buffer's own.
        WriterLockedError: the dataset that stands there is being written.
    """
    target = open_objects(path)
    _refuse_own(buffer, target)
    require_dataset(target, _STORAGE)
    if target.is_local:
        _dump_and_rename(buffer, target)
        return
    fresh = os.fspath(path).rstrip("/") + _FRESH
    if is_taken(target):  # which cannot be renamed
        _dump_afresh(buffer, fresh)
        remove_dataset(target, _STORAGE)
    buffer.dumps(path)
    remove_dataset(open_objects(fresh), _STORAGE)


def _dump_and_rename(buffer: AnyBuffer, target: ObjectStore) -> None:
    fresh, former = target.url + _FRESH, target.url + _FORMER
    _dump_afresh(buffer, fresh)
    if is_taken(target):
        remove_dataset(open_objects(former), _STORAGE)
        os.rename(target.url, former)
    elif os.path.isdir(target.url):
        os.rmdir(target.url)
    os.rename(fresh, target.url)
    platform.sync_directory(os.path.dirname(target.url))
    remove_dataset(open_objects(former), _STORAGE)


def _dump_afresh(buffer: AnyBuffer, fresh: str) -> None:
    """Dump to a place of our own, where an earlier dump may have been interrupted."""
    remove_dataset(open_objects(fresh), _STORAGE)
    buffer.dumps(fresh)


def _refuse_own(buffer: AnyBuffer, target: ObjectStore) -> None:
    if buffer.cache_path is None:
        return
    own = open_objects(buffer.cache_path)
    kept, wanted = (
        (os.path.realpath(place.url) if place.is_local else place.url).rstrip("/") + "/"
        for place in (own, target)
    )
    if own.is_local == target.is_local and (wanted.startswith(kept) or kept.startswith(wanted)):
        raise DatasetExistsError(
            f"dump_path: the buffer itself is kept at {own.url}, so that {target.url} cannot be overwritten; "
            "choose another place"
        )
