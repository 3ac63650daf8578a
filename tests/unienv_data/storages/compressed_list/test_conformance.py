"""CompressedListStorage through the shipped suite: in memory, written down and read again, by any backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from unienv_data.storages import CompressedListStorage
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


class TestInMemory(StorageTests):
    persists = False
    backend_names = ("numpy",)

    def make_storage(self, space: Any, capacity: int | None) -> Any:
        return CompressedListStorage.create(space, capacity=capacity)


class TestPyTorch(TestInMemory):
    backend_names = ("pytorch",)
    space_names = SOME_SPACES


class TestCustomFunctions(TestInMemory):
    """Each array of an item is turned around."""

    def make_storage(self, space: Any, capacity: int | None) -> Any:
        def there(array: Any) -> Any:
            return np.frombuffer(array.tobytes()[::-1], np.uint8)

        def back(data: Any) -> Any:
            return data[::-1].copy()

        return CompressedListStorage.create(
            space, capacity=capacity, compression_fn=there, decompression_fn=back
        )


class WrittenDown(CompressedListStorage[Any, Any, Any, Any, Any]):
    """Writes itself down when it is closed, as a test of reading that has to find everything."""

    folder: ClassVar[Path]

    def close(self) -> None:
        if not self._items._closed and self.is_mutable:
            self.dumps(self.folder / "list")
        super().close()


class TestWrittenDown(StorageTests):
    backend_names = ("numpy",)

    def make_storage(self, space: Any, capacity: int | None) -> Any:
        WrittenDown.folder = self.folder
        return WrittenDown.create(space, capacity=capacity)

    def open_storage(self, storage: Any, *, read_only: bool) -> Any:
        space = storage.single_instance_space
        return WrittenDown.load_from(self.folder / "list", space, read_only=read_only)


@pytest.mark.slow
class TestEverySpacePyTorch(TestInMemory):
    backend_names = ("pytorch",)
