"""CartPole, by itself and eight at a time, against a rollout by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_gymnasium
from unienv_data import ReplayBuffer, ReplayBufferCollectionWrapper, ZarrStorage
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace

pytestmark = requires_gymnasium

INF = float("inf")
OBSERVATION = BoxSpace(B, -INF, INF, B.float32, shape=(4,))
ROWS = DictSpace(
    B,
    {
        "obs": OBSERVATION,
        "next_obs": OBSERVATION,
        "action": BoxSpace(B, 0, 1, B.int64, shape=()),
        "reward": BoxSpace(B, -INF, INF, B.float32, shape=()),
        "terminated": BinarySpace(B, ()),
        "truncated": BinarySpace(B, ()),
        "env_index": BoxSpace(B, 0, 7, B.int64, shape=()),
    },
)


def cart_pole(slots: int | None) -> Any:
    import gymnasium

    from unienv_interface.wrapper import FromGymnasiumEnv

    if slots is None:
        return FromGymnasiumEnv(gymnasium.make("CartPole-v1", max_episode_steps=20))
    return FromGymnasiumEnv(
        gymnasium.vector.SyncVectorEnv(
            [lambda: gymnasium.make("CartPole-v1", max_episode_steps=20) for _ in range(slots)],
            autoreset_mode=gymnasium.vector.AutoresetMode.DISABLED,
        )
    )


def rollouts(slots: int, steps: int) -> list[list[list[tuple[Any, ...]]]]:
    """The episodes of each slot, as plain CartPoles give them, seeded as a vector environment seeds."""
    import gymnasium

    episodes: list[list[list[tuple[Any, ...]]]] = []
    for slot in range(slots):
        world = gymnasium.make("CartPole-v1", max_episode_steps=20)
        observation, _ = world.reset(seed=7 + slot)
        mine: list[list[tuple[Any, ...]]] = [[]]
        for number in range(steps):
            action = action_of(number, slot)
            following, reward, terminated, truncated, _ = world.step(action)
            mine[-1].append((observation, following, action, reward, terminated, truncated))
            observation = following
            if terminated or truncated:
                observation, _ = world.reset()
                mine.append([])
        episodes.append(mine)
    return episodes


def action_of(number: int, slot: int) -> int:
    return (number // (slot + 2)) % 2


@pytest.mark.parametrize(("slots", "per_env"), [(None, False), (8, False), (8, True)])
def test_as_by_hand(slots: int | None, per_env: bool) -> None:
    steps = 120
    count = slots or 1
    buffers = [ReplayBuffer.create(ZarrStorage, ROWS) for _ in range(count if per_env else 1)]
    env = ReplayBufferCollectionWrapper(cart_pole(slots), buffers)
    env.reset(seed=7)
    for number in range(steps):
        actions = np.array([action_of(number, slot) for slot in range(count)])
        _, _, terminated, truncated, _ = env.step(actions if slots is not None else actions[0])
        ended = np.atleast_1d(np.logical_or(terminated, truncated))
        if ended.any():
            env.reset(mask=ended) if slots is not None else env.reset()
    for slot, episodes in enumerate(rollouts(count, steps)):
        buffer = buffers[slot if per_env else 0]
        rows = buffer[:]
        mine = rows["env_index"] == slot
        found = zip(
            *(rows[key][mine] for key in ("obs", "next_obs", "action", "reward", "terminated", "truncated")),
            strict=True,
        )
        expected = [row for episode in episodes for row in episode]
        for got, wanted in zip(found, expected, strict=True):
            for part, value in zip(got, wanted, strict=True):
                np.testing.assert_array_equal(part, np.asarray(value, dtype=part.dtype))
        lengths = [len(episode) for episode in episodes if episode]
        if per_env or slots is None:
            ended_lengths = [stop - start for start, stop in buffer.get_segments()]
            assert ended_lengths == lengths[: len(ended_lengths)]
            assert len(lengths) - len(ended_lengths) in (0, 1)
