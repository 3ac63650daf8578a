"""What may be chosen about a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from unienv_data.errors import RecordingError

__all__ = ["RecordingOptions"]


@dataclass(frozen=True)
class RecordingOptions:
    """Choices, all with defaults that suit a first recording.

    Args:
        episodes: how many to record.
        policy: a function or its name, `module:function`, see `load_policy`; None draws actions at random.
        render: also store a frame of every step, as the column `render`.
        next_obs: also store the observation after every step, as the column `next_obs`.
        seed: episode `i` is seeded with `seed + i`; None draws a seed.
        num_envs: how many episodes are played at a time, where there are several each in its own process.
        max_episode_steps: truncate episodes after as many steps; None leaves that to the environment.
        codecs: codec specifications by column pattern.
        overwrite: replace the dataset that stands at the destination, with the first episode.
        append: add to the dataset that stands at the destination; make it if none does.
        storage_options: handed to the destination's filesystem.
        assume_single_writer: nobody else writes there; for filesystems that cannot make sure of it.
        env_kwargs: handed to the environment's maker.

    Raises:
        RecordingError: a number is too small, or choices exclude each other.
    """

    episodes: int = 1
    policy: str | Callable[..., Any] | None = None
    render: bool = False
    next_obs: bool = True
    seed: int | None = None
    num_envs: int = 1
    max_episode_steps: int | None = None
    codecs: Mapping[str, str] = field(default_factory=dict)
    overwrite: bool = False
    append: bool = False
    storage_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    assume_single_writer: bool = False
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        least = {"episodes": 1, "num_envs": 1, "max_episode_steps": 1, "seed": 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise RecordingError(f"{name}: expected at least {bound}, got {value}")
        if self.append and self.overwrite:
            raise RecordingError("append and overwrite: choose one; the first keeps what the second replaces")
