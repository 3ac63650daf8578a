"""Which buffers go with which environment, and what is said of those that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.replay_buffer.collecting.worlds import CountingWorld, new_buffer, row_space, rows_of
from unienv_data import ReplayBuffer, ReplayBufferCollectionWrapper, ZarrStorage
from unienv_data.errors import ClosedError, ReadOnlyError, SegmentError, SpaceError
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace


def buffers(world: CountingWorld, count: int) -> list[Any]:
    return [new_buffer(world) for _ in range(count)]


@pytest.mark.parametrize(
    ("slots", "count", "mode", "resolved"),
    [
        (None, 1, "auto", "shared"),
        (None, 1, "shared", "shared"),
        (None, 1, "per_env", "per_env"),
        (1, 1, "auto", "shared"),
        (1, 1, "per_env", "per_env"),
        (3, 1, "auto", "shared"),
        (3, 3, "auto", "per_env"),
        (3, 3, "per_env", "per_env"),
        (64, 64, "auto", "per_env"),
    ],
)
def test_modes(slots: int | None, count: int, mode: Any, resolved: str) -> None:
    world = CountingWorld(slots)
    given = buffers(world, count)
    env = ReplayBufferCollectionWrapper(world, given if count > 1 else given[0], mode)
    assert env.replay_mode == resolved
    assert env.replay_buffers == given
    env.reset()
    env.step(np.zeros(slots or (), dtype=np.int64))
    assert sum(map(len, given)) == (slots or 1)


def test_by_name_of_the_mode() -> None:
    world = CountingWorld(2)
    assert ReplayBufferCollectionWrapper.shared(world, new_buffer(world)).replay_mode == "shared"
    assert ReplayBufferCollectionWrapper.per_env(world, buffers(world, 2)).replay_mode == "per_env"
    env = ReplayBufferCollectionWrapper.shared(world, new_buffer(world), validate_transition=True)
    env.reset()
    env.step(np.zeros(2, dtype=np.int64))
    assert [row["env_index"] for row in rows_of(env.replay_buffers[0])] == [0, 1]


@pytest.mark.parametrize(
    ("slots", "count", "mode", "message"),
    [
        (
            3,
            2,
            "auto",
            r"expected one replay buffer \(shared\) or 3 \(per_env\) .* batch_size 3, got 2; give",
        ),
        (None, 2, "auto", "expected one replay buffer for an environment of batch_size None, got 2"),
        (3, 3, "shared", "expected one replay buffer in mode 'shared', got 3"),
        (3, 1, "per_env", "expected 3 in mode 'per_env', one for each slot .* got 1; give 3"),
        (3, 0, "auto", "expected at least one buffer, got none"),
        (3, 1, "each", "replay_mode: expected one of 'auto', 'shared', 'per_env', got 'each'"),
    ],
)
def test_mismatches(slots: int | None, count: int, mode: Any, message: str) -> None:
    world = CountingWorld(slots)
    with pytest.raises(SpaceError, match=message):
        ReplayBufferCollectionWrapper(world, buffers(world, count), mode)


def test_buffers_that_cannot_be_collected_into(tmp_path: Path) -> None:
    world = CountingWorld(2)
    good = new_buffer(world)
    with pytest.raises(SpaceError, match=r"replay_buffers\[1\]: the same buffer comes twice"):
        ReplayBufferCollectionWrapper(world, [good, good])
    with pytest.raises(SpaceError, match=r"replay_buffers\[0\]: expected a ReplayBuffer, got int"):
        ReplayBufferCollectionWrapper(world, [3, good])
    closed = new_buffer(world)
    closed.close()
    with pytest.raises(ClosedError):
        ReplayBufferCollectionWrapper(world, [good, closed])
    new_buffer(world, tmp_path / "a.zarr").close()
    with pytest.raises(ReadOnlyError, match=r"replay_buffers\[1\]: opened for reading"):
        ReplayBufferCollectionWrapper(world, [good, ReplayBuffer.load_from(tmp_path / "a.zarr")])
    other = ReplayBuffer.create(ZarrStorage, row_space(CountingWorld(2, text=True)))
    with pytest.raises(SpaceError, match=r"replay_buffers\[1\]: expected the space of"):
        ReplayBufferCollectionWrapper(world, [good, other])
    env = ReplayBufferCollectionWrapper(world, good)
    with pytest.raises(SegmentError, match="another wrapper is collecting into it"):
        ReplayBufferCollectionWrapper(world, good)
    env.reset()
    env.step(np.zeros(2, dtype=np.int64))
    env.close()
    ReplayBufferCollectionWrapper(world, good)
    opened = new_buffer(world)
    opened.append({key: value[0] for key, value in good[:1].items()})
    with pytest.raises(SegmentError, match="a segment is open; call mark_segment_end"):
        ReplayBufferCollectionWrapper(world, opened)


def test_rows_that_ask_for_what_is_not_known() -> None:
    world = CountingWorld(4)
    members = dict(row_space(world).spaces)
    extra = ReplayBuffer.create(
        ZarrStorage,
        DictSpace(NumpyComputeBackend, {**members, "speed": members["reward"], "tool": members["reward"]}),
    )
    with pytest.raises(
        SpaceError, match=r"rows have 'speed', 'tool', but of a transition are known obs,.*give a"
    ):
        ReplayBufferCollectionWrapper(world, extra)
    no_dict = ReplayBuffer.create(ZarrStorage, members["obs"])
    with pytest.raises(SpaceError, match="expected rows of a DictSpace with keys among obs, next_obs"):
        ReplayBufferCollectionWrapper(world, no_dict)
    few = BoxSpace(NumpyComputeBackend, 0, 2, np.int8, shape=())
    narrow = ReplayBuffer.create(ZarrStorage, DictSpace(NumpyComputeBackend, {"env_index": few}))
    with pytest.raises(SpaceError, match="rows cannot hold the number of every slot: env_index"):
        ReplayBufferCollectionWrapper(world, narrow)
    world.context_space = None
    with pytest.raises(SpaceError, match=r"'context'.*the environment has no contexts"):
        ReplayBufferCollectionWrapper(world, new_buffer(world))
    for builder in (3, "obs"):
        with pytest.raises(SpaceError, match="expected a callable, a DataTransformation or None"):
            ReplayBufferCollectionWrapper(world, narrow, transition_builder=builder)
