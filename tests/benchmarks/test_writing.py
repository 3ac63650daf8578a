"""Writing is measured as it says, on a few rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import unienv_data
from benchmarks.suites import SUITES
from benchmarks.suites.appending import LocalAppender, MemoryAppender, make_rows
from benchmarks.suites.extending import COLUMN, WRITERS, EncodeWriter, ExtendSuite, ExtendWriter


@pytest.mark.parametrize("name", ["extend", "extend-lz4", "extend-state"])
def test_extend(tmp_path: Path, name: str) -> None:
    suite = SUITES[name]
    assert isinstance(suite, ExtendSuite)
    small = replace(suite, blocks=2, rows=160, size=suite.size and 48)
    result = small(tmp_path, 2)
    assert [timing.contender for timing in result.timings] == [w for w in WRITERS if w.is_available()]
    assert result.amount == 320
    assert not list(tmp_path.iterdir())


def test_what_is_extended_is_there(tmp_path: Path) -> None:
    blocks = [np.arange(12, dtype=np.float32).reshape(4, 3) + number for number in range(2)]
    writer = ExtendWriter(tmp_path, "zstd", blocks)
    for _ in range(2):
        assert writer.turn() > 0
        with unienv_data.open(tmp_path / "dataset.zarr") as buffer:
            np.testing.assert_array_equal(buffer[:][COLUMN], np.concatenate(blocks))


def test_as_many_chunks_are_encoded_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [np.zeros((8, 48, 48, 3), np.uint8)] * 2
    encoded = []
    writer = EncodeWriter(tmp_path, "lz4", blocks)
    monkeypatch.setattr("unienv_data.store.pool.map_threaded", lambda encode, chunks: encoded.extend(chunks))
    writer.turn()
    assert len(encoded) == 16


def test_append(tmp_path: Path) -> None:
    result = replace(SUITES["append"], rows=20)(tmp_path, 2)  # type: ignore[type-var]
    assert [timing.contender for timing in result.timings][:2] == [MemoryAppender, LocalAppender]
    assert "µs" in result.to_text()
    assert not list(tmp_path.iterdir())


def test_appended_rows_are_there(tmp_path: Path) -> None:
    for appender in MemoryAppender(), LocalAppender():
        appender.setup(tmp_path)
        rows = make_rows(5)
        appender.append(rows)
        appender.settle()
        assert len(appender._buffer) == 5
        np.testing.assert_array_equal(appender._buffer[3]["state"], rows[3]["state"])
        appender.close()
