"""The suite of LeRobot's recordings, on the sample of this repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import unienv_data
from benchmarks.suites.recordings import ConvertedAccess, RecordingSuite, converted

PUSHT = Path(__file__).parents[2] / "examples" / "data" / "lerobot_v30_pusht"

pytestmark = [pytest.mark.requires_av, pytest.mark.requires_imagecodecs]


@pytest.mark.parametrize("windows", [False, True])
def test_the_suite_measures_what_is_installed(tmp_path: Path, windows: bool) -> None:
    suite = RecordingSuite(lambda folder: PUSHT, windows=windows, batch=4, specs=("copied", "jpeg:95"))
    result = suite(tmp_path, 2)
    names = [timing.contender.name for timing in result.timings]
    assert names[0] == "copied, 64 rows at a time"
    assert "jpeg:95, one by one" in names
    assert all(len(timing.seconds) == 2 and min(timing.seconds) > 0 for timing in result.timings)
    assert result.notes["bytes of copied"] < 1.15 * result.notes["bytes of the videos"]
    assert result.notes["raw bytes"] == 480 * 96 * 96 * 3
    assert not (tmp_path / "again").exists()


def test_what_is_read_is_what_was_asked_for(tmp_path: Path) -> None:
    rows = np.array([330, 7, 8])
    found = {}
    for windows in (False, True):
        for alone in (False, True):
            reader: ConvertedAccess = converted("zstd", alone)(PUSHT, "observation.image", tmp_path)
            reader.setup(windows)
            found[windows, alone] = reader.read(rows)
            reader.close()
    with unienv_data.open(tmp_path / "zstd.zarr") as buffer:
        frames = buffer.get_at(slice(0, 331))["observation"]["image"]
    assert np.array_equal(found[False, False], frames[rows])
    assert np.array_equal(found[False, True], frames[rows])
    assert np.array_equal(found[True, False], found[True, True])
    assert np.array_equal(found[True, False][0], frames[315:331])
