"""From a path or URL to the place that it names."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import Any, Literal

from unienv_data.errors import DatasetError, MissingDependencyError
from unienv_data.store.cache import CachedObjects, CacheOptions
from unienv_data.store.objects.base import ObjectStore
from unienv_data.store.objects.bucket import Bucket, InexpressibleError, bucket_of
from unienv_data.store.objects.client import ClientObjects
from unienv_data.store.objects.local import LocalObjects
from unienv_data.store.objects.memory import MemoryObjects
from unienv_data.store.objects.obstore import ObstoreObjects, can_use_obstore
from unienv_data.store.objects.patience import RETRY_SECONDS, Patience
from unienv_data.store.objects.remote import FsspecObjects
from unienv_data.store.objects.retrying import RetryingObjects
from unienv_data.store.objects.secrets import Secrets, shown_url
from unienv_data.store.objects.waits import with_waits

__all__ = ["PLACE_OPTIONS", "Client", "join_url", "open_objects", "shown_url"]

Client = Literal["fsspec", "obstore"]

PLACE_OPTIONS = ("assume_single_writer", "cache_bytes", "cache_dir", "client", "retry_seconds")
"""The arguments of `open_objects` besides the place and its storage options."""


def open_objects(
    url: str | os.PathLike[str] | None,
    storage_options: Mapping[str, Any] | None = None,
    *,
    assume_single_writer: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
    cache_bytes: int | None = None,
    client: Client | None = None,
    retry_seconds: float = RETRY_SECONDS,
) -> ObjectStore:
    """The place that `url` names.

    Args:
        url: a path, `~` being the user's folder, any fsspec URL, or None for this process's memory.
        storage_options: handed to the fsspec filesystem, or said in obstore's words; never stored.
        assume_single_writer: the user's word that nobody else writes.
        cache_dir: a folder on a disk of this machine for copies of what is read from elsewhere.
        cache_bytes: how many bytes these may take; None for half of the free disk.
        client: what makes the requests; None for obstore where it is installed and can express what the URL
            and the options say, and fsspec otherwise.
        retry_seconds: for how long requests that fail are repeated.

    Raises:
        DatasetError: fsspec knows no such filesystem, or cannot make it; or obstore was asked for and cannot.
        MissingDependencyError: the filesystem needs a package that is not installed.
    """
    cache = CacheOptions.of(cache_dir, cache_bytes)
    if client not in {None, "fsspec", "obstore"}:
        raise DatasetError(f"client: expected 'fsspec', 'obstore' or None, got {client!r}")
    if not retry_seconds >= 0:
        raise DatasetError(f"retry_seconds: expected at least 0, got {retry_seconds!r}")
    if url is None:
        return MemoryObjects()
    text = os.fspath(url)
    if not _is_url(text):
        return LocalObjects(os.path.expanduser(text))
    options = dict(storage_options or {})
    shown, secrets = shown_url(text), Secrets.of(text, options)

    def through_fsspec() -> ObjectStore:
        return _through_fsspec(text, options, shown, secrets, assume_single_writer, retry_seconds)

    bucket = _bucket(text, options, shown, client)
    if bucket is None:
        opened = through_fsspec()
    else:

        def substitute() -> ClientObjects:
            found = through_fsspec()
            if not isinstance(found, ClientObjects):
                raise DatasetError(f"{shown}: a forked process cannot use obstore; use forkserver or spawn")
            return found

        try:
            opened = ObstoreObjects(bucket, shown, substitute, _attempt_seconds(retry_seconds))
        except (ValueError, OSError, RuntimeError) as exc:
            raise DatasetError(f"{shown}: {secrets.hidden(str(exc))}") from None
    if not isinstance(opened, ClientObjects):
        return opened
    if text.startswith("memory://"):  # nothing can be lost on the way
        return CachedObjects(opened, cache)
    return CachedObjects(RetryingObjects(opened, Patience(retry_seconds, secrets)), cache)


def _bucket(text: str, options: Mapping[str, Any], shown: str, client: Client | None) -> Bucket | None:
    """What obstore is to open; None where fsspec is to."""
    if client == "fsspec" or (client is None and not _has_obstore()):
        return None
    try:
        if not can_use_obstore():
            raise InexpressibleError("a forked process cannot use obstore; use forkserver or spawn")
        return bucket_of(text, {**_configured(text), **options})
    except InexpressibleError as exc:
        if client is None:
            return None
        raise DatasetError(f"{shown}: {exc}; pass client='fsspec', or None for what can") from None


def _has_obstore() -> bool:
    return importlib.util.find_spec("obstore") is not None


def _configured(text: str) -> Mapping[str, Any]:
    """What the user's configuration of fsspec adds to the options of a URL."""
    from fsspec.config import conf

    found: Mapping[str, Any] = conf.get(text.partition("://")[0], {})
    return found


def _through_fsspec(
    text: str,
    options: Mapping[str, Any],
    shown: str,
    secrets: Secrets,
    assume_single_writer: bool,
    retry_seconds: float,
) -> ObjectStore:
    # Only URLs need fsspec, whose import costs more than opening a local dataset.
    from fsspec.core import url_to_fs

    try:
        fs, path = url_to_fs(text, **with_waits(text, options, _attempt_seconds(retry_seconds)))
    except ImportError as exc:
        raise MissingDependencyError(f"the fsspec filesystem of {shown} ({exc})", "all") from exc
    except (ValueError, TypeError, OSError) as exc:
        cause = None if secrets.shown_by(exc) else exc
        raise DatasetError(f"{shown}: {secrets.hidden(shown_url(str(exc)))}") from cause
    if type(fs).__name__ == "LocalFileSystem":
        return LocalObjects(path)
    return FsspecObjects(fs, path, shown, assume_single_writer=assume_single_writer)


def _attempt_seconds(retry_seconds: float) -> float:
    """How long one attempt may wait for a word: several fit into the time there is."""
    return min(30.0, max(2.0, retry_seconds / 3))


def join_url(url: str | os.PathLike[str], *names: str) -> str:
    """`url` with `names` below it: of a chain, the link that says where in it, if not the last."""
    text = os.fspath(url)
    if text.startswith(("zip:", "tar:")):  # what stands in an archive is named before the archive
        link, separator, archive = text.partition("::")
        inner = link.partition("://")[2].strip("/")
        return f"{link[:3]}://{'/'.join([inner, *names] if inner else names)}{separator}{archive}"
    if _is_url(text):
        return "/".join([text.rstrip("/"), *names])
    return os.path.join(text, *names)


def _is_url(text: str) -> bool:
    return "://" in text or "::" in text
