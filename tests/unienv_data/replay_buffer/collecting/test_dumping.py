"""Dumps at the ends of episodes and at resets, one over another."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.replay_buffer.collecting.worlds import CountingWorld, new_buffer, rows_of
from unienv_data import ReplayBuffer, ReplayBufferCollectionWrapper
from unienv_data.errors import DatasetExistsError, SpaceError
from unienv_data.replay_buffer.collecting import dumping
from unienv_data.replay_buffer.collecting.dumping import dump_over


def collecting(slots: int | None, *, per_env: bool = False, path: Any = None, **options: Any) -> Any:
    world = CountingWorld(slots)
    buffers = [new_buffer(world, path) for _ in range((slots or 1) if per_env else 1)]
    env = ReplayBufferCollectionWrapper(world, buffers, "per_env" if per_env else "shared", **options)
    env.reset()
    return env


def step(env: Any, **ends: str) -> None:
    env.unwrapped.next_ends = {int(slot[1:]): kind for slot, kind in ends.items()}
    env.step(np.zeros(env.batch_size or (), dtype=np.int64))


def dumped(path: Any) -> int | None:
    return ReplayBuffer.get_length_from_path(path)


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "dumps") if request.param == "local" else f"memory://{tmp_path}/dumps"


@pytest.mark.parametrize("slots", [None, 2])
def test_when_an_episode_ends(slots: int | None, place: str) -> None:
    env = collecting(slots, dump_on_episode_end=True, dump_path=place)
    step(env)
    assert dumped(place) is None
    step(env, s0="terminated")
    assert dumped(place) == 2 * (slots or 1)
    env.reset()
    assert dumped(place) == 2 * (slots or 1)
    step(env)
    step(env, s0="truncated")
    assert dumped(place) == 4 * (slots or 1)
    assert rows_of(ReplayBuffer.load_from(place)) == rows_of(env.replay_buffers[0])
    assert ReplayBuffer.load_from(place).get_segments() == env.replay_buffers[0].get_segments()


def test_each_slot_has_its_place(place: str) -> None:
    env = collecting(3, per_env=True, dump_on_episode_end=True, dump_path=place)
    step(env)
    step(env, s1="terminated", s2="truncated")
    assert [dumped(f"{place}/env_{slot}") for slot in range(3)] == [None, 2, 2]
    step(env, s0="terminated")
    assert [dumped(f"{place}/env_{slot}") for slot in range(3)] == [3, 2, 2]


@pytest.mark.parametrize("per_env", [False, True])
def test_at_resets(per_env: bool, tmp_path: Path) -> None:
    places = [tmp_path / "d" / f"env_{slot}" for slot in range(2)] if per_env else [tmp_path / "d"]
    env = collecting(2, per_env=per_env, dump_on_reset_boundary=True, dump_path=tmp_path / "d")
    assert [dumped(place) for place in places] == [None] * len(places)  # there is nothing yet
    step(env)
    step(env, s0="terminated")
    assert [dumped(place) for place in places] == [None] * len(places)
    env.reset(mask=np.array([True, False]))
    assert [dumped(place) for place in places] == ([2, None] if per_env else [4])
    step(env)
    env.reset()
    assert [dumped(place) for place in places] == ([3, 3] if per_env else [6])


def test_to_another_path(tmp_path: Path) -> None:
    env = collecting(None, dump_on_episode_end=True, dump_on_reset_boundary=True, dump_path=tmp_path / "a")
    step(env, s0="terminated")
    env.dump_path = tmp_path / "b"
    assert env.dump_path == tmp_path / "b"
    env.reset()
    assert (dumped(tmp_path / "a"), dumped(tmp_path / "b")) == (1, 1)
    step(env, s0="terminated")
    assert (dumped(tmp_path / "a"), dumped(tmp_path / "b")) == (1, 2)
    env.dump_path = None
    with pytest.raises(SpaceError, match="dump_path: expected a path, since dumps are asked for; got None"):
        env.reset()


@pytest.mark.parametrize("option", ["dump_on_episode_end", "dump_on_reset_boundary"])
def test_without_a_path(option: str) -> None:
    with pytest.raises(SpaceError, match="dump_path: expected a path"):
        collecting(None, **{option: True})


@pytest.mark.parametrize("moment", range(8))
def test_an_interrupted_dump_leaves_a_complete_one(
    moment: int, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever step of a dump fails, a dump stands there or right beside; the next one tidies up."""
    world = CountingWorld(None)
    earlier, later = new_buffer(world), new_buffer(world)
    for buffer, count in ((earlier, 3), (later, 5)):
        env = ReplayBufferCollectionWrapper(world, buffer)
        env.reset()
        for _ in range(count):
            step(env)
        env.close()
    dump_over(earlier, place)
    calls = 0

    def interrupting(function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > moment:
                raise KeyboardInterrupt
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patched:
        for module, name in (
            (dumping, "remove_dataset"),
            (dumping.os, "rename"),
            (ReplayBuffer, "dumps"),
        ):
            patched.setattr(module, name, interrupting(getattr(module, name)))
        try:
            dump_over(later, place)
        except KeyboardInterrupt:
            lengths = [dumped(place + suffix) for suffix in ("", ".being-dumped", ".dumped-before")]
            assert {3, 5} & {*lengths}
    dump_over(later, place)
    assert dumped(place) == 5
    assert [dumped(place + suffix) for suffix in (".being-dumped", ".dumped-before")] == [None, None]


def test_nothing_else_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    env = collecting(None, dump_on_episode_end=True, dump_path=tmp_path / "mine")
    with pytest.raises(DatasetExistsError, match="something is there that is no dataset"):
        step(env, s0="terminated")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    assert len(env.replay_buffers[0]) == 1  # the step is recorded, and its episode has ended
    env.reset()


def test_not_over_the_buffer_itself(tmp_path: Path) -> None:
    for path in ("own.zarr", "own.zarr/dump", "."):
        env = collecting(
            None, path=tmp_path / "own.zarr", dump_on_episode_end=True, dump_path=tmp_path / path
        )
        with pytest.raises(DatasetExistsError, match=r"the buffer itself is kept at|no dataset"):
            step(env, s0="terminated")
        env.close()
        env.replay_buffers[0].clear()
        env.replay_buffers[0].close()
        assert ReplayBuffer.is_loadable_from(tmp_path / "own.zarr")
        shutil.rmtree(tmp_path / "own.zarr")


def test_an_empty_folder_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    env = collecting(None, dump_on_episode_end=True, dump_path=tmp_path / "d")
    step(env, s0="terminated")
    assert dumped(tmp_path / "d") == 1
