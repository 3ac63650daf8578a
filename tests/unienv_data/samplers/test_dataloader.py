"""Other people's processes: PyTorch's DataLoader over a buffer on the disk."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_torch
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace

BACKEND = NumpyComputeBackend
SPACE = DictSpace(
    BACKEND,
    {
        "image": BoxSpace(BACKEND, 0, 255, BACKEND.uint8, shape=(16, 16, 3)),
        "number": BoxSpace(BACKEND, 0, 1000, BACKEND.int64, shape=()),
    },
)
ROWS = 96
FORKS = 100

pytestmark = [
    requires_torch,
    pytest.mark.skipif(sys.platform == "win32", reason="nothing is forked on Windows"),
    # From Python 3.12 on: torch and the buffer have threads, which is what this is about.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


class Rows:
    """A map-style dataset over a buffer."""

    def __init__(self, buffer: Any) -> None:
        self.buffer = buffer

    def __len__(self) -> int:
        return len(self.buffer)

    def __getitems__(self, rows: list[int]) -> Any:
        return self.buffer[rows]

    def __getitem__(self, row: int) -> Any:
        return self.buffer[row]


def as_it_is(batch: Any) -> Any:
    return batch


def images(numbers: Any) -> Any:
    return np.repeat(np.asarray(numbers, dtype=np.uint8), 16 * 16 * 3).reshape(-1, 16, 16, 3)


@pytest.fixture
def buffer(tmp_path: Any) -> Iterator[Any]:
    path = tmp_path / "data.zarr"
    with ReplayBuffer.create(ZarrStorage, SPACE, cache_path=path) as writer:
        writer.extend({"image": images(np.arange(ROWS)), "number": np.arange(ROWS)})
    with ReplayBuffer.load_from(path) as reader:
        assert reader[5]["number"] == 5  # its files and threads are in use when others are forked
        reader[...]
        yield reader


def check_epoch(buffer: Any, method: str | None) -> None:
    from torch.utils.data import DataLoader

    loader: Any = DataLoader(
        Rows(buffer),
        batch_size=16,
        shuffle=True,
        num_workers=2,
        collate_fn=as_it_is,
        multiprocessing_context=method,
        timeout=120,
    )
    seen: list[int] = []
    for batch in loader:
        assert np.array_equal(batch["image"], images(batch["number"]))
        seen += batch["number"].tolist()
    assert sorted(seen) == list(range(ROWS))


@pytest.mark.parametrize("method", [None, pytest.param("forkserver", marks=pytest.mark.slow)])
def test_rows_are_right_in_loader_workers(buffer: Any, method: str | None) -> None:
    check_epoch(buffer, method)


@pytest.mark.slow
def test_rows_are_right_in_spawned_loader_workers(buffer: Any) -> None:
    check_epoch(buffer, "spawn")


@pytest.mark.slow
def test_hundred_forks_read_right_rows(buffer: Any) -> None:
    for _ in range(FORKS // 2):
        check_epoch(buffer, "fork")
        assert buffer[7]["number"] == 7
