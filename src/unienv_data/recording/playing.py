"""Playing episodes: steps of an environment become rows of episodes. Nothing is written here."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unienv_data.errors import RecordingError
from unienv_data.recording.episode_rows import EpisodeRows
from unienv_data.recording.policies import Policy
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.env_base.env import AnyEnv
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_utils import concatenate, get_at, unbatch_spaces

__all__ = ["Episode", "play_episodes", "row_space", "single_space"]

_N: Any = NumpyComputeBackend


@dataclass(frozen=True)
class Episode:
    """An episode from its first step to its last.

    Attributes:
        rows: the steps, oldest first: rows of `row_space`.
        seed: what the environment was reset with.
        total_reward: the undiscounted return.
        terminated: whether the last step ended the task.
        truncated: whether the last step was the last for another reason, such as a limit of time.
    """

    rows: EpisodeRows
    seed: int
    total_reward: float
    terminated: bool
    truncated: bool

    @property
    def length(self) -> int:
        """The number of steps."""
        return len(self.rows)

    @property
    def columns(self) -> dict[str, Any]:
        """What the episode table says of it."""
        return {
            "seed": self.seed,
            "return": self.total_reward,
            "terminated": self.terminated,
            "truncated": self.truncated,
        }


def single_space(env: AnyEnv, space: AnySpace) -> AnySpace:
    """The space of one slot's values, of a space of the environment's; of the first, where they differ."""
    return space if env.batch_size is None else next(iter(unbatch_spaces(space)))


def row_space(env: AnyEnv, *, frame: Any = None, next_obs: bool = True) -> DictSpace[Any, Any, Any]:
    """The space of one step of an environment of the NumPy backend.

    Args:
        env: the environment.
        frame: `(H, W, C)` uint8, what one slot renders; None where frames are not kept.
        next_obs: whether the observation after the step is kept.
    """
    observation = single_space(env, env.observation_space)
    spaces: dict[str, AnySpace] = {
        "obs": observation,
        "action": single_space(env, env.action_space),
        "reward": BoxSpace(_N, -np.inf, np.inf, _N.float64, shape=()),
        "terminated": BinarySpace(_N, ()),
        "truncated": BinarySpace(_N, ()),
    }
    if env.context_space is not None:
        spaces["context"] = single_space(env, env.context_space)
    if next_obs:
        spaces["next_obs"] = observation
    if frame is not None:
        spaces["render"] = BoxSpace(_N, 0, 255, _N.uint8, shape=frame.shape)
    return DictSpace(_N, spaces)


def play_episodes(
    env: AnyEnv, policy: Policy, space: DictSpace[Any, Any, Any], seeds: Sequence[int]
) -> Iterator[Episode]:
    """Play one episode for each seed, as many at a time as there are slots; gives them as they end.

    An episode depends on its seed alone: its slot is reset with it, and the policy's generator is made from
    it. So the episodes are the same for any number of slots; only their order differs.

    Args:
        env: an environment of the NumPy backend; the `reset` of a batch takes a seed for every slot.
        policy: chooses the actions.
        space: from `row_space`; says what is kept of a step.
        seeds: at least 0 each.

    Raises:
        RecordingError: the environment or the policy raised, or gave what does not fit its space.
    """
    playing = _Playing(env, policy, space, deque(seeds))
    playing.begin(range(env.batch_size or 1))
    while any(playing.slots):
        ended = playing.step()
        for number in ended:
            slot = playing.slots[number]
            if slot is not None:
                yield slot.episode()
                playing.slots[number] = None
        if any(playing.slots) or playing.waiting:
            playing.begin(ended)


@dataclass
class _Slot:
    """An episode that is being played."""

    seed: int
    rng: np.random.Generator
    rows: EpisodeRows
    obs: Any = None
    context: Any = None
    frame: Any = None
    total_reward: float = 0.0
    last: Mapping[str, Any] = field(default_factory=dict)

    def add(self, step: Mapping[str, Any]) -> None:
        self.rows.append({key: step[key] for key in self.rows.space.spaces})
        self.total_reward += float(step["reward"])
        self.last = step
        self.obs = step["next_obs"]

    def episode(self) -> Episode:
        return Episode(
            rows=self.rows,
            seed=self.seed,
            total_reward=self.total_reward,
            terminated=bool(self.last["terminated"]),
            truncated=bool(self.last["truncated"]),
        )


@dataclass
class _Playing:
    """An environment in the midst of its episodes. A slot for which none is left is None."""

    env: AnyEnv
    policy: Policy
    space: DictSpace[Any, Any, Any]
    waiting: deque[int]
    slots: list[_Slot | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slots = [None] * (self.env.batch_size or 1)
        self.single_action = single_space(self.env, self.env.action_space)
        self.idle = np.random.default_rng(0)

    def begin(self, numbers: Sequence[int]) -> None:
        """Reset slots, and begin episodes in them while there are seeds."""
        if not numbers:
            return
        seeds: list[int | None] = [None] * len(self.slots)
        for number in numbers:
            if self.waiting:
                seed = self.waiting.popleft()
                seeds[number] = seed
                # Another stream than the environment makes from the same seed.
                self.slots[number] = _Slot(seed, np.random.default_rng([seed, 1]), EpisodeRows(self.space))
        try:
            if self.env.batch_size is None:
                context, obs, _ = self.env.reset(seed=seeds[0])
            else:
                every: Any = seeds
                mask = np.isin(np.arange(len(self.slots)), list(numbers))
                context, obs, _ = self.env.reset(mask=None if mask.all() else mask, seed=every)
        except Exception as exc:
            raise self._said("reset raised", exc) from exc
        for position, number in enumerate(numbers):
            slot = self.slots[number]
            if slot is not None:
                slot.obs = self._entry(self.env.observation_space, obs, position)
                if self.env.context_space is not None:
                    slot.context = self._entry(self.env.context_space, context, position)
        self._render()

    def step(self) -> list[int]:
        """Act once in every slot; gives the numbers of those whose episodes have ended."""
        actions = [self._action(slot) for slot in self.slots]
        try:
            whole = actions[0] if self.env.batch_size is None else concatenate(self.single_action, actions)
            obs, rewards, terminated, truncated, _ = self.env.step(whole)
        except Exception as exc:
            raise self._said("step raised", exc) from exc
        ends = [np.atleast_1d(np.asarray(flags)) for flags in (terminated, truncated)]
        rewards = np.atleast_1d(np.asarray(rewards, np.float64))
        for number, slot in enumerate(self.slots):
            if slot is None:
                continue
            after = self._entry(self.env.observation_space, obs, number)
            step = {
                "obs": slot.obs,
                "action": actions[number],
                # Arrays, which are taken as they are; scalars would be looked into each time.
                "reward": np.asarray(rewards[number]),
                "terminated": np.asarray(ends[0][number]),
                "truncated": np.asarray(ends[1][number]),
                "next_obs": after,
                "context": slot.context,
                "render": slot.frame,
            }
            slot.add(step)
        self._render()
        return [int(number) for number in np.flatnonzero(ends[0] | ends[1])]

    def _action(self, slot: _Slot | None) -> Any:
        if slot is None:  # a batch steps all its slots; nothing of this one is kept
            return self.single_action.sample(self.idle)[1]
        try:
            return self.single_action.coerce(self.policy(slot.obs, slot.rng), path="action")
        except Exception as exc:
            where = f"in step {len(slot.rows)} of the episode of seed {slot.seed}"
            raise RecordingError(f"the policy failed {where}: {type(exc).__name__}: {exc}") from exc

    def _entry(self, space: AnySpace, value: Any, position: int) -> Any:
        # A copy: a view would keep the whole batch in memory for as long as this slot's episode takes.
        return value if self.env.batch_size is None else copy.deepcopy(get_at(space, value, position))

    def _render(self) -> None:
        if "render" not in self.space.spaces:
            return
        try:
            rendered: Any = self.env.render()
        except Exception as exc:
            raise self._said("render raised", exc) from exc
        frames = [rendered] if self.env.batch_size is None else rendered
        for slot, frame in zip(self.slots, frames, strict=True):
            if slot is not None:
                slot.frame = self.space.spaces["render"].coerce(np.array(frame), path="render")

    def _said(self, what: str, exc: Exception) -> RecordingError:
        return RecordingError(f"{self.env}: {what} {type(exc).__name__}: {exc}")
