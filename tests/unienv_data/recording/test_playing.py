"""Episodes of environments of our own: contexts, batches, seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unienv_interface.corpus import box
from unienv_data.errors import RecordingError
from unienv_data.recording.playing import Episode, play_episodes, row_space
from unienv_interface import NumpyComputeBackend as N
from unienv_interface.env_base import Env
from unienv_interface.space.space_utils.batch_utils import batch_space, concatenate


class SeededEnv(Env[Any, Any, Any, Any, Any, Any, Any, Any]):
    """A slot's episode says its seed in the context and takes as many steps; it is a batch, or one slot."""

    backend = N

    def __init__(self, batch_size: int | None) -> None:
        self.batch_size = batch_size
        self.seeds, self.steps = np.zeros(batch_size or 1, np.int64), np.zeros(batch_size or 1, np.int64)
        self.single = box(N, -1, 1000, "int64", ())
        self.observation_space = self.action_space = self.context_space = (
            self.single if batch_size is None else batch_space(self.single, batch_size)
        )
        self.rng = np.random.default_rng(0)
        self.resets: list[list[int]] = []

    def _given(self, values: Any) -> Any:
        return values[0] if self.batch_size is None else values.copy()

    def reset(self, *, mask: Any = None, seed: Any = None, **kwargs: Any) -> Any:
        chosen = np.ones(len(self.steps), bool) if mask is None else mask
        self.resets.append(np.flatnonzero(chosen).tolist())
        seeds = [seed] if self.batch_size is None else seed
        for slot in np.flatnonzero(chosen):
            self.seeds[slot], self.steps[slot] = -1 if seeds[slot] is None else seeds[slot], 0
        given = self.seeds[chosen], self.steps[chosen]
        return (given[0][0], given[1][0], {}) if self.batch_size is None else (*given, {})

    def step(self, action: Any) -> Any:
        ended = (self.steps >= self.seeds) & (self.steps > 0)
        assert not ended.any(), "every slot is reset before it is stepped again"
        self.steps += 1
        ends = self.steps >= self.seeds
        even = self.seeds % 2 == 0
        given = self.steps, self.steps * 0.5, ends & even, ends & ~even
        return (*(self._given(value) for value in given), {})


def counting(observation: Any, rng: np.random.Generator) -> Any:
    return 10 + observation


def whole(episode: Episode) -> Any:
    (rows,) = episode.rows.batches()
    return rows


def play(batch_size: int | None, seeds: list[int], policy: Any = counting, **options: Any) -> list[Episode]:
    env = SeededEnv(batch_size)
    return list(play_episodes(env, policy, row_space(env, **options), seeds))


@pytest.mark.parametrize("batch_size", [None, 1, 2, 3, 7])
@pytest.mark.parametrize("next_obs", [True, False])
def test_every_episode_once_and_whole(batch_size: int | None, next_obs: bool) -> None:
    seeds = [5, 1, 1, 8, 3, 2, 6]
    episodes = play(batch_size, seeds, next_obs=next_obs)
    assert sorted(episode.seed for episode in episodes) == sorted(seeds)
    if batch_size in (None, 1):
        assert [episode.seed for episode in episodes] == seeds
    for episode in episodes:
        seed, steps = episode.seed, np.arange(episode.seed)
        assert episode.length == seed
        expected = {
            "obs": steps,
            "action": 10 + steps,
            "reward": 0.5 * (steps + 1),
            "terminated": (steps == seed - 1) & (seed % 2 == 0),
            "truncated": (steps == seed - 1) & (seed % 2 == 1),
            "context": np.full(seed, seed),
        }
        if next_obs:
            expected["next_obs"] = steps + 1
        rows = whole(episode)
        assert rows.keys() == expected.keys()
        for key, values in expected.items():
            assert np.array_equal(rows[key], values), key
        assert episode.columns == {
            "seed": seed,
            "return": 0.25 * seed * (seed + 1),
            "terminated": seed % 2 == 0,
            "truncated": seed % 2 == 1,
        }


def test_episodes_come_as_they_end() -> None:
    assert [episode.seed for episode in play(3, [9, 2, 4, 3, 1])] == [2, 4, 3, 1, 9]


def test_an_episode_is_given_before_the_next_step() -> None:
    env = SeededEnv(2)
    episodes = play_episodes(env, counting, row_space(env), [3, 5])
    assert next(episodes).seed == 3
    assert env.steps.tolist() == [3, 3]
    assert env.resets == [[0, 1]]


def test_generators_belong_to_episodes() -> None:
    def drawn(observation: Any, rng: np.random.Generator) -> Any:
        return rng.integers(0, 1000)

    by_seed = [
        {episode.seed: whole(episode)["action"].tolist() for episode in play(size, [4, 6, 5, 7], drawn)}
        for size in (None, 2, 4)
    ]
    assert by_seed[0] == by_seed[1] == by_seed[2]
    assert by_seed[0][4] != by_seed[0][6][:4]


def test_a_policy_that_fails_says_where() -> None:
    def act(observation: Any, rng: Any) -> Any:
        return {}[observation] if observation == 2 else 2000 if observation == 1 else 1

    with pytest.raises(
        RecordingError, match=r"the policy failed in step 1 of the episode of seed 4: .*action"
    ):
        play(None, [4], act)
    with pytest.raises(RecordingError, match=r"in step 2 of the episode of seed 4: KeyError: 2"):
        play(2, [4], lambda observation, rng: 1 if observation < 2 else {}[int(observation)])


def test_rows_fit_their_space() -> None:
    env = SeededEnv(None)
    space = row_space(env)
    episode = next(play_episodes(env, counting, space, [3]))
    assert whole(episode) in batch_space(space, 3)
    assert concatenate(space, [space.sample(np.random.default_rng(0))[1]]) in batch_space(space, 1)
