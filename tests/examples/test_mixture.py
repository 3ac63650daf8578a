"""The example that mixes datasets."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_mixes_and_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "examples/mixture.py", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0] == "1280 rows in 20 of 39 batches: robot 0.500, simulation 0.300, play 0.200"
    found = re.fullmatch(r"rows without a wrist camera: (\d+), black: (\d+)", lines[1])
    assert found is not None
    assert found[1] == found[2]
    assert 18 <= int(found[1]) <= 20
    assert lines[2].endswith("19 batches, the same")
    share = re.fullmatch(r"3 of 6 episodes succeeded; (0\.\d\d) of the rows are theirs", lines[3])
    assert share is not None
    assert abs(float(share[1]) - 0.8) <= 0.02
