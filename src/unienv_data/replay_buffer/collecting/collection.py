"""What has become of the slots' transitions: rows, segments, commits and dumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import SegmentError, SpaceError
from unienv_data.replay_buffer.collecting.canonical import Step
from unienv_data.replay_buffer.collecting.dumping import dump_over, path_of_slot
from unienv_data.replay_buffer.collecting.layout import AnyBuffer, ResolvedMode, is_durable
from unienv_data.replay_buffer.collecting.recorders import Recorder

__all__ = ["RESET_SLOTS", "Collection", "Keeping"]

RESET_SLOTS = "reset_slots"
"""Column of the episode table: slots that were reset in the middle of an episode before the segment."""


@dataclass
class Keeping:
    """What is done with the buffers when episodes end.

    Attributes:
        dump_path: where to dump.
        dump_on_episode_end: dump when an episode ends.
        dump_on_reset_boundary: dump when a slot is reset.
        commit_on_episode_end: commit at every end of an episode; otherwise where a buffer's
            `commit_interval` has passed.
    """

    dump_path: str | PathLike[str] | None = None
    dump_on_episode_end: bool = False
    dump_on_reset_boundary: bool = False
    commit_on_episode_end: bool = True

    def required_path(self) -> str | PathLike[str]:
        """Where to dump.

        Raises:
            SpaceError: nobody said.
        """
        if self.dump_path is None:
            raise SpaceError("dump_path: expected a path, since dumps are asked for; got None")
        return self.dump_path


@dataclass
class Collection:
    """Buffers that are being collected into.

    Attributes:
        buffers: one for all slots, or one for each.
        mode: which of the two.
        recorder: puts transitions into them.
        slots: B, the number of slots.
        keeping: what is done when episodes end.
    """

    buffers: list[AnyBuffer]
    mode: ResolvedMode
    recorder: Recorder
    slots: int
    keeping: Keeping
    _cut: set[int] = field(default_factory=set)  # slots that were reset in mid-episode since the last segment
    _undumped: set[int] = field(default_factory=set)
    _dumped_to: dict[int, str | PathLike[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._durable = [is_durable(buffer) for buffer in self.buffers]

    def record(self, step: Step, recorded: NDArray[np.bool_] | None, ended: Sequence[int]) -> None:
        """Record a step, with which the episodes of some slots end; nothing of it where that fails."""
        if not ended:
            self.recorder.record(step, recorded, ())
            return
        describes = bool(self._cut)
        self.recorder.record(step, recorded, () if describes else self._of(ended))
        if describes:
            self._end_segment(0)

    def episodes_ended(self, ended: Sequence[int]) -> None:
        """Make what has been recorded durable, and dump it, as far as that is asked for."""
        numbers = self._of(ended)
        for number in numbers:
            self._commit(number)
        self._undumped.update(numbers)
        if self.keeping.dump_on_episode_end:
            self._dump(numbers)

    def episodes_began(self, chosen: NDArray[np.bool_], begun: NDArray[np.bool_]) -> None:
        """Slots have been reset.

        Args:
            chosen: (B,) which.
            begun: (B,) which of these were in the middle of an episode.
        """
        cut = np.flatnonzero(begun).tolist()
        numbers = self._of(cut)
        self._end_open(numbers)
        if self.mode == "shared" and self.slots > 1 and self.buffers[0].maintain_segment_metadata:
            self._cut.update(cut)
        if self.keeping.dump_on_reset_boundary:
            numbers = self._of(np.flatnonzero(chosen).tolist())
            path = self.keeping.required_path()
            self._end_open(numbers)  # those of other slots in a shared buffer: it cannot be dumped otherwise
            self._dump(
                [
                    number
                    for number in numbers
                    if number in self._undumped
                    or (self._dumped_to.get(number) != path and len(self.buffers[number]))
                ]
            )

    def end_all(self) -> None:
        """End every open segment."""
        self._end_open(range(len(self.buffers)))

    def dump_all(self) -> None:
        """Dump every buffer."""
        self._dump(range(len(self.buffers)))

    def close(self) -> None:
        """End every open segment of buffers that are not closed, and have them take what is ready."""
        self._end_open([number for number, buffer in enumerate(self.buffers) if not buffer._closed])
        self.recorder.detach()

    def check_replaceable(self, *, splitting: bool, ending: bool, dumping: bool) -> None:
        """Check that other buffers can take the place of these now.

        Args:
            splitting: whether episodes may be split between the two.
            ending: whether open segments are to be ended.
            dumping: whether these are to be dumped.

        Raises:
            SegmentError: a segment is open, which neither may be split nor ended, or cannot be dumped.
            SpaceError: nobody said where to dump.
        """
        if dumping:
            self.keeping.required_path()
        if ending or not self.has_open_segment:
            return
        if not splitting:
            raise SegmentError(
                "an episode is under way in the old replay buffers; swap at its end, or with "
                "allow_mid_episode=True or finalize_old_segments=True"
            )
        if dumping:
            raise SegmentError(
                "the old replay buffers have open segments, which a dump cannot hold; "
                "finalize_old_segments=True ends them first"
            )

    @property
    def has_open_segment(self) -> bool:
        """Whether a buffer has a segment open."""
        return any(buffer.has_open_segment for buffer in self.buffers)

    def _of(self, slots: Sequence[int]) -> Sequence[int]:
        """The buffers of some slots."""
        return slots if self.mode == "per_env" else [0] if slots else []

    def _end_open(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            if self.buffers[number].has_open_segment:
                self._end_segment(number)
                self._undumped.add(number)
                self._commit(number)

    def _end_segment(self, number: int) -> None:
        """End a segment; where episodes were cut short before it, the rows do not tell, so that it does."""
        said = {RESET_SLOTS: sorted(self._cut)} if self._cut else None
        self.buffers[number].mark_segment_end(said, commit=False)
        self._cut.clear()

    def _commit(self, number: int) -> None:
        buffer = self.buffers[number]
        if not self._durable[number]:
            return
        if self.keeping.commit_on_episode_end:
            buffer.commit()
        else:
            buffer._commit_if_due()

    def _dump(self, numbers: Sequence[int]) -> None:
        path = self.keeping.required_path()
        for number in numbers:
            place = path if self.mode == "shared" else path_of_slot(path, number)
            dump_over(self.buffers[number], place)
            self._dumped_to[number] = path
            self._undumped.discard(number)
