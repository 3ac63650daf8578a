"""Whether a dataset stands somewhere, and in which state."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from unienv_data.schema.commit import Commit
from unienv_data.store.commits import HINT, find_commit
from unienv_data.store.objects import open_objects

__all__ = ["find_dataset"]

_USUAL = ("storage", "")


def find_dataset(
    path: str | PathLike[str], storage_options: Mapping[str, Any] | None = None
) -> Commit | None:
    """The newest commit of the dataset at `path`; None where there is none.

    Raises:
        CorruptDataError: there is one, and its newest commit is damaged.
        UnsupportedVersionError: a later version of the library wrote it.
        DocumentError: its newest commit breaks the schema.
    """
    objects = open_objects(path, storage_options)
    folders = list(_USUAL)
    try:
        hint = objects.read(HINT)
    except (FileNotFoundError, NotADirectoryError):
        hint = None  # lost, or never written: a hint only
    if hint is not None:
        named = Commit.from_bytes(hint, f"{objects.url}/{HINT}")
        folders = [named.path, *folders]
    for folder in dict.fromkeys(folders):
        found = find_commit(objects, folder)
        if found is not None:
            return found
    return None
