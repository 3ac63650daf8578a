"""A finished file or folder onto a disk for good, or to where no disk of this machine is."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Any

from unienv_data.errors import DatasetExistsError
from unienv_data.progress import Progress
from unienv_data.store.platform import sync_directory, sync_file

__all__ = ["sync_tree", "upload"]


def sync_tree(place: Path) -> None:
    """Wait until a file, or all that is in a folder, is on the disk."""
    if place.is_file():
        sync_file(str(place))
        return
    for path in (*place.rglob("*"), place):
        if path.is_dir():
            sync_directory(str(path))
        else:
            sync_file(str(path))


def upload(filesystem: Any, place: Path, root: str, overwrite: bool, progress: Progress) -> None:
    """Copy a local file or folder to `root`. Where that fails, what had come there is removed.

    Object stores do not rename. What replaces nothing is copied to its place, where it is complete when this
    returns; what replaces something is copied beside it first, so that the network cannot leave half of both.

    Args:
        filesystem: fsspec's.
        place: what to copy.
        root: where to, in that filesystem.
        overwrite: whether what stands there is replaced.
        progress: told the bytes that are there.

    Raises:
        DatasetExistsError: something has come to stand there, and is not to be replaced.
    """
    filesystem.invalidate_cache()
    root = root.rstrip("/")
    exists = bool(filesystem.exists(root))
    if exists and not overwrite:
        raise DatasetExistsError(f"{root}: something came to stand there in the meantime")
    folder, _, name = root.rpartition("/")
    target = f"{folder}/.{name}.{secrets.token_hex(4)}.partial" if exists else root
    try:
        _copy(filesystem, place, target, progress)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            filesystem.rm(target, recursive=True)
        raise
    if exists:
        try:
            filesystem.rm(root, recursive=True)
            filesystem.mv(target, root, recursive=place.is_dir())
        except BaseException as exc:
            exc.add_note(f"The new recording stands, complete, at {target}.")
            raise


def _copy(filesystem: Any, place: Path, target: str, progress: Progress) -> None:
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    total = sum(path.stat().st_size for path in files)
    with progress.task("uploading", total=total, unit="byte") as task:
        for path in files:
            within = path.relative_to(place).as_posix()
            filesystem.put_file(str(path), target if path == place else f"{target}/{within}")
            task.advance(path.stat().st_size)
