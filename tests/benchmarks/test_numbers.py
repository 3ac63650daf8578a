"""Reading numbers is measured as it says, on a few of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.readers import NARROW
from benchmarks.suites import SUITES
from benchmarks.suites.numbers import NumberSuite


@pytest.mark.filterwarnings("default")  # of other libraries, which are measured as they are
@pytest.mark.parametrize(("name", "columns"), [("columns", 6), ("state", 1)])
def test_suite(tmp_path: Path, name: str, columns: int) -> None:
    suite = SUITES[name]
    assert isinstance(suite, NumberSuite)
    assert len(suite.columns) == columns
    result = replace(suite, episodes=2, batch=8, warm_up=3)(tmp_path, 2)
    assert [timing.contender for timing in result.timings] == [r for r in NARROW if r.is_available()]
    assert "8 random rows of 2,000" in result.title


def test_sizes() -> None:
    rows = {name: s.episodes * 1000 for name, s in SUITES.items() if isinstance(s, NumberSuite)}
    assert rows == {"columns": 300_000, "state": 1_000_000}
