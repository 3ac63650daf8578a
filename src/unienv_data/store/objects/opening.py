"""From a path or URL to the place that it names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from unienv_data.errors import DatasetError
from unienv_data.store.cache import CachedObjects, CacheOptions
from unienv_data.store.objects.base import ObjectStore
from unienv_data.store.objects.local import LocalObjects
from unienv_data.store.objects.memory import MemoryObjects
from unienv_data.store.objects.remote import FsspecObjects
from unienv_interface.errors import MissingDependencyError

__all__ = ["join_url", "open_objects", "shown_url"]

# What stands before the host; where a password holds a `/` or `@`, all up to the last `@`. Digits are a port.
_CREDENTIALS = re.compile(r"(?<=://)(?:[^/:@]*:(?!\d*(?:/|$))(?:(?!::).)*@|[^/]*@)")


def open_objects(
    url: str | os.PathLike[str] | None,
    storage_options: Mapping[str, Any] | None = None,
    *,
    assume_single_writer: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
    cache_bytes: int | None = None,
) -> ObjectStore:
    """The place that `url` names.

    Args:
        url: a path, `~` being the user's folder, any fsspec URL, or None for this process's memory.
        storage_options: handed to the fsspec filesystem; never stored.
        assume_single_writer: the user's word that nobody else writes.
        cache_dir: a folder on a disk of this machine for copies of what is read from elsewhere.
        cache_bytes: how many bytes these may take; None for all of the disk but a tenth.

    Raises:
        DatasetError: fsspec knows no such filesystem, or cannot make it.
        MissingDependencyError: the filesystem needs a package that is not installed.
    """
    cache = CacheOptions.of(cache_dir, cache_bytes)
    if url is None:
        return MemoryObjects()
    text = os.fspath(url)
    if not _is_url(text):
        return LocalObjects(os.path.expanduser(text))
    # Only URLs need fsspec, whose import costs more than opening a local dataset.
    from fsspec.core import url_to_fs

    shown = shown_url(text)
    try:
        fs, path = url_to_fs(text, **(storage_options or {}))
    except ImportError as exc:
        raise MissingDependencyError(f"the fsspec filesystem of {shown} ({exc})", "all") from exc
    except (ValueError, TypeError, OSError) as exc:
        raise DatasetError(f"{shown}: {shown_url(str(exc))}") from exc
    if type(fs).__name__ == "LocalFileSystem":
        return LocalObjects(path)
    return CachedObjects(FsspecObjects(fs, path, shown, assume_single_writer=assume_single_writer), cache)


def shown_url(url: str | os.PathLike[str]) -> str:
    """`url` as it stands in messages: without credentials."""
    return _CREDENTIALS.sub("", os.fspath(url))


def join_url(url: str | os.PathLike[str], *names: str) -> str:
    """`url` with `names` below it; of a chain such as `simplecache::s3://a/b`, the last link is extended."""
    text = os.fspath(url)
    if _is_url(text):
        return "/".join([text.rstrip("/"), *names])
    return os.path.join(text, *names)


def _is_url(text: str) -> bool:
    return "://" in text or "::" in text
