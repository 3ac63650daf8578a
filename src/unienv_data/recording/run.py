"""Carrying out a recording: each episode is durable once it has ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unienv_data._version import __version__
from unienv_data.conversion.destinations.destination import Destination
from unienv_data.errors import RecordingError
from unienv_data.progress import NO_PROGRESS, Progress
from unienv_data.recording.environments import EnvChoice, first_frame, gymnasium_policy, make_env
from unienv_data.recording.options import RecordingOptions
from unienv_data.recording.playing import Episode, play_episodes, row_space, single_space
from unienv_data.recording.policies import load_policy, policy_name, random_policy
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import ZarrStorage
from unienv_interface.space import DictSpace
from unienv_interface.space.space import AnySpace

__all__ = ["Recording", "run_recording"]


@dataclass(frozen=True)
class Recording:
    """What was recorded.

    Args:
        destination: where the dataset stands.
        episodes: how many were recorded now.
        rows: in how many steps.
        mean_return: of these episodes.
        seed: of the first of them; the others' follow it.
        seconds: how long it took.
    """

    destination: str
    episodes: int
    rows: int
    mean_return: float
    seed: int
    seconds: float


def run_recording(
    env_id: str, destination: str, options: RecordingOptions | None = None, progress: Progress = NO_PROGRESS
) -> Recording:
    """Record episodes of a Gymnasium environment.

    Each becomes a segment of one dataset, with its seed, return and way of ending in the episode table, and
    is durable before the next step is made: whatever ends the recording early, only the open episodes are
    lost, which are in memory, frames compressed. Nothing stands at the destination before the first has
    ended. Where several environments play at a time, the episodes are the same, in the order in which they
    ended.

    Args:
        env_id: Gymnasium's id; `module:id` imports a module first that registers it.
        destination: a local path or any fsspec URL.
        options: what to record, and how.
        progress: told the episodes that are done.

    Raises:
        RecordingError: the environment or the policy cannot be used, or failed.
        SpaceError: the environment's spaces have no counterpart here, or are not those of the dataset.
        DatasetExistsError: something stands at the destination that may neither be added to nor replaced.
        CodecError: a codec specification cannot be understood.
        MissingDependencyError: Gymnasium is not installed.
    """
    options = options or RecordingOptions()
    target = Destination(destination, options.storage_options)
    appends = options.append and ReplayBuffer.is_loadable_from(
        destination, storage_options=dict(options.storage_options)
    )
    if not appends:
        target.check(None, options.overwrite)
    elif options.codecs:
        raise RecordingError(f"{destination}: codecs are chosen when a dataset is made; leave --codec out")
    seed = int(np.random.SeedSequence().generate_state(1)[0] >> 1) if options.seed is None else options.seed
    policy = None if options.policy is None else load_policy(options.policy)
    choice = EnvChoice(
        env_id,
        min(options.num_envs, options.episodes),
        options.render,
        options.max_episode_steps,
        options.env_kwargs,
    )
    with contextlib.closing(make_env(choice)) as env:
        if policy is None:
            policy = random_policy(single_space(env, env.action_space))
        else:
            policy = gymnasium_policy(env, policy)
        frame = first_frame(env) if options.render else None
        space = row_space(env, frame=frame, next_obs=options.next_obs)
        writer = _Writer(target, space, options, _attributes(choice, options, env), appends)
        started = time.monotonic()
        returns: list[float] = []
        rows = 0
        try:
            with writer, progress.task("recording", total=options.episodes, unit="episode") as task:
                seeds = range(seed, seed + options.episodes)
                for episode in play_episodes(env, policy, space, seeds):
                    writer.write(episode)
                    rows += episode.length
                    returns.append(episode.total_reward)
                    task.advance()
                writer.finish()
        except BaseException as exc:
            kept = f"{writer.written} of {options.episodes} episodes were recorded"
            exc.add_note(
                f"{kept} and stand at {target.shown}." if writer.written else "No episode was recorded."
            )
            raise
    seconds = time.monotonic() - started
    return Recording(target.shown, len(returns), rows, float(np.mean(returns)), seed, seconds)


def _attributes(choice: EnvChoice, options: RecordingOptions, env: Any) -> dict[str, Any]:
    about: dict[str, Any] = {
        "environment": {
            "id": choice.id,
            "kwargs": dict(choice.kwargs or {}),
            "max_episode_steps": choice.max_episode_steps,
        },
        "policy": policy_name(options.policy),
        "recorded_by": f"unienv-data {__version__}",
    }
    if env.render_fps is not None:
        about["fps"] = float(env.render_fps)
    return about


@dataclass
class _Writer:
    """Episodes into a dataset, on a thread of its own, which no interrupt of the main thread breaks into.

    Attributes:
        written: how many episodes are durable.
    """

    destination: Destination
    space: DictSpace[Any, Any, Any]
    options: RecordingOptions
    attributes: Mapping[str, Any]
    appends: bool
    written: int = 0
    _buffer: ReplayBuffer[Any, Any, Any, Any, Any] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.appends:
            self._buffer = self._open()
        else:
            # In memory: says now, and not after the first episode, what cannot be stored so.
            with ReplayBuffer.create(ZarrStorage, self.space, codecs=dict(self.options.codecs)):
                pass
        self._thread = ThreadPoolExecutor(1, "recording")

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *exc: object) -> None:
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def write(self, episode: Episode) -> None:
        """Make an episode durable."""
        self._thread.submit(self._write, episode).result()

    def finish(self) -> None:
        """All episodes are there: let other readers of Zarr see them. What is added to ends later."""
        if not self.appends and self._buffer is not None:
            self._thread.submit(self._buffer.seal).result()

    def _write(self, episode: Episode) -> None:
        if self._buffer is None:
            with self.destination.writing(self.options.overwrite) as location, self._new(location) as buffer:
                _add(episode, buffer)
            self.written += 1
            self._buffer = self._open()
        else:
            _add(episode, self._buffer)
            self.written += 1

    def _close(self) -> None:
        if self._buffer is not None:
            self._buffer.close()

    def _open(self) -> ReplayBuffer[Any, Any, Any, Any, Any]:
        buffer = ReplayBuffer.load_from(
            self.destination.uri,
            read_only=False,
            storage_options=dict(self.destination.storage_options),
            assume_single_writer=self.options.assume_single_writer,
        )
        if buffer.single_space != self.space:
            buffer.abandon()
            raise RecordingError(
                f"{self.destination.shown}: the dataset's rows are not those of this recording: "
                f"{_differences(buffer.single_space, self.space)}"
            )
        return buffer

    @contextlib.contextmanager
    def _new(self, location: str) -> Iterator[ReplayBuffer[Any, Any, Any, Any, Any]]:
        buffer = ReplayBuffer.create(
            ZarrStorage,
            self.space,
            cache_path=location,
            overwrite=self.options.overwrite,
            codecs=dict(self.options.codecs),
            attributes=self.attributes,
            storage_options=dict(self.destination.storage_options),
            assume_single_writer=self.options.assume_single_writer,
            commit_on_create=False,
        )
        try:
            yield buffer
        except BaseException:
            buffer.abandon()
            raise
        buffer.close()


def _add(episode: Episode, buffer: ReplayBuffer[Any, Any, Any, Any, Any]) -> None:
    """Append an episode and commit; if that fails the buffer is closed as it was before."""
    try:
        for batch in episode.rows.batches():
            buffer.append_batch(batch)
        buffer.mark_segment_end(episode.columns)
    except BaseException:
        buffer.abandon()
        raise


def _differences(there: AnySpace, here: DictSpace[Any, Any, Any]) -> str:
    """In which columns two spaces of rows differ."""
    old = there.spaces if isinstance(there, DictSpace) else {}
    told = [f"there is no {name!r}" for name in here.spaces if name not in old]
    told += [f"it has {name!r} too" for name in old if name not in here.spaces]
    told += [
        f"{name!r} is {old[name]} there and {space} here"
        for name, space in here.spaces.items()
        if name in old and old[name] != space
    ]
    return "; ".join(told)
