"""Reading frames is measured as it says, on a few of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.readers import READERS
from benchmarks.report import write_report
from benchmarks.scenes import render_episode
from benchmarks.suites import SUITES
from benchmarks.suites.frames import FrameSuite

TINY = {"episodes": 3, "length": 10, "height": 64, "width": 80, "batch": 8}


def test_scenes_depend_on_the_seed_alone() -> None:
    first, again, other = (render_episode((1, number), 6, 20, 24) for number in (0, 0, 1))
    assert first.shape == (6, 20, 24, 3)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first[0] != first[5]).any()


@pytest.mark.requires_matplotlib
@pytest.mark.filterwarnings("default")  # of other libraries, which are measured as they are
@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_suite_from_frames_to_plot(tmp_path: Path, codec: str) -> None:
    suite = FrameSuite(**TINY, codec=codec)
    for _ in range(2):  # the second time on what the first prepared
        result = suite(tmp_path / "data", 3)
    available = [reader for reader in READERS if reader.is_available()]
    assert [timing.contender for timing in result.timings] == available
    assert all(len(timing.seconds) == 3 for timing in result.timings)
    written = write_report(result, tmp_path / "frames")
    assert [path.suffix for path in written] == [".json", ".png"]
    document = json.loads(written[0].read_text())
    assert document["contenders"][0]["times_as_long"] == 1
    assert "8 random rows of 30 frames" in result.to_text()
    assert document["notes"]["raw_bytes"] == 30 * 64 * 80 * 3
    assert document["notes"]["stored_bytes"] > 0


def test_sizes_and_codecs_are_suites_of_their_own() -> None:
    frames = {name: suite for name, suite in SUITES.items() if isinstance(suite, FrameSuite)}
    assert frames["frames"] == replace(frames["frames-lz4"], codec="zstd")
    assert [(s.height, s.width, s.episodes * s.length) for s in frames.values()] == [
        (84, 84, 20_000),
        (84, 84, 20_000),
        (224, 224, 2_000),
        (480, 640, 500),
    ]
