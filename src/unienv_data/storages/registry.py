"""Storages by the id that datasets name them by."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

from unienv_data.base import SpaceStorage
from unienv_data.errors import UnsupportedVersionError

__all__ = ["ENTRY_POINTS", "storage_class"]

ENTRY_POINTS = "unienv_data.storages"
"""Entry-point group in which other packages announce storages, each under its id."""

_BUILT_IN = {
    "compressed_list": "unienv_data.storages.compressed_list:CompressedListStorage",
    "zarr": "unienv_data.storages.zarr:ZarrStorage",
}


def storage_class(kind: str, source: str) -> type[SpaceStorage[Any, Any, Any, Any, Any]]:
    """The class of storages of this kind.

    What a dataset says is looked up here and is never itself imported.

    Args:
        kind: the id.
        source: the dataset that names it, for messages.

    Raises:
        UnsupportedVersionError: nothing that is installed is known by this id.
    """
    if kind in _BUILT_IN:
        module, name = _BUILT_IN[kind].split(":")
        found: type[SpaceStorage[Any, Any, Any, Any, Any]] = getattr(importlib.import_module(module), name)
        return found
    for entry in entry_points(group=ENTRY_POINTS, name=kind):
        loaded: type[SpaceStorage[Any, Any, Any, Any, Any]] = entry.load()
        return loaded
    raise UnsupportedVersionError(
        f"{source}: its storage is of the kind {kind!r}, which no installed package offers"
    )
