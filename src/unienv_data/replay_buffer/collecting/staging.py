"""Steps that have been made and stand ready for the buffers, in arrays of this process.

Handing a buffer one row costs it as much as handing it a hundred. So steps are gathered here, one copy an
array and step, and go on in blocks: when a buffer is about to be looked at or changed, or when there is no
more room. Nobody sees a buffer without them.
"""

from __future__ import annotations

import os
import weakref
from collections import deque
from collections.abc import Mapping, Sequence, Set
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import ReadOnlyError
from unienv_data.replay_buffer.collecting.canonical import Field, Step
from unienv_data.replay_buffer.collecting.layout import AnyBuffer, is_durable
from unienv_data.replay_buffer.collecting.leaves import (
    LeafPath,
    StagedLeaf,
    fits_form,
    forms_of,
    leaves_of,
    nested,
    room_for,
    write_steps,
)
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_utils import batch_space

__all__ = ["StagedSteps", "can_be_staged"]

_FEWEST_STEPS = 8


def can_be_staged(space: AnySpace, slots: int) -> bool:
    """Whether transitions of this space can be gathered, and are small enough for it to be of use."""
    return space.backend is NumpyComputeBackend and room_for(space, slots) >= _FEWEST_STEPS


class StagedSteps:
    """A ring of steps, which one thread fills, and which whoever uses a buffer empties into it.

    Positions are counted on for ever, so that the two need no lock: the thread that collects writes where
    nobody reads, and says last that it has.

    Args:
        space: the space of a row.
        buffers: one that takes the rows of all slots, step by step, or one for each slot.
        slots: B, the number of slots.
        by_slot: whether there is a buffer for each slot.
        constants: members of the steps' batches, by key, that are the same at every step.
        kept: keys of members whose arrays do not change once they have been given: "next_obs" of a step is
            "obs" of the next one.
        is_whole: whether what comes is sure to be a dict of all members and no others.
        fields: where the members that are not constant stand in steps; None where they do not.
    """

    def __init__(
        self,
        space: AnySpace,
        buffers: Sequence[AnyBuffer],
        slots: int,
        *,
        by_slot: bool,
        constants: Mapping[str, Any],
        kept: Set[str],
        is_whole: bool,
        fields: Mapping[str, Field] | None,
    ) -> None:
        self._space, self._batched = space, batch_space(space, slots)
        self._slots, self._by_slot = slots, by_slot
        self._room = room_for(space, slots)
        self._all_forms = forms_of(space)
        self._forms = [form for form in self._all_forms if form[0] or not is_whole]
        self._leaves = [StagedLeaf(path, leaf, self._room, slots) for path, leaf in leaves_of(space)]
        constant = [leaf for leaf in self._leaves if leaf.path and leaf.path[0] in constants]
        for leaf in constant:
            leaf.fill(constants[leaf.path[0]])
        self._changing = [leaf for leaf in self._leaves if leaf not in constant]
        self._plans = list(self._planned(self._changing, kept).items())
        self._fields: list[tuple[Any, ...]] = []
        if fields is not None and all(len(leaf.path) == 1 for leaf in self._changing):
            self._fields = self._planned(self._changing, kept, fields).get((), [])
        self.takes_steps = bool(self._fields)
        self._full = self._room  # the position that has no room before somebody takes what there is
        self._end = 0  # the position that comes next
        self._taken = [0 for _ in buffers]  # how far each buffer has come
        self._segments: list[deque[int]] = [deque() for _ in buffers]  # the positions at which they end
        self._recorded = np.ones((self._room, slots), dtype=np.bool_)
        self._partial_end = 0  # from here on, every slot of every step counts
        # Buffers hold on to this; were it to hold on to them, they would not go as soon as they are dropped.
        self._buffers = tuple(weakref.ref(buffer) for buffer in buffers)
        self.process = os.getpid()
        for number, buffer in enumerate(buffers):
            buffer.feed_from(partial(self._give, number))

    @staticmethod
    def _planned(
        leaves: Sequence[StagedLeaf], kept: Set[str], fields: Mapping[str, Field] | None = None
    ) -> dict[LeafPath, list[tuple[Any, ...]]]:
        """How to write the leaves, by the path of the dict or tuple that holds them."""
        plans: dict[LeafPath, list[tuple[Any, ...]]] = {}
        seen: dict[tuple[LeafPath, AnySpace], list[Any]] = {}
        # What was "next_obs" at the step before is looked for before another "next_obs" is remembered.
        for leaf in sorted(leaves, key=lambda leaf: leaf.path[:1] == ("next_obs",)):
            first = leaf.path[0] if leaf.path else None
            where = ("obs", *leaf.path[1:]) if first == "next_obs" else leaf.path
            known = seen.setdefault((where, leaf.space), [None]) if first in kept else []
            plan = leaf.plan(known, fields[leaf.path[0]] if fields else None)
            plans.setdefault(leaf.path[:-1], []).append(plan)
        return plans

    # What the thread that collects does

    def take_step(self, step: Step) -> None:
        """Write a step of all slots as it is, with which no segment ends, and publish it.

        Only where `takes_steps`. What `write_all` and `publish` do, without a call more than needed.

        Raises:
            SpaceValueError: a part of it does not fit the space.
        """
        write_steps(self._fields, self._place() if self._end == self._full else self._end % self._room, step)
        if self._partial_end > self._end - self._room:
            self._recorded[self._end % self._room] = True
        self._end += 1

    def write_all(self, transitions: Any) -> None:
        """Write the transitions of a step, a batch of B rows, where nobody sees them yet.

        Raises:
            SpaceValueError: one does not fit the space.
        """
        at = self._place()
        if self._forms and not fits_form(transitions, self._forms):
            transitions = self._batched.coerce(transitions)
        for path, plans in self._plans:
            part = transitions
            for key in path:
                part = part[key]
            write_steps(plans, at, part)

    def write_some(self, chosen: NDArray[np.bool_], transitions: Any) -> None:
        """Write the transitions of some slots, where nobody sees them yet.

        Args:
            chosen: (B,) which slots, M of them.
            transitions: a batch of M rows.

        Raises:
            SpaceValueError: one does not fit the space.
        """
        count = int(np.count_nonzero(chosen))
        at = self._place()
        if not fits_form(transitions, self._all_forms):
            transitions = batch_space(self._space, count).coerce(transitions)
        for leaf in self._changing:
            value = transitions
            for key in leaf.path:
                value = value[key]
            leaf.write_some(at, chosen, batch_space(leaf.space, count), value)

    def write_one(self, slot: int, transition: Any) -> None:
        """Write the transition of one slot, where nobody sees it yet.

        Raises:
            SpaceValueError: it does not fit the space.
        """
        at = self._place()
        if not fits_form(transition, self._all_forms):
            transition = self._space.coerce(transition)
        for leaf in self._leaves:
            leaf.write_one(at, slot, transition)

    def _place(self) -> int:
        """Where the next step goes."""
        if self._end == self._full:
            self.hand_over()
            self._full = min(self._taken) + self._room
        return self._end % self._room

    def publish(self, recorded: NDArray[np.bool_] | None, ended: Sequence[int]) -> None:
        """Make what has been written a step.

        Args:
            recorded: (B,) whether a slot's transition counts; None where all do.
            ended: the buffers of which a segment ends with this step.
        """
        if recorded is not None:
            self._recorded[self._end % self._room] = recorded
            self._partial_end = self._end + 1
        elif self._partial_end > self._end - self._room:
            self._recorded[self._end % self._room] = True
        for number in ended:
            self._segments[number].append(self._end + 1)
        self._end += 1

    def hand_over(self) -> None:
        """Have every buffer take what there is for it."""
        for buffer in self._held():
            buffer.take_in()

    def detach(self) -> None:
        """Have every buffer take what there is for it, and ask no more."""
        self.hand_over()
        for buffer in self._held():
            buffer.feed_from(None)

    def _held(self) -> list[AnyBuffer]:
        return [buffer for reference in self._buffers if (buffer := reference()) is not None]

    # What happens before anybody uses a buffer, who holds its mutex

    def _give(self, number: int) -> None:
        """Append to a buffer what there is for it."""
        start, end = self._taken[number], self._end
        if start == end:
            return
        buffer = self._buffers[number]()
        if buffer is None:  # nobody could have called this
            return
        if self.process != os.getpid() and is_durable(buffer):
            return  # a forked child reads what its parent has written, and writes nothing
        slot = number if self._by_slot else None
        count = end - start
        recorded = self._recorded_rows(start, count, slot)
        arrays = {leaf.path: leaf.rows(start, count, slot) for leaf in self._leaves}
        if recorded is not None:
            arrays = {path: rows[recorded] for path, rows in arrays.items()}
        ends = [position - start for position in tuple(self._segments[number]) if position <= end]
        each = 1 if self._by_slot else self._slots
        rows_before = [
            steps * each if recorded is None else int(np.count_nonzero(recorded[: steps * each]))
            for steps in ends
        ]
        buffer.append_batch(nested(self._space, arrays), ends=rows_before)
        self._taken[number] = end
        for _ in ends:
            self._segments[number].popleft()

    def _recorded_rows(self, start: int, count: int, slot: int | None) -> NDArray[np.bool_] | None:
        """(N,) which rows of some steps count; None where all do."""
        if self._partial_end <= start:
            return None
        steps = np.arange(start, start + count) % self._room
        return self._recorded[steps].reshape(-1) if slot is None else self._recorded[steps, slot]

    def take_over_process(self) -> None:
        """Go on in a forked child.

        Raises:
            ReadOnlyError: the buffers are its parent's to write.
        """
        if any(is_durable(buffer) for buffer in self._held()):
            raise ReadOnlyError(
                f"the replay buffers are written by process {self.process}; a forked child cannot write, "
                "give it buffers of its own"
            )
        self.process = os.getpid()
