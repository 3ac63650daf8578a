"""The quickstart, but for making its environment."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from unienv_data.cli.app import app

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.requires_av
@pytest.mark.requires_matplotlib
def test_samples_and_draws(tmp_path: Path) -> None:
    dataset, picture = tmp_path / "pusht.zarr", tmp_path / "episode.png"
    outcome = CliRunner().invoke(
        app, ["convert", "--quiet", str(ROOT / "examples/data/lerobot_v30_pusht"), str(dataset)]
    )
    assert outcome.exit_code == 0, outcome.output
    run = subprocess.run(
        [sys.executable, ROOT / "examples/quickstart.py", dataset, picture],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("epoch 0: 480 rows in 8 shuffled batches, ")
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    assert width > height > 500
