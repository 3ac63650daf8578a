"""An environment whose transitions go into replay buffers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Literal, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import SpaceError
from unienv_data.replay_buffer.collecting.builders import builder_of, slot_numbers
from unienv_data.replay_buffer.collecting.canonical import Step
from unienv_data.replay_buffer.collecting.collection import Collection, Keeping
from unienv_data.replay_buffer.collecting.lastseen import LastSeen
from unienv_data.replay_buffer.collecting.layout import (
    AnyBuffer,
    Mode,
    ResolvedMode,
    check_usable,
    listed,
    resolve_mode,
)
from unienv_data.replay_buffer.collecting.recorders import recorder_for
from unienv_data.replay_buffer.collecting.slots import Slots, ended_slots
from unienv_interface.backends.base import BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.env_base import ActType, ContextType, Env, ObsType, RenderFrame, Wrapper
from unienv_interface.errors import EnvError
from unienv_interface.transformations import DataTransformation

__all__ = ["ReplayBufferCollectionWrapper"]


class ReplayBufferCollectionWrapper(
    Wrapper[
        BArrayType,
        ContextType,
        ObsType,
        ActType,
        RenderFrame,
        BDeviceType,
        BDtypeType,
        BRNGType,
        BArrayType,
        ContextType,
        ObsType,
        ActType,
        RenderFrame,
        BDeviceType,
        BDtypeType,
        BRNGType,
    ]
):
    """Records every transition of an environment into one or more replay buffers.

    Whoever looks at a buffer sees every step that has returned. An episode is durable when its last step
    returns, in buffers that stand on disk.

    **Modes.** "shared": one buffer takes the transitions of all slots, step by step, those of a step in the
    order of the slots; `env_index` tells them apart. "per_env": each slot has a buffer of its own, and
    segments are its episodes. "auto": the first for one buffer, the second for as many as there are slots.

    **Segments.** A segment ends with the last step of an episode, and where a slot is reset in the middle of
    one. In a shared buffer of several slots it ends as soon as this happens to one of them: within a
    segment, the rows of a slot are successive steps of one episode. That goes on in the next segment, unless
    the slot's last row is `terminated` or `truncated`, or the episode table names the slot in that segment's
    column "reset_slots": it was reset in the middle of an episode before.

    **Slots that have ended** and have not been reset are not recorded, whatever the environment gives for
    them, while others go on. When all have ended, `step` is refused.

    **Transitions.** By default those of these parts that the buffers' DictSpace has: "obs", "next_obs",
    "action", "reward", "terminated", "truncated", "done" (either of the two), "context", "env_index".
    Rewards take the buffer's floating type, and everything else must be held by the buffer's types unchanged.

    Args:
        env: the environment to wrap.
        replay_buffers: one buffer, or one for each slot; of one space, writable, without an open segment.
        replay_mode: "auto", "shared" or "per_env".
        transition_builder: what makes rows. Either a function that is called with the keywords cached_obs,
            cached_context, action, next_obs, reward, terminated, truncated, env_index, rb_single_space: in
            mode "per_env" for each slot, with the values of that slot and its number; otherwise with what
            the environment takes and gives, (B, *D) arrays and (B,) numbers of the slots, or, where it has
            no batch axis, single values and None. Or a DataTransformation of the dict of all the parts
            above, (B, *D) arrays, "context" among them where the environment has contexts.
        validate_transition: check every transition by the buffers' space first. What does not fit is
            refused in any case; this makes sure that it is the space itself that says so.
        dump_on_episode_end: dump a buffer when an episode in it has ended.
        dump_on_reset_boundary: dump a buffer when a slot of it is reset, where it has changed since.
        dump_path: where: a folder or any fsspec URL; in mode "per_env", buffer i goes to `dump_path/env_<i>`.
            A dataset that stands there is replaced, once the new one is complete.
        commit_on_episode_end: commit whenever an episode ends. With short episodes and slow disks, False
            commits only where a buffer's `commit_interval` has passed: a crash then loses episodes of that
            time too.

    Attributes:
        dump_path: as given; later dumps go where it says then.

    Raises:
        SpaceError: the buffers do not go with the mode or the environment, or ask for what is not known of
            a transition; a dump is asked for without a path.
        ClosedError: a buffer is closed.
        ReadOnlyError: a buffer was opened for reading.
        SegmentError: a buffer has an open segment, or is being collected into already.
    """

    def __init__(
        self,
        env: Env[BArrayType, ContextType, ObsType, ActType, RenderFrame, BDeviceType, BDtypeType, BRNGType],
        replay_buffers: AnyBuffer | Sequence[AnyBuffer],
        replay_mode: Literal["auto", "shared", "per_env"] = "auto",
        transition_builder: Callable[..., Any] | DataTransformation | None = None,
        validate_transition: bool = False,
        dump_on_episode_end: bool = False,
        dump_on_reset_boundary: bool = False,
        dump_path: str | PathLike[str] | None = None,
        *,
        commit_on_episode_end: bool = True,
    ) -> None:
        super().__init__(env)
        self._keeping = Keeping(dump_path, dump_on_episode_end, dump_on_reset_boundary, commit_on_episode_end)
        if dump_on_episode_end or dump_on_reset_boundary:
            self._keeping.required_path()
        self._given_builder, self._validates = transition_builder, validate_transition
        self._slots = Slots(env)
        self._env_index = slot_numbers(env)
        self._seen = LastSeen(env)
        self._collection = self._prepared(listed(replay_buffers), replay_mode)()

    @classmethod
    def shared(
        cls,
        env: Env[Any, Any, Any, Any, Any, Any, Any, Any],
        replay_buffer: AnyBuffer,
        **kwargs: Any,
    ) -> ReplayBufferCollectionWrapper[Any, Any, Any, Any, Any, Any, Any, Any]:
        """Record the transitions of all slots into one buffer; further arguments are the class's."""
        return cls(env, replay_buffer, replay_mode="shared", **kwargs)

    @classmethod
    def per_env(
        cls,
        env: Env[Any, Any, Any, Any, Any, Any, Any, Any],
        replay_buffers: Sequence[AnyBuffer],
        **kwargs: Any,
    ) -> ReplayBufferCollectionWrapper[Any, Any, Any, Any, Any, Any, Any, Any]:
        """Record the transitions of each slot into a buffer of its own; further arguments are the class's."""
        return cls(env, replay_buffers, replay_mode="per_env", **kwargs)

    def _prepared(
        self,
        buffers: list[AnyBuffer],
        mode: Mode,
        *,
        own: Sequence[AnyBuffer] = (),
        ending: bool = False,
    ) -> Callable[[], Collection]:
        """What begins to collect into these buffers; whatever could be wrong with them is found before.

        Args:
            buffers: the buffers.
            mode: as the user said.
            own: those that this wrapper collects into already.
            ending: whether their open segments are about to end.
        """
        resolved = resolve_mode(mode, self.env.batch_size, len(buffers))
        check_usable(buffers, own=own, ending=ending)
        by_slot = resolved == "per_env"
        builder = builder_of(self._given_builder, self.env, buffers[0].single_space, per_env=by_slot)

        def begin() -> Collection:
            recorder = recorder_for(
                buffers, builder, self.env.batch_size, by_slot=by_slot, validates=self._validates
            )
            return Collection(buffers, resolved, recorder, self._slots.count, self._keeping)

        return begin

    @property
    def replay_buffers(self) -> list[AnyBuffer]:
        """The buffers, in the order of the slots."""
        return list(self._collection.buffers)

    @property
    def replay_mode(self) -> ResolvedMode:
        """The mode, "shared" or "per_env"."""
        return self._collection.mode

    @property
    def dump_path(self) -> str | PathLike[str] | None:
        """Where buffers are dumped; may be set to another place at any time."""
        return self._keeping.dump_path

    @dump_path.setter
    def dump_path(self, path: str | PathLike[str] | None) -> None:
        self._keeping.dump_path = path

    # Episodes

    def reset(
        self, *args: Any, mask: BArrayType | None = None, seed: int | None = None, **kwargs: Any
    ) -> tuple[ContextType, ObsType, dict[str, Any]]:
        """Begin new episodes, as the environment does; segments that were under way end.

        Raises:
            EnvError: a step or reset is under way; or the mask is none of the environment's slots.
        """
        self._refuse_pending("reset")
        chosen = self._slots.chosen(mask)
        context, observation, info = self.env.reset(*args, mask=mask, seed=seed, **kwargs)
        self._began(chosen, mask, context, observation)
        return context, observation, info

    def reset_async(
        self, *args: Any, mask: BArrayType | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        """Begin a reset that `reset_wait` ends.

        Raises:
            EnvError: a step or reset is under way; or the mask is none of the environment's slots.
        """
        self._refuse_pending("reset_async")
        chosen = self._slots.chosen(mask).copy()
        self.env.reset_async(*args, mask=mask, seed=seed, **kwargs)
        self._pending_reset = (), {"chosen": chosen, "mask": mask}

    def reset_wait(self) -> tuple[ContextType, ObsType, dict[str, Any]]:
        """End the reset that `reset_async` began; gives what `reset` does.

        Raises:
            EnvError: none was begun.
        """
        if self._pending_reset is None:
            raise EnvError(f"{type(self).__name__}.reset_wait: no reset was begun; call reset_async() first")
        (_, pending), self._pending_reset = self._pending_reset, None
        context, observation, info = self.env.reset_wait()
        self._began(pending["chosen"], pending["mask"], context, observation)
        return context, observation, info

    def _began(self, chosen: NDArray[np.bool_], mask: Any, context: Any, observation: Any) -> None:
        self._seen.begin(chosen, mask, context, observation)
        begun = self._slots.begun & chosen
        self._slots.begin(chosen)
        self._collection.episodes_began(chosen, begun)

    def step(
        self, action: ActType
    ) -> tuple[ObsType, SupportsFloat | BArrayType, bool | BArrayType, bool | BArrayType, dict[str, Any]]:
        """Act once, and record the transition.

        Raises:
            EnvError: no episode is under way, or a step or reset is.
            ClosedError: a replay buffer has been closed.
            SpaceValueError: the transition does not fit the buffers' space. Nothing of the step is recorded,
                and all episodes have to begin anew.
            OSError: the commit or dump at the end of an episode failed; the step is recorded, and the next
                commit holds it.
        """
        if self._pending_step is not None or self._pending_reset is not None:
            self._refuse_pending("step")
        if not self._slots.all_live:
            self._require_episode()
        self._collection.recorder.check()
        kept = self._seen.kept(action)
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._record(kept, observation, reward, terminated, truncated)
        return observation, reward, terminated, truncated, info

    def step_async(self, action: ActType) -> None:
        """Begin a step that `step_wait` ends.

        Raises:
            EnvError: no episode is under way, or a step or reset is.
        """
        self._refuse_pending("step_async")
        if not self._slots.all_live:
            self._require_episode()
        self._collection.recorder.check()
        kept = self._seen.kept(action)
        self.env.step_async(action)
        self._pending_step = (kept,)

    def step_wait(
        self,
    ) -> tuple[ObsType, SupportsFloat | BArrayType, bool | BArrayType, bool | BArrayType, dict[str, Any]]:
        """End the step that `step_async` began, and record the transition; as `step`.

        Raises:
            EnvError: none was begun.
        """
        if self._pending_step is None:
            raise EnvError(
                f"{type(self).__name__}.step_wait: no step was begun; call step_async(action) first"
            )
        (action,), self._pending_step = self._pending_step, None
        observation, reward, terminated, truncated, info = self.env.step_wait()
        self._record(action, observation, reward, terminated, truncated)
        return observation, reward, terminated, truncated, info

    def _require_episode(self) -> None:
        if not self._slots.live.any():
            raise EnvError(
                f"{type(self).__name__}.step: expected an episode under way, but none has begun, or all have "
                "ended; call reset() first"
            )

    def _record(self, action: Any, observation: Any, reward: Any, terminated: Any, truncated: Any) -> None:
        slots = self._slots
        ended = ended_slots(self.env, terminated, truncated)
        ending: list[int] = []
        if ended is not None:
            ended = ended & slots.live
            ending = np.flatnonzero(ended).tolist()
        seen = self._seen
        following = seen.kept(observation)
        step = Step(
            seen.observation,
            seen.context,
            action,
            following,
            reward,
            terminated,
            truncated,
            self._env_index,
        )
        try:
            self._collection.record(step, None if slots.all_live else slots.live, ending)
        except BaseException:
            slots.lose()
            raise
        seen.observation = following
        slots.stepped()
        if ended is not None and ending:
            slots.end(ended)
            self._collection.episodes_ended(ending)

    # Buffers

    def set_replay_buffers(
        self,
        replay_buffers: AnyBuffer | Sequence[AnyBuffer],
        *,
        replay_mode: Literal["auto", "shared", "per_env"] | None = None,
        require_same_space: bool = True,
        allow_mid_episode: bool = False,
        finalize_old_segments: bool = False,
        dump_old: bool = False,
    ) -> list[AnyBuffer]:
        """Go on with other buffers.

        Args:
            replay_buffers: one buffer, or one for each slot.
            replay_mode: the mode from now on; None for the present one.
            require_same_space: refuse buffers of another space.
            allow_mid_episode: let an episode that is under way be split between the old and the new.
            finalize_old_segments: end the open segments of the old buffers, and commit.
            dump_old: dump the old buffers to `dump_path`.

        Returns:
            The old buffers, which have every row, and whose open segments are open still where they were
            not to be ended.

        Raises:
            SpaceError: the new buffers do not go with the mode, the environment or the old ones; `dump_old`
                without a `dump_path`.
            SegmentError: the old buffers have open segments, which neither may be split nor ended, or are to
                be dumped and not ended; a new one has an open segment.
            OSError: ending or dumping the old ones failed; they stay in use.
        """
        old = self._collection
        new = listed(replay_buffers)
        mode: Mode = old.mode if replay_mode is None else replay_mode
        if require_same_space and new[0].single_space != old.buffers[0].single_space:
            raise SpaceError(
                f"replay_buffers: expected the space of the old ones, {old.buffers[0].single_space}, got "
                f"{new[0].single_space}; require_same_space=False allows it"
            )
        old.check_replaceable(splitting=allow_mid_episode, ending=finalize_old_segments, dumping=dump_old)
        begin = self._prepared(new, mode, own=old.buffers, ending=finalize_old_segments)
        if finalize_old_segments:
            old.end_all()
        if dump_old:
            old.dump_all()
        old.recorder.detach()
        self._collection = begin()
        return old.buffers

    buffer_swap = set_replay_buffers

    def close(self) -> None:
        """End the segments that are under way, and close the environment; the buffers stay open."""
        try:
            self._collection.close()
        finally:
            self._slots.lose()
            self.env.close()
