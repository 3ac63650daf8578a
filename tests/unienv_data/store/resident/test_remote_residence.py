"""Narrow columns of remote data are fetched once, and then read from memory by whoever asks."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

import unienv_data
from tests.unienv_data.store.cache.datasets import ROWS, batch, make
from unienv_data.store.resident import budget

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is resident elsewhere")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(budget.FOLDER_VARIABLE, str(tmp_path / "resident"))


@pytest.fixture(params=[False, True], ids=["with a tail", "sealed"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    root = uuid.uuid4().hex
    make(f"memory://{root}/d.zarr", sealed=request.param)
    yield f"memory://{root}/d.zarr"
    fsspec.filesystem("memory").rm(f"/{root}", recursive=True)


@pytest.mark.parametrize("column", ["state", "note"])
def test_random_batches_fetch_a_column_once(url: str, column: str) -> None:
    rng = np.random.default_rng(0)
    expected = batch(range(ROWS))[column]
    with unienv_data.open(url) as buffer:
        view, traffic = buffer.get_column(column), buffer.storage.objects.traffic
        stored = {info.name: info.stored_bytes for info in buffer.storage.describe()}[column]
        before = traffic.snapshot()
        for _ in range(3):
            rows = rng.integers(0, ROWS, ROWS)
            np.testing.assert_array_equal(view.get_at(rows), expected[rows])
        view.get_at(range(ROWS))
        fetched = traffic.snapshot() - before
        assert fetched.bytes_read <= 1.5 * stored + 20_000  # indexes of many small shards among them
        before = traffic.snapshot()
        for _ in range(3):
            rows = rng.integers(0, ROWS, ROWS)
            np.testing.assert_array_equal(view.get_at(rows), expected[rows])
        assert traffic.snapshot() == before


def test_what_is_streamed_is_not_fetched_again(url: str) -> None:
    with unienv_data.open(url) as buffer:
        buffer._stream(1 << 20)
        fetcher: Any = buffer.storage.objects._near.fetcher
        held = buffer._expect(range(ROWS), [("state",)])
        while fetcher._queue or fetcher._under_way:
            pass
        before = buffer.storage.objects.traffic.snapshot()
        found = buffer.get_column("state").get_at(range(448))  # what follows stands in a tail, or does not
        np.testing.assert_array_equal(found, batch(range(448))["state"])
        held.release()
        fetcher.folder.drop(list(fetcher._held))
        np.testing.assert_array_equal(
            buffer.get_column("state").get_at(range(448)), batch(range(448))["state"]
        )
        again = buffer._expect(range(448), [("state",)])
        assert buffer.storage.objects.traffic.snapshot() == before
        again.release()
