"""No buffer outlives its test: what a test leaves open is given up; small datasets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unienv_data.replay_buffer.small import SPACE, rows
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.replay_buffer import lifetime


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    yield
    known = [reference() for _, reference in lifetime._open.values()]
    for buffer in [*known, *(dropped for _, dropped in lifetime._dropped.values())]:
        if buffer is not None:
            buffer.abandon()  # type: ignore[attr-defined]


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "d.zarr") if request.param == "local" else f"memory://{tmp_path}/d.zarr"


@pytest.fixture
def dataset(place: str) -> str:
    with ReplayBuffer.create(ZarrStorage, SPACE, cache_path=place) as buffer:
        buffer.extend(rows(0, 1, 2), episode={"task": "push"})
    return place
