"""The order of calls, failures in between, and what others see meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_torch
from tests.unienv_data.replay_buffer.collecting.worlds import CountingWorld, new_buffer, rows_of
from unienv_data import ReplayBuffer, ReplayBufferCollectionWrapper
from unienv_data.errors import ClosedError, SpaceValueError
from unienv_interface.backends import load_backend
from unienv_interface.errors import EnvError


def zeros(world: CountingWorld) -> Any:
    return np.zeros(world.batch_size or (), dtype=np.int64)


@pytest.fixture
def env() -> Any:
    world = CountingWorld(2)
    return ReplayBufferCollectionWrapper(world, new_buffer(world))


def test_steps_come_after_a_reset(env: Any) -> None:
    with pytest.raises(EnvError, match=r"expected an episode under way.*call reset\(\) first"):
        env.step(np.zeros(2, dtype=np.int64))
    with pytest.raises(EnvError, match="call reset"):
        env.step_async(np.zeros(2, dtype=np.int64))
    assert env.unwrapped.state[:, 2].tolist() == [0, 0]  # the world has not been asked


def test_halves_in_turn(env: Any) -> None:
    for wait in (env.step_wait, env.reset_wait):
        with pytest.raises(EnvError, match="was begun"):
            wait()
    env.reset_async()
    for call in (env.step, env.step_async, env.reset_async):
        with pytest.raises(EnvError, match="a reset is under way"):
            call(np.zeros(2, dtype=np.int64)) if call is not env.reset_async else call()
    env.reset_wait()
    action = np.array([1, 2])
    env.step_async(action)
    action[:] = 9  # somebody computes the next action meanwhile
    with pytest.raises(EnvError, match="a step is under way"):
        env.reset()
    env.step_wait()
    assert [row["action"] for row in rows_of(env.replay_buffers[0])] == [1, 2]


@pytest.mark.parametrize("mask", [np.array([True]), np.array([0, 1]), [[True, False]]])
def test_masks_that_are_none(env: Any, mask: Any) -> None:
    for reset in (env.reset, env.reset_async):
        with pytest.raises(EnvError, match=r"mask: expected \(2,\) booleans"):
            reset(mask=mask)
    single = ReplayBufferCollectionWrapper(CountingWorld(None), new_buffer(CountingWorld(None)))
    with pytest.raises(EnvError, match="no slots to choose from"):
        single.reset(mask=mask)


def test_slots_that_have_not_begun_are_not_recorded(env: Any) -> None:
    env.reset(mask=np.array([False, True]))
    env.step(np.array([1, 2]))
    env.reset(mask=np.array([True, False]))
    env.step(np.array([3, 4]))
    rows = rows_of(env.replay_buffers[0])
    assert [(row["env_index"], row["obs"]) for row in rows] == [
        (1, [1, 1, 0]),
        (0, [0, 1, 0]),
        (1, [1, 1, 1]),
    ]


def test_an_ended_slot_is_recorded_again_after_its_reset(env: Any) -> None:
    env.reset()
    env.unwrapped.next_ends = {0: "terminated"}
    env.step(np.array([1, 2]))
    env.step(np.array([3, 4]))
    env.reset(mask=np.array([True, False]))
    env.step(np.array([5, 6]))
    rows = rows_of(env.replay_buffers[0])
    assert [(row["env_index"], row["action"]) for row in rows] == [(0, 1), (1, 2), (1, 4), (0, 5), (1, 6)]
    assert env.replay_buffers[0].get_segments() == [(0, 2)]


@pytest.mark.parametrize("per_env", [False, True])
@pytest.mark.parametrize("validates", [False, True])
@pytest.mark.parametrize("backend_name", ["numpy", pytest.param("pytorch", marks=requires_torch)])
def test_what_an_ended_slot_gives_does_no_harm(per_env: bool, validates: bool, backend_name: str) -> None:
    """Worlds may give anything for slots that have ended."""
    world = CountingWorld(3, load_backend(backend_name))
    buffers = [new_buffer(world) for _ in range(3 if per_env else 1)]
    env = ReplayBufferCollectionWrapper(world, buffers, validate_transition=validates)
    env.reset()
    world.next_ends = {1: "terminated"}
    action = world.backend.from_numpy(zeros(world))
    env.step(action)
    world.state[1] = -50  # which is in no space
    for _ in range(3):
        env.step(action)
    found = {slot: 0 for slot in range(3)}
    for buffer in buffers:
        for row in rows_of(buffer):
            assert row["obs"][2] == found[row["env_index"]]
            found[row["env_index"]] += 1
    assert found == {0: 4, 1: 1, 2: 4}
    world.state[1] = [1, 5, 0]
    env.reset(mask=world.backend.from_numpy(np.array([False, True, False])))
    env.step(action)
    assert sum(len(buffer) for buffer in buffers) == 12
    world.state[0, 2] = -50
    with pytest.raises(SpaceValueError, match="next_obs"):
        env.step(action)


@pytest.mark.parametrize("per_env", [False, True])
@pytest.mark.parametrize("validates", [False, True])
@pytest.mark.parametrize("slots", [None, 2])
def test_a_transition_that_does_not_fit(per_env: bool, validates: bool, slots: int | None) -> None:
    world = CountingWorld(slots)
    buffers = [new_buffer(world) for _ in range((slots or 1) if per_env else 1)]
    env = ReplayBufferCollectionWrapper(
        world, buffers, "per_env" if per_env else "shared", validate_transition=validates
    )
    env.reset()
    env.step(zeros(world))
    before = [rows_of(buffer) for buffer in buffers]
    world.state[-1, 2] = -5  # the next observation is out of bounds
    with pytest.raises(SpaceValueError, match="next_obs"):
        env.step(zeros(world))
    assert [rows_of(buffer) for buffer in buffers] == before
    with pytest.raises(EnvError, match="call reset"):  # a step is missing: the episodes do not go on
        env.step(zeros(world))
    env.reset()
    env.step(zeros(world))
    assert [buffer.get_segments() for buffer in buffers] == [[(0, len(rows))] for rows in before]
    assert [len(buffer) for buffer in buffers] == [2 * len(rows) for rows in before]


def test_a_closed_buffer_is_noticed_at_once(env: Any) -> None:
    env.reset()
    env.step(np.zeros(2, dtype=np.int64))
    env.replay_buffers[0].close()
    with pytest.raises(ClosedError):
        env.step(np.zeros(2, dtype=np.int64))
    assert env.unwrapped.state[:, 2].tolist() == [1, 1]
    env.close()
    assert env.unwrapped.closed


def test_close_ends_what_is_under_way(tmp_path: Path) -> None:
    world = CountingWorld(2)
    buffer = new_buffer(world, tmp_path / "a.zarr")
    with ReplayBufferCollectionWrapper(world, buffer) as env:
        env.reset()
        env.step(zeros(world))
    assert world.closed
    assert buffer.get_segments() == [(0, 2)]
    assert len(ReplayBuffer.load_from(tmp_path / "a.zarr")) == 2
    env.close()
    env.reset()
    with pytest.raises(ClosedError, match="wrap the environment anew"):
        env.step(zeros(world))
    buffer.close()


def test_what_nobody_closes_is_kept(tmp_path: Path) -> None:
    """Dropped with steps under way, the buffer gives its place to the next writer, with every row."""
    world = CountingWorld(2)
    env = ReplayBufferCollectionWrapper(world, new_buffer(world, tmp_path / "a.zarr"))
    env.reset()
    env.step(zeros(world))
    del env
    with ReplayBuffer.load_from(tmp_path / "a.zarr", read_only=False) as buffer:
        assert len(buffer) == 2


def test_given_up_with_the_buffer(tmp_path: Path) -> None:
    world = CountingWorld(2)
    buffer = new_buffer(world, tmp_path / "a.zarr")
    env = ReplayBufferCollectionWrapper(world, buffer)
    env.reset()
    world.next_ends = {0: "truncated"}
    env.step(zeros(world))
    env.step(zeros(world))
    buffer.abandon()
    assert len(ReplayBuffer.load_from(tmp_path / "a.zarr")) == 2


def test_a_ring_keeps_the_newest() -> None:
    world = CountingWorld(3)
    buffer = new_buffer(world, capacity=10)
    env = ReplayBufferCollectionWrapper(world, buffer)
    env.reset()
    for _ in range(300):
        env.step(zeros(world))
    assert [(row["env_index"], row["obs"][2]) for row in rows_of(buffer)] == [
        (2, 296),
        *[(slot, step) for step in (297, 298, 299) for slot in range(3)],
    ]


@pytest.mark.parametrize("per_env", [False, True])
def test_another_thread_sees_every_step_that_has_returned(per_env: bool) -> None:
    world = CountingWorld(2)
    buffers = [new_buffer(world) for _ in range(2 if per_env else 1)]
    env = ReplayBufferCollectionWrapper(world, buffers)
    env.reset()
    done, failures, each = 0, [], 1 if per_env else 2
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            least = done * each
            for number, buffer in enumerate(buffers):
                batch = buffer[:]
                steps = batch["obs"][:, 2].tolist()
                slots = batch["env_index"].tolist()
                expected = [
                    (step, slot)
                    for step in range(len(steps) // each + 1)
                    for slot in ([number] if per_env else [0, 1])
                ]
                if len(steps) < least or list(zip(steps, slots, strict=True)) != expected[: len(steps)]:
                    failures.append((least, len(steps)))

    thread = threading.Thread(target=watch)
    thread.start()
    for _ in range(1500):
        env.step(zeros(world))
        done += 1
    stop.set()
    thread.join()
    assert not failures
    assert [len(buffer) for buffer in buffers] == [1500 * each] * len(buffers)
