"""Conversions are timed beside their parts, which do what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.suites.converting import SOURCES, ConvertSuite


@pytest.mark.parametrize("source", SOURCES)
def test_suite(source: str, tmp_path: Path) -> None:
    pytest.importorskip("h5py" if source.startswith("hdf5") else "av" if source == "video" else "zarr")
    result = ConvertSuite(source, episodes=2, length=5, height=64, width=80)(tmp_path, 1)
    assert result.amount == 10
    names = [timing.contender.name for timing in result.timings]
    assert names[:3] == ["unienv-data convert", "unienv-data convert --no-stats", "encoding alone"]
    assert len(names) == (5 if source == "video" else 4)
    assert result.missing == ()
    assert not list(tmp_path.rglob("scratch"))
