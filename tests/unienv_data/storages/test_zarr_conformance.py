"""ZarrStorage by itself, in every kind of place, through the shipped suite."""

from __future__ import annotations

from typing import Any

import pytest

from unienv_data.columns import columns_of
from unienv_data.storages import ZarrStorage
from unienv_data.testing import StorageTests

SOME_SPACES = (
    "full_int64",
    "full_float16",
    "empty_axis",
    "text",
    "tuple",
    "graph",
    "union_text",
    "everything",
)


class OnDisk(StorageTests):
    def place(self) -> str:
        return str(self.folder / "storage.zarr")

    def make_storage(self, space: Any, capacity: int | None) -> Any:
        options = {"chunks": {"**": 2}, "shards": {"**": 4}} if columns_of(space).specs else {}
        return ZarrStorage.create(
            space, capacity=capacity, cache_path=self.place(), overwrite=True, **options
        )

    def open_storage(self, storage: Any, *, read_only: bool) -> Any:
        return ZarrStorage.load_from(
            storage.cache_filename, storage.single_instance_space, read_only=read_only
        )


class TestLocal(OnDisk):
    backend_names = ("numpy",)


class TestLocalPyTorch(OnDisk):
    backend_names = ("pytorch",)
    space_names = SOME_SPACES


class TestMemoryUrl(OnDisk):
    backend_names = ("numpy",)
    space_names = SOME_SPACES

    def place(self) -> str:
        return f"memory://{self.folder}/storage.zarr"


class TestInMemory(StorageTests):
    persists = False
    backend_names = ("numpy",)
    space_names = SOME_SPACES

    def make_storage(self, space: Any, capacity: int | None) -> Any:
        return ZarrStorage.create(space, capacity=capacity)


@pytest.mark.slow
class TestEverySpaceInMemory(TestInMemory):
    backend_names = ("numpy", "pytorch")
    space_names = StorageTests.space_names


@pytest.mark.slow
class TestEverySpacePyTorch(OnDisk):
    backend_names = ("pytorch",)
