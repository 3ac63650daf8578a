"""Recordings that end before their end: what they had recorded is there, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import unienv_data
from tests.conftest import requires_psutil
from unienv_data.replay_buffer import ReplayBuffer

pytest.importorskip("gymnasium")
from tests.unienv_data.recording.rollouts import check_recording
from tests.unienv_data.recording.worlds import HERE

ROOT = Path(__file__).parents[3]
ROBOT = f"{HERE}:Robot-v0"
PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


@contextmanager
def recording(path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, as a process that records until somebody ends it."""
    command = [sys.executable, "-m", "unienv_data", "record", ROBOT, str(path), "--episodes", "100000"]
    command += ["--env-kwargs", "pause=0.004", *arguments]
    with subprocess.Popen(command, cwd=ROOT, text=True, **PIPES) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_episodes(path: Path, count: int, process: subprocess.Popen[str]) -> int:
    """Wait until so many episodes can be read; gives how many there are."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        if path.exists() and ReplayBuffer.is_loadable_from(str(path)):
            with unienv_data.open(str(path)) as buffer:
                if len(buffer.episodes) >= count:
                    return len(buffer.episodes)
        time.sleep(0.02)
    raise AssertionError("no episodes came")


@requires_psutil
@pytest.mark.parametrize("num_envs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_kill_loses_open_episodes_at_most(tmp_path: Path, num_envs: int) -> None:
    import psutil

    path, seen = tmp_path / "x", 0
    for turn in range(2):
        seed = 1000 * turn
        with recording(path, "--append", "--seed", str(seed), "--num-envs", str(num_envs)) as process:
            seen = wait_for_episodes(path, seen + 3, process)
            others = psutil.Process(process.pid).children(recursive=True)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert not psutil.wait_procs(others, timeout=10)[1]
        found = list(check_recording(path, ROBOT))
        assert len(found) >= seen
        last = sorted(one for one in found if one >= seed)
        assert len(last) >= 3
        if num_envs == 1:
            assert last == list(range(seed, seed + len(last))), "none is missing in between"
        seen = len(found)
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


@requires_psutil
@pytest.mark.parametrize("num_envs", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_episodes_and_says_so(tmp_path: Path, num_envs: int, number: int) -> None:
    import psutil

    with recording(tmp_path / "x", "--seed", "0", "--num-envs", str(num_envs)) as process:
        wait_for_episodes(tmp_path / "x", 2, process)
        others = psutil.Process(process.pid).children(recursive=True)
        # A terminal sends Ctrl-C to every process of the command.
        also = [other.pid for other in others] if number == signal.SIGINT else []
        for pid in (process.pid, *also):
            os.kill(pid, number)
        _, stderr = process.communicate(timeout=60)
    found = check_recording(tmp_path / "x", ROBOT)
    assert process.returncode == (130 if number == signal.SIGINT else 143)
    if number == signal.SIGINT:
        said = f"{len(found)} of 100000 episodes were recorded and stand at {tmp_path}/x."
        assert stderr == f"Error: interrupted\n{said}\n"
    assert "Traceback" not in stderr
    gone, alive = psutil.wait_procs(others, timeout=10)
    assert not alive
    assert len(gone) == len(others)


def test_an_interrupt_before_the_first_episode(tmp_path: Path) -> None:
    marker, kwargs = tmp_path / "stepping", ["--env-kwargs", "pause=60", "--env-kwargs"]
    with recording(tmp_path / "a/x", *kwargs, f"marker={marker}") as process:
        while not marker.exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert stderr.endswith("No episode was recorded.\n")
    assert list(tmp_path.iterdir()) == [marker]
