"""How transitions get into the buffers."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ClosedError
from unienv_data.replay_buffer.collecting.builders import TransitionBuilder
from unienv_data.replay_buffer.collecting.canonical import Step
from unienv_data.replay_buffer.collecting.layout import AnyBuffer
from unienv_data.replay_buffer.collecting.staging import StagedSteps, can_be_staged
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_utils import batch_space, get_at

__all__ = ["Recorder", "recorder_for"]


class Recorder(ABC):
    """Puts the transitions of a step into the buffers, all or none.

    Args:
        buffers: one for all slots, or one for each.
        builder: makes the transitions.
        slots: B, the number of slots; None for an environment without a batch axis.
        by_slot: whether there is a buffer for each slot.
        validates: whether every transition is checked by its space, whatever happens to it afterwards.
    """

    def __init__(
        self,
        buffers: Sequence[AnyBuffer],
        builder: TransitionBuilder,
        slots: int | None,
        *,
        by_slot: bool,
        validates: bool,
    ) -> None:
        self._buffers, self._builder = buffers, builder
        self._slots, self._by_slot, self._validates = slots, by_slot, validates
        self._build, self._is_per_slot = builder.build, builder.is_per_slot
        self._is_detached = False
        self._space: AnySpace = buffers[0].single_space
        self._batched: AnySpace = batch_space(self._space, slots or 1)

    @abstractmethod
    def record(self, step: Step, recorded: NDArray[np.bool_] | None, ended: Sequence[int]) -> None:
        """Record a step.

        Args:
            step: what is known of it.
            recorded: (B,) the slots whose transitions count; None for all.
            ended: the buffers of which a segment ends with it.

        Raises:
            SpaceValueError: a transition does not fit the buffers' space; nothing is recorded.
        """

    def detach(self) -> None:
        """Have the buffers take what is ready; nothing is recorded afterwards. A second call does nothing."""
        self._is_detached = True

    def check(self) -> None:
        """Check that what is recorded can reach the buffers.

        Raises:
            ClosedError: a buffer has been closed, or `detach` was called.
            ReadOnlyError: this is a forked child, and its parent writes them.
        """
        if self._is_detached:
            raise ClosedError("the collection wrapper has been closed; wrap the environment anew")
        for buffer in self._buffers:
            if buffer._closed:
                buffer._require_open()

    def _built(self, step: Step, recorded: NDArray[np.bool_] | None) -> Any:
        """The transitions of the slots that count, as one batch; checked by the space if that was asked for.

        What the environment gives for other slots need not be in its spaces.
        """
        transitions = self._build(step)
        if recorded is not None:
            try:
                transitions = get_at(self._batched, transitions, recorded)
            except (KeyError, TypeError, IndexError, ValueError):
                self._batched.coerce(transitions)  # which says what is wrong
                raise
        return self._space_of(recorded).coerce(transitions) if self._validates else transitions

    def _space_of(self, recorded: NDArray[np.bool_] | None) -> AnySpace:
        if self._slots is None:
            return self._space
        return (
            self._batched if recorded is None else batch_space(self._space, int(np.count_nonzero(recorded)))
        )

    def _built_slot(self, step: Step, slot: int) -> Any:
        transition = self._builder.build_slot(step, slot)
        return self._space.coerce(transition) if self._validates else transition


class _Staging(Recorder):
    """Gathers steps before the buffers take them."""

    def __init__(
        self,
        buffers: Sequence[AnyBuffer],
        builder: TransitionBuilder,
        slots: int | None,
        *,
        by_slot: bool,
        validates: bool,
    ) -> None:
        super().__init__(buffers, builder, slots, by_slot=by_slot, validates=validates)
        self._staged = StagedSteps(
            self._space,
            buffers,
            slots or 1,
            by_slot=by_slot,
            constants={} if slots is None else builder.constants,
            kept=builder.given - {"action"},
            is_whole=builder.is_whole,
            fields=None if slots is None or validates else builder.fields,
        )
        self._takes_steps = self._staged.takes_steps

    def record(self, step: Step, recorded: NDArray[np.bool_] | None, ended: Sequence[int]) -> None:
        if self._takes_steps and recorded is None and not ended:
            self._staged.take_step(step)
            return
        if self._slots is None:
            self._staged.write_one(0, self._built(step, None))
        elif not self._is_per_slot:
            if recorded is None:
                self._staged.write_all(self._built(step, None) if self._validates else self._build(step))
            else:
                self._staged.write_some(recorded, self._built(step, recorded))
        else:
            for slot in range(self._slots) if recorded is None else np.flatnonzero(recorded).tolist():
                self._staged.write_one(slot, self._built_slot(step, slot))
        self._staged.publish(recorded, ended)

    def detach(self) -> None:
        if not self._is_detached:
            self._staged.detach()
        super().detach()

    def check(self) -> None:
        if self._staged.process != os.getpid():
            self._staged.take_over_process()
        super().check()


class _Direct(Recorder):
    """Appends at every step: for arrays that are not the host's, and for large ones."""

    def record(self, step: Step, recorded: NDArray[np.bool_] | None, ended: Sequence[int]) -> None:
        if self._slots is None:
            self._buffers[0].append(self._checked(step, None))
        elif not self._by_slot:
            self._buffers[0].append_batch(self._checked(step, recorded))
        else:
            for slot, transition in self._of_slots(step, recorded).items():  # all of which fit
                self._buffers[slot].append(transition)
        for number in ended:
            self._buffers[number].mark_segment_end(commit=False)

    def _of_slots(self, step: Step, recorded: NDArray[np.bool_] | None) -> dict[int, Any]:
        slots = range(self._slots or 1) if recorded is None else np.flatnonzero(recorded).tolist()
        if self._is_per_slot:
            return {slot: self._space.coerce(self._built_slot(step, slot)) for slot in slots}
        transitions = self._checked(step, recorded)
        return {slot: get_at(self._batched, transitions, i) for i, slot in enumerate(slots)}

    def _checked(self, step: Step, recorded: NDArray[np.bool_] | None) -> Any:
        return self._space_of(recorded).coerce(self._built(step, recorded))


def recorder_for(
    buffers: Sequence[AnyBuffer],
    builder: TransitionBuilder,
    slots: int | None,
    *,
    by_slot: bool,
    validates: bool,
) -> Recorder:
    """The recorder that suits these buffers; the arguments are those of `Recorder`."""
    # Processes that share a buffer are to see every step.
    stages = can_be_staged(buffers[0].single_space, slots or 1) and not any(
        buffer.is_multiprocessing_safe for buffer in buffers
    )
    kind = _Staging if stages else _Direct
    return kind(buffers, builder, slots, by_slot=by_slot, validates=validates)
