"""The example that records an environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import unienv_data

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.requires_gymnasium
def test_records_and_reads(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "examples/record_gymnasium.py", tmp_path / "cartpole.zarr"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    with unienv_data.open(str(tmp_path / "cartpole.zarr")) as buffer:
        lengths = buffer.episodes["length"].to_pylist()
        assert min(lengths) > 100, "the policy balances"
        assert lines[0] == f"10 episodes, {len(buffer)} steps, mean return {sum(lengths) / 10:g}"
        assert lines[1].startswith(f"seed 0: {lengths[0]} steps, the ")
    assert "'obs': ('float32', (64, 4))" in lines[-1]
    assert len(lines) == 12
