"""The one-line door to a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any, Literal

from unienv_data.replay_buffer import ReplayBuffer
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
        cache_bytes: how many bytes these may take; None for all of the disk but a tenth.
        **options: handed to `ReplayBuffer.load_from`.

    Raises:
        DatasetNotFoundError: no dataset stands there.
        WriterLockedError: opened for appending, and somebody else is writing.
        ValueError: the mode is neither.
    """
    if mode not in ("r", "a"):
        raise ValueError(f"mode: expected 'r' or 'a', got {mode!r}")
    if cache_dir is not None or cache_bytes is not None:
        options |= {"cache_dir": cache_dir, "cache_bytes": cache_bytes}
    return ReplayBuffer.load_from(
        url,
        backend=backend,
        device=device,
        read_only=mode == "r",
        storage_options=storage_options,
        **options,
    )
