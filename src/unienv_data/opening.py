"""The one-line door to a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any, Literal

from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.store.objects import RETRY_SECONDS, Client
from unienv_interface.backends import ComputeBackend
from unienv_interface.backends.numpy import NumpyComputeBackend

__all__ = ["open"]

_NUMPY: ComputeBackend[Any, Any, Any, Any] = NumpyComputeBackend


def open(
    url: str | PathLike[str],
    mode: Literal["r", "a"] = "r",
    *,
    backend: ComputeBackend[Any, Any, Any, Any] = _NUMPY,
    device: Any = None,
    storage_options: Mapping[str, Any] | None = None,
    cache_dir: str | PathLike[str] | None = None,
    cache_bytes: int | None = None,
    client: Client | None = None,
    retry_seconds: float = RETRY_SECONDS,
    **options: Any,
) -> ReplayBuffer[Any, Any, Any, Any, Any]:
    """Open the dataset at `url`.

    Args:
        url: a folder or any fsspec URL.
        mode: "r" reads the newest commit; "a" also appends to it and changes it.
        backend: what arrays are made by.
        device: where they are made.
        storage_options: handed to the fsspec filesystem; never stored.
        cache_dir: a folder on a disk of this machine for copies of what is read from a URL; shared by all
            processes that name it.
        cache_bytes: how many bytes these may take; None for half of the free disk.
        client: what speaks to a bucket, "obstore" or "fsspec"; None for obstore where it can.
        retry_seconds: for how long requests that fail are repeated.
        **options: handed to `ReplayBuffer.load_from`.

    Raises:
        DatasetNotFoundError: no dataset stands there.
        WriterLockedError: opened for appending, and somebody else is writing.
        UnreachableError: nobody has answered in time.
        AccessRefusedError: the credentials do not do.
        ValueError: the mode is neither.
    """
    if mode not in ("r", "a"):
        raise ValueError(f"mode: expected 'r' or 'a', got {mode!r}")
    if cache_dir is not None or cache_bytes is not None:
        options |= {"cache_dir": cache_dir, "cache_bytes": cache_bytes}
    if client is not None:
        options["client"] = client
    if retry_seconds != RETRY_SECONDS:
        options["retry_seconds"] = retry_seconds
    return ReplayBuffer.load_from(
        url,
        backend=backend,
        device=device,
        read_only=mode == "r",
        storage_options=storage_options,
        **options,
    )
