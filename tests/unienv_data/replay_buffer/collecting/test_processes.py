"""When rows become durable, and what other processes see and may do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.replay_buffer.collecting.worlds import CountingWorld, new_buffer
from unienv_data import ReplayBuffer, ReplayBufferCollectionWrapper
from unienv_data.errors import ReadOnlyError

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


def step(env: Any, **ends: str) -> None:
    env.unwrapped.next_ends = {int(slot[1:]): kind for slot, kind in ends.items()}
    env.step(np.zeros(env.batch_size, dtype=np.int64))


def committed(path: Path) -> int:
    with ReplayBuffer.load_from(path) as reader:
        return len(reader)


@pytest.mark.parametrize("per_env", [False, True])
def test_durable_as_the_last_step_returns(per_env: bool, tmp_path: Path) -> None:
    world = CountingWorld(2)
    places = [tmp_path / f"{number}.zarr" for number in range(2 if per_env else 1)]
    buffers = [new_buffer(world, place, commit_interval=float("inf")) for place in places]
    with ReplayBufferCollectionWrapper(world, buffers) as env:
        env.reset()
        step(env)
        assert [committed(place) for place in places] == [0] * len(places)
        step(env, s1="truncated")
        assert [committed(place) for place in places] == ([0, 2] if per_env else [4])
        step(env)
        env.reset()  # which ends what is under way
        assert [committed(place) for place in places] == ([3, 2] if per_env else [5])
    for buffer in buffers:
        buffer.close()


@pytest.mark.parametrize(("interval", "seen"), [(float("inf"), 0), (0.0, 2)])
def test_commits_from_time_to_time(interval: float, seen: int, tmp_path: Path) -> None:
    world = CountingWorld(2)
    buffer = new_buffer(world, tmp_path / "a.zarr", commit_interval=interval)
    env = ReplayBufferCollectionWrapper(world, buffer, commit_on_episode_end=False)
    env.reset()
    step(env, s0="terminated")
    assert committed(tmp_path / "a.zarr") == seen
    assert buffer.get_segments() == [(0, 2)]
    buffer.close()
    assert committed(tmp_path / "a.zarr") == 2


def test_processes_that_share_a_buffer_see_every_step(tmp_path: Path) -> None:
    world = CountingWorld(2)
    buffer = new_buffer(world, tmp_path / "a.zarr", multiprocessing=True)
    env = ReplayBufferCollectionWrapper(world, buffer)
    env.reset()
    for count in range(1, 4):
        step(env)
        assert committed(tmp_path / "a.zarr") == 2 * count
    env.close()
    buffer.close()


def in_child(work: Callable[[], None]) -> int:
    """What a forked child that does this exits with: 0 where nothing went wrong."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@needs_fork
def test_a_forked_child_goes_on_in_memory_of_its_own() -> None:
    world = CountingWorld(2)
    env = ReplayBufferCollectionWrapper(world, new_buffer(world))
    env.reset()
    step(env)

    def work() -> None:
        for _ in range(300):
            step(env)
        assert len(env.replay_buffers[0]) == 602

    assert in_child(work) == 0
    assert len(env.replay_buffers[0]) == 2
    step(env)
    assert len(env.replay_buffers[0]) == 4


@needs_fork
def test_a_forked_child_reads_and_does_not_write_its_parents_dataset(tmp_path: Path) -> None:
    world = CountingWorld(2)
    buffer = new_buffer(world, tmp_path / "a.zarr")
    env = ReplayBufferCollectionWrapper(world, buffer)
    env.reset()
    step(env, s0="terminated")
    step(env)

    def work() -> None:
        assert len(buffer) == 2  # what the buffer had taken in when it was forked
        with pytest.raises(ReadOnlyError, match="a forked child cannot write"):
            step(env)

    assert in_child(work) == 0
    step(env)
    assert len(buffer) == 4
    buffer.close()
    assert committed(tmp_path / "a.zarr") == 4
