"""A process that is killed while it collects loses the episodes that are under way, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.unienv_data.replay_buffer.collecting.killed_collector import SLOTS
from tests.unienv_data.replay_buffer.collecting.worlds import rows_of
from unienv_data import ReplayBuffer

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("mode", ["shared", "per_env"])
@pytest.mark.parametrize("after", [40, 137])
def test_what_had_ended_is_there(mode: str, after: int, tmp_path: Path) -> None:
    arguments = [
        sys.executable,
        "-m",
        "tests.unienv_data.replay_buffer.collecting.killed_collector",
        str(tmp_path),
        mode,
    ]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for _ in range(after):
            ended = [int(number) for number in process.stdout.readline().split()]
        os.kill(process.pid, signal.SIGKILL)
        process.stdout.read()
    assert any(ended)
    for number, least in enumerate(ended):
        with ReplayBuffer.load_from(tmp_path / f"{number}.zarr") as buffer:
            assert len(buffer) >= least
            segments = buffer.get_segments()
            assert segments is not None
            assert max((stop for _, stop in segments), default=0) == len(buffer)
            rows = rows_of(buffer)
    slots = range(SLOTS) if mode == "shared" else [SLOTS - 1]
    for slot in slots:
        steps = [(row["obs"][1], row["obs"][2]) for row in rows if row["env_index"] == slot]
        assert steps == sorted(steps)
        assert all(b in ((a[0], a[1] + 1), (a[0] + 1, 0)) for a, b in pairwise(steps))
