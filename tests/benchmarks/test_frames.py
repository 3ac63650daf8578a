"""The benchmark runs and measures what it says, on a few frames."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.measure import Timing, interleave
from benchmarks.readers import READERS, MemmapReader, Reader
from benchmarks.report import write_report
from benchmarks.scenes import render_episode
from benchmarks.suites import frames


def test_scenes_depend_on_the_seed_alone() -> None:
    first, again, other = (render_episode((1, number), 6, 20) for number in (0, 0, 1))
    assert first.shape == (6, 20, 20, 3)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first[0] != first[5]).any()


@pytest.mark.requires_matplotlib
def test_suite_from_frames_to_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"EPISODES": 3, "LENGTH": 10, "SIZE": 16, "BATCH": 8}.items():
        monkeypatch.setattr(frames, name, value)
    for _ in range(2):  # the second time on what the first prepared
        result = frames.run(tmp_path / "data", rounds=4)
    available = [reader for reader in READERS if reader.is_available()]
    assert [timing.reader for timing in result.timings] == available
    assert all(len(timing.seconds) == 4 for timing in result.timings)
    written = write_report(result, tmp_path / "frames")
    assert [path.suffix for path in written] == [".json", ".png"]
    document = json.loads(written[0].read_text())
    assert document["readers"][0]["times_as_long"] == 1
    assert "8 random rows of 30 frames" in result.to_text()


def test_ratio_is_of_the_same_rows() -> None:
    fast, slow = Timing(Reader, (1.0, 2.0, 9.0)), Timing(Reader, (10.0, 22.0, 90.0))
    assert slow.ratio_to(fast) == 10
    assert fast.median == 2


def test_a_reader_that_reads_something_else_is_found_out() -> None:
    class Wrong(MemmapReader):
        name = "wrong"

        def read(self, rows: np.ndarray) -> np.ndarray:
            return np.zeros(len(rows), np.uint8)

    with pytest.raises(ValueError, match="wrong read other values"):
        interleave([Wrong()], [np.arange(3)], np.arange(9, dtype=np.uint8))
