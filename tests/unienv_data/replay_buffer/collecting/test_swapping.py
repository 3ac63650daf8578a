"""Going on with other buffers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.replay_buffer.collecting.worlds import CountingWorld, new_buffer, rows_of
from unienv_data import ReplayBuffer, ReplayBufferCollectionWrapper, ZarrStorage
from unienv_data.errors import DatasetExistsError, SegmentError, SpaceError
from unienv_interface.space import DictSpace


def collecting(slots: int | None = 2, *, per_env: bool = False, **options: Any) -> Any:
    world = CountingWorld(slots)
    buffers = [new_buffer(world) for _ in range((slots or 1) if per_env else 1)]
    env = ReplayBufferCollectionWrapper(world, buffers, "per_env" if per_env else "shared", **options)
    env.reset()
    return env


def step(env: Any, **ends: str) -> None:
    env.unwrapped.next_ends = {int(slot[1:]): kind for slot, kind in ends.items()}
    env.step(np.zeros(env.batch_size or (), dtype=np.int64))


@pytest.mark.parametrize("per_env", [False, True])
def test_at_the_end_of_episodes(per_env: bool) -> None:
    env = collecting(per_env=per_env)
    step(env, s0="terminated", s1="truncated")
    old = env.replay_buffers
    new = [new_buffer(env.unwrapped) for _ in old]
    assert env.buffer_swap(new) == old
    assert env.replay_buffers == new
    env.reset()
    step(env)
    assert [len(buffer) for buffer in (*old, *new)] == [2 // len(old)] * 2 * len(old)
    old[0].append(new[0][0])  # nobody else does any more
    assert len(old[0]) == 2 // len(old) + 1


def test_in_the_middle_of_an_episode() -> None:
    env = collecting()
    step(env)
    (old,) = env.replay_buffers
    new = new_buffer(env.unwrapped)
    with pytest.raises(SegmentError, match="an episode is under way in the old replay buffers"):
        env.set_replay_buffers(new)
    assert env.replay_buffers == [old]
    assert env.set_replay_buffers(new, allow_mid_episode=True) == [old]
    step(env)
    assert (old.get_segments(), old.has_open_segment, len(old)) == ([], True, 2)
    other = new_buffer(env.unwrapped)
    env.set_replay_buffers(other, finalize_old_segments=True)
    assert (new.get_segments(), new.has_open_segment) == ([(0, 2)], False)
    step(env, s0="terminated")
    assert [row["obs"][2] for row in rows_of(other)] == [2, 2]
    with pytest.raises(SegmentError, match=r"replay_buffers\[0\]: a segment is open"):
        env.set_replay_buffers(old)


def test_another_mode_and_back() -> None:
    env = collecting()
    step(env, s0="terminated", s1="terminated")
    one, two, three = (new_buffer(env.unwrapped) for _ in range(3))
    with pytest.raises(SpaceError, match="expected one replay buffer in mode 'shared', got 2"):
        env.set_replay_buffers([one, two])
    env.set_replay_buffers([one, two], replay_mode="auto")
    assert env.replay_mode == "per_env"
    env.reset()
    step(env)
    env.set_replay_buffers(three, replay_mode="shared", finalize_old_segments=True)
    step(env)
    assert [len(buffer) for buffer in (one, two, three)] == [1, 1, 2]


def test_some_of_the_same_buffers() -> None:
    env = collecting(per_env=True)
    step(env, s0="terminated", s1="terminated")
    first, second = env.replay_buffers
    third = new_buffer(env.unwrapped)
    env.set_replay_buffers([third, second])
    env.reset()
    step(env)
    assert [len(buffer) for buffer in (first, second, third)] == [1, 2, 1]
    with pytest.raises(SegmentError, match="a segment is open"):
        env.set_replay_buffers([first, second], allow_mid_episode=True)
    env.set_replay_buffers([first, second], finalize_old_segments=True)
    step(env)
    assert [len(buffer) for buffer in (first, second, third)] == [2, 3, 1]
    assert second.get_segments() == [(0, 1), (1, 2)]


def test_another_space() -> None:
    env = collecting()
    fewer = DictSpace(
        env.backend, {key: env.replay_buffers[0].single_space[key] for key in ("obs", "reward")}
    )
    new = ReplayBuffer.create(ZarrStorage, fewer)
    with pytest.raises(SpaceError, match="require_same_space=False allows it"):
        env.set_replay_buffers(new)
    env.set_replay_buffers(new, require_same_space=False)
    step(env)
    assert sorted(new[0]) == ["obs", "reward"]


def test_dumping_the_old(tmp_path: Path) -> None:
    env = collecting(per_env=True)
    step(env)
    old = env.replay_buffers
    new = [new_buffer(env.unwrapped) for _ in old]
    with pytest.raises(SpaceError, match="dump_path: expected a path"):
        env.set_replay_buffers(new, dump_old=True, finalize_old_segments=True)
    env.dump_path = tmp_path / "dumps"
    with pytest.raises(SegmentError, match="finalize_old_segments=True ends them first"):
        env.set_replay_buffers(new, dump_old=True, allow_mid_episode=True)
    assert [buffer.has_open_segment for buffer in old] == [True, True]
    assert env.set_replay_buffers(new, dump_old=True, finalize_old_segments=True) == old
    for slot, buffer in enumerate(old):
        assert rows_of(ReplayBuffer.load_from(tmp_path / "dumps" / f"env_{slot}")) == rows_of(buffer)


def test_a_failed_dump_leaves_the_old_in_use(tmp_path: Path) -> None:
    env = collecting()
    step(env, s0="terminated")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    env.dump_path = tmp_path / "mine"
    (old,) = env.replay_buffers
    new = new_buffer(env.unwrapped)
    with pytest.raises(DatasetExistsError, match="no dataset"):
        env.set_replay_buffers(new, dump_old=True)
    assert env.replay_buffers == [old]
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    step(env)
    assert (len(old), len(new)) == (3, 0)
