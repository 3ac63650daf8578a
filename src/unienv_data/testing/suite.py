"""What the suites share: parameters, backends, batches of a space."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from unienv_data.testing.factories import AnyBackend, AnySpace
from unienv_data.testing.spaces import SPACES
from unienv_interface.backends import load_backend
from unienv_interface.space.space_utils import batch_utils

__all__ = ["Suite", "batch_of", "rows_of"]


class Suite:
    """Base of the suites.

    A test that takes `space_name` runs for every space, one that takes `backend` on every backend.

    Attributes:
        space_names: the spaces of the corpus that the subject takes.
        backend_names: the backends that it takes.
        folder: a local folder of this test alone.
        ends: what is called when the test is over.
    """

    space_names: ClassVar[Sequence[str]] = tuple(SPACES)
    backend_names: ClassVar[Sequence[str]] = ("numpy", "pytorch")
    folder: Path
    ends: contextlib.ExitStack

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Spread the tests over spaces and backends."""
        if "space_name" in metafunc.fixturenames:
            metafunc.parametrize("space_name", cls.space_names)
        if "backend" in metafunc.fixturenames:
            missing = [name for name in cls.backend_names if not _is_installed(name)]
            metafunc.parametrize(
                "backend",
                [
                    pytest.param(name, marks=pytest.mark.skip(reason=f"{name} is not installed"))
                    if name in missing
                    else load_backend(name)
                    for name in cls.backend_names
                ],
                ids=cls.backend_names,
            )

    @staticmethod
    def backend_called(name: str) -> AnyBackend | None:
        """The backend of that name; None where it is not installed."""
        return load_backend(name) if _is_installed(name) else None

    @pytest.fixture(autouse=True)
    def _own_folder(self, tmp_path: Path) -> Iterator[None]:
        self.folder = tmp_path
        with contextlib.ExitStack() as self.ends:
            yield


def batch_of(space: AnySpace, rows: Sequence[Any]) -> Any:
    """A batch of rows of `space`."""
    return batch_utils.concatenate(space, rows)


def rows_of(space: AnySpace, batch: Any, count: int) -> list[Any]:
    """The `count` rows of a batch."""
    return [batch_utils.get_at(space, batch, row) for row in range(count)]


def _is_installed(backend: str) -> bool:
    module = {"pytorch": "torch"}.get(backend, backend)
    return importlib.util.find_spec(module) is not None
