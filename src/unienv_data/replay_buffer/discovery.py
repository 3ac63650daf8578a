"""Whether a dataset stands somewhere, and in which state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from typing import Any

from unienv_data.errors import CorruptDataError, DocumentError
from unienv_data.schema.commit import FORMAT_NAME, Commit
from unienv_data.store.commits import HINT, find_commit, read_commit
from unienv_data.store.objects import open_objects

__all__ = ["find_dataset"]

_USUAL = ("storage", "")


def find_dataset(
    path: str | PathLike[str],
    storage_options: Mapping[str, Any] | None = None,
    number: int | None = None,
    **place: Any,
) -> Commit | None:
    """A commit of the dataset at `path`; None where there is no dataset.

    Args:
        path: a folder or any fsspec URL.
        storage_options: handed to the fsspec filesystem.
        number: which commit; None for the newest.
        **place: other arguments of `open_objects`.

    Raises:
        StaleCommitError: commit `number` has been pruned, or has not been made.
        CorruptDataError: there is one, and its newest commit is damaged.
        UnsupportedVersionError: a later version of the library wrote it.
        DocumentError: its newest commit breaks the schema.
    """
    objects = open_objects(path, storage_options, **place)
    try:
        hint = objects.read(HINT)
    except FileNotFoundError:
        hint = None  # lost, or never written: a hint only
    folders, damage = _named_by(hint, f"{objects.url}/{HINT}")
    for folder in dict.fromkeys([*folders, *_USUAL]):
        found = find_commit(objects, folder)
        if found is not None:
            return found if number is None else read_commit(objects, folder, number)
    if damage is not None:
        raise damage
    return None


def _named_by(hint: bytes | None, source: str) -> tuple[list[str], Exception | None]:
    """The folder that the hint names; what is wrong with it, where it is ours and damaged."""
    if hint is None or not _is_ours(hint):
        return [], None
    try:
        return [Commit.from_bytes(hint, source).path], None
    except (CorruptDataError, DocumentError) as exc:
        return [], exc


def _is_ours(hint: bytes) -> bool:
    """Whether the document is one of this format, or so damaged that nobody can tell."""
    try:
        document = json.loads(hint)
    except ValueError:
        return True
    return isinstance(document, dict) and document.get("format") == FORMAT_NAME
