"""What grows with a dataset is looked at as it says, on a small one."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import unienv_data
from benchmarks.probes import probe_open
from benchmarks.sparse import block_rows, prepare_small, prepare_sparse, rows_there
from benchmarks.suites import SUITES
from benchmarks.suites.scale import ScaleSuite, SmallWindows, resident


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scale")


def test_rows_that_are_there_are_those_of_the_small_dataset(folder: Path) -> None:
    path, small = prepare_sparse(folder, 2000, 3), prepare_small(folder)
    with unienv_data.open(path) as sparse, unienv_data.open(small) as whole:
        assert len(sparse) == 600_000
        assert len(sparse.episodes) == 2000
        assert sparse.get_segments()[-1] == (599_700, 600_000)
        size = block_rows(sparse.storage.committed)
        rows = rows_there(sparse.storage.committed, 3)
        assert len(np.unique(rows // size)) == 3
        some = np.random.default_rng(0).choice(rows, 50)
        for name in ("state", "action"):
            np.testing.assert_array_equal(sparse[some][name], whole[some % size][name])


@pytest.mark.skipif(sys.platform != "linux", reason="memory is told by /proc")
def test_suite(folder: Path) -> None:
    suite = SUITES["scale"]
    assert isinstance(suite, ScaleSuite)
    tiny = replace(suite.epochs, episodes=10, length=10, height=64, width=64, batch=8)
    result = replace(suite, episodes=2000, batch=4, epochs=tiny)(folder, 2)
    assert len(result.timings) == 3
    assert result.notes["rows"] == 600_000
    assert result.notes["open_ms"] > 0
    assert result.notes["anonymous_bytes_of_an_epoch"] > 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="memory is told by /proc")
def test_opening_is_looked_at(folder: Path) -> None:
    small = str(prepare_small(folder))
    found = probe_open(small, small)
    assert 0 < found["open_ms"] < 60_000
    assert found["rows"] < 600_000


def test_nothing_becomes_resident(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNIENV_DATA_RESIDENT_BYTES", "12345")
    windows = SmallWindows(prepare_small(folder))
    try:
        assert windows.turn(0, 2) > 0
    finally:
        windows.close()
    with resident(False):
        assert os.environ["UNIENV_DATA_RESIDENT_BYTES"] == "0"
    assert os.environ["UNIENV_DATA_RESIDENT_BYTES"] == "12345"
