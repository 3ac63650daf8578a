"""Epochs are measured as it says, on a few rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.loaders.base import Loaded
from benchmarks.loaders.sampling import OneProcessLoader, WorkersLoader
from benchmarks.loaders.two_processes import TwoProcessesLoader
from benchmarks.suites import SUITES
from benchmarks.suites.epochs import EpochSuite

TINY = {"episodes": 3, "length": 10, "height": 64, "width": 64, "batch": 8}
OWN = (WorkersLoader, OneProcessLoader, TwoProcessesLoader)


def suite(name: str, **changes: Any) -> EpochSuite:
    found = SUITES[name]
    assert isinstance(found, EpochSuite)
    return replace(found, **{**TINY, **changes})


@pytest.mark.parametrize("name", ["epoch", "epoch-lz4"])
def test_epoch(tmp_path: Path, name: str) -> None:
    result = suite(name, loaders=OWN)(tmp_path, 2)
    assert result.title.endswith("lz4" if name == "epoch-lz4" else "zstd")
    assert [timing.contender for timing in result.timings] == list(OWN)
    assert all(seconds > 0 for timing in result.timings for seconds in timing.seconds)


@pytest.mark.requires_torch
@pytest.mark.filterwarnings("default")  # of other libraries, which are measured as they are
@pytest.mark.parametrize("name", ["epoch", "windows"])
def test_with_other_libraries(tmp_path: Path, name: str) -> None:
    tiny = suite(name)
    result = tiny(tmp_path, 1)
    assert [timing.contender for timing in result.timings] == [x for x in tiny.loaders if x.is_available()]


def test_windows(tmp_path: Path) -> None:
    tiny = suite("windows", loaders=(WorkersLoader,))
    result = tiny(tmp_path, 2)
    assert "2 of image, 16 of action" in result.title
    work = tiny.prepare(tmp_path)
    rows, real = work.places(np.array([0, 9, 10]), (-1, 0, 1))
    assert rows.tolist() == [[0, 0, 1], [8, 9, 9], [10, 10, 11]]
    assert real.tolist() == [[False, True, True], [True, True, False], [False, True, True]]


class Faulty(OneProcessLoader):
    name = "faulty"
    fault = ""

    def epoch(self) -> Iterator[Any]:
        batches = super().epoch()
        if self.fault == "batch":
            next(batches)
        return batches

    def loaded(self, batch: Any) -> Loaded:
        found = super().loaded(batch)
        if self.fault == "row":
            return replace(found, rows=np.zeros_like(found.rows))
        if self.fault == "values":
            return replace(found, columns={**found.columns, "action": found.columns["action"] + 1})
        if self.fault == "mask":
            return replace(found, masks={**found.masks, "action": ~found.masks["action"]})
        return found


@pytest.mark.parametrize("fault", ["batch", "row", "values", "mask"])
def test_a_loader_that_gives_something_else_is_found_out(tmp_path: Path, fault: str) -> None:
    work = suite("windows").prepare(tmp_path)
    loader = Faulty()
    loader.setup(work)
    try:
        loader.check(work)
        loader.fault = fault
        with pytest.raises(ValueError, match=r"faulty (gave|did not)"):
            loader.check(work)
    finally:
        loader.close()
