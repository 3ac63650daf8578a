"""Gymnasium's environments by their ids, made to be recorded. Importing this module imports gymnasium."""

from __future__ import annotations

import contextlib
import copy
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unienv_data.errors import RecordingError, SpaceValueError
from unienv_data.recording.playing import single_space
from unienv_data.recording.policies import Policy
from unienv_interface._optional import import_optional
from unienv_interface.env_base.env import AnyEnv
from unienv_interface.space.space_utils.gym_utils import from_gym_data, to_gym_data
from unienv_interface.wrapper.from_gymnasium import FromGymnasiumEnv
from unienv_interface.wrapper.gym_members import as_member

__all__ = ["EnvChoice", "first_frame", "gymnasium_policy", "make_env"]


@dataclass(frozen=True)
class EnvChoice:
    """Which environment is to be made, and how.

    Args:
        id: Gymnasium's id; `module:id` imports a module first that registers it.
        count: how many slots; several are a batch, each in a process of its own.
        render: whether frames are wanted.
        max_episode_steps: truncate episodes after as many steps; None leaves that to the environment.
        kwargs: handed to the environment.
    """

    id: str
    count: int = 1
    render: bool = False
    max_episode_steps: int | None = None
    kwargs: Mapping[str, Any] | None = None


def make_env(choice: EnvChoice) -> FromGymnasiumEnv[Any, Any, Any]:
    """Make an environment, on NumPy.

    Raises:
        RecordingError: there is no such environment, or it cannot be made so.
        SpaceError: its spaces have no counterpart here.
        MissingDependencyError: Gymnasium is not installed.
    """
    gym: Any = import_optional("gymnasium", extra="gym")
    kwargs = dict(choice.kwargs or {})
    if choice.render:
        kwargs["render_mode"] = "rgb_array"
    if choice.max_episode_steps is not None:
        kwargs["max_episode_steps"] = choice.max_episode_steps
    kwargs["disable_env_checker"] = True  # what it gives is checked here, and more strictly
    try:
        if choice.count == 1:
            theirs = gym.make(choice.id, **kwargs)
        else:
            with _without_interrupts():
                theirs = gym.make_vec(
                    choice.id,
                    num_envs=choice.count,
                    vectorization_mode="async",
                    vector_kwargs={
                        "autoreset_mode": gym.vector.AutoresetMode.DISABLED,
                        "context": "spawn",  # threads of this process do not survive a fork
                        "shared_memory": False,  # which has no place for texts and graphs
                    },
                    **kwargs,
                )
    except Exception as exc:  # makers raise what they like
        raise RecordingError(f"{choice.id}: cannot be made: {_told(exc)}") from exc
    try:
        if choice.render and theirs.render_mode != "rgb_array":
            raise RecordingError(
                f"{choice.id}: has no frames to store: its render_mode is {theirs.render_mode}"
            )
        return FromGymnasiumEnv(theirs)
    except BaseException:
        theirs.close()
        raise


def first_frame(env: AnyEnv) -> Any:
    """`(H, W, C)` uint8: what one slot renders after a reset.

    Raises:
        RecordingError: that is no such frame.
    """
    try:
        env.reset(seed=0)
        rendered: Any = env.render()
    except Exception as exc:
        raise RecordingError(f"{env}: cannot be rendered: {_told(exc)}") from exc
    frame = rendered if env.batch_size is None else rendered[0]
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3:
        kind = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise RecordingError(f"{env}: expected frames (H, W, C) of uint8 from render(), got {kind}")
    return frame


def gymnasium_policy(env: FromGymnasiumEnv[Any, Any, Any], policy: Policy) -> Policy:
    """A policy that takes what the Gymnasium environment gives one slot, and gives what it takes.

    Floating-point actions are rounded to the type of the action space. Observations are copies.
    """
    batched = env.batch_size is not None
    theirs = env.env.single_observation_space if batched else env.env.observation_space
    observations = single_space(env, env.observation_space)
    actions = single_space(env, env.action_space)

    def act(observation: Any, rng: np.random.Generator) -> Any:
        given = copy.deepcopy(to_gym_data(observations, observation))
        action = policy(as_member(theirs, given), rng)
        try:
            return from_gym_data(actions, action)
        except SpaceValueError as exc:
            where = "/".join(filter(None, ("action", exc.path)))
            raise SpaceValueError(where, exc.expected, exc.actual) from None

    return act


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes started inside take no Ctrl-C, which a terminal sends to all: their owner ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _told(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
