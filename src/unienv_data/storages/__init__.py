"""Implementations of `SpaceStorage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.storages.committing import CommittingStorage
    from unienv_data.storages.compressed_list import CompressedListStorage
    from unienv_data.storages.registry import storage_class
    from unienv_data.storages.zarr import ZarrStorage

__all__ = ["CommittingStorage", "CompressedListStorage", "ZarrStorage", "storage_class"]

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "CommittingStorage": "unienv_data.storages.committing",
        "CompressedListStorage": "unienv_data.storages.compressed_list",
        "ZarrStorage": "unienv_data.storages.zarr",
        "storage_class": "unienv_data.storages.registry",
    },
)
