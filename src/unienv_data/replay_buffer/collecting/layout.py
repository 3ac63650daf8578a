"""Which buffer takes which slot's transitions. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, cast

from unienv_data.errors import ReadOnlyError, SegmentError, SpaceError
from unienv_data.replay_buffer.replay_buffer import ReplayBuffer
from unienv_data.storages import CommittingStorage

__all__ = ["AnyBuffer", "Mode", "ResolvedMode", "check_usable", "is_durable", "listed", "resolve_mode"]

AnyBuffer: TypeAlias = ReplayBuffer[Any, Any, Any, Any, Any]
Mode: TypeAlias = Literal["auto", "shared", "per_env"]
ResolvedMode: TypeAlias = Literal["shared", "per_env"]

_MODES = ("auto", "shared", "per_env")


def listed(buffers: AnyBuffer | Sequence[AnyBuffer]) -> list[AnyBuffer]:
    """One buffer, or several, as a list.

    Raises:
        SpaceError: there is none, one comes twice, or something is no buffer.
    """
    found = [buffers] if isinstance(buffers, ReplayBuffer) else list(buffers)
    for position, buffer in enumerate(found):
        if not isinstance(buffer, ReplayBuffer):
            kind = type(buffer).__name__
            raise SpaceError(f"replay_buffers[{position}]: expected a ReplayBuffer, got {kind}")
        if any(buffer is other for other in found[:position]):
            raise SpaceError(
                f"replay_buffers[{position}]: the same buffer comes twice; give each slot a buffer of its own"
            )
    if not found:
        raise SpaceError("replay_buffers: expected at least one buffer, got none")
    return found


def resolve_mode(mode: Any, batch_size: int | None, count: int) -> ResolvedMode:
    """The mode that `mode` means for so many slots and buffers.

    Args:
        mode: "auto", "shared" or "per_env". "auto" is "shared" for one buffer, and "per_env" for as many
            buffers as slots.
        batch_size: number of slots B; None for an environment without a batch axis, which has one.
        count: number of buffers.

    Raises:
        SpaceError: the numbers do not go with the mode.
    """
    if mode not in _MODES:
        raise SpaceError(f"replay_mode: expected one of {', '.join(map(repr, _MODES))}, got {mode!r}")
    slots = 1 if batch_size is None else batch_size
    said = f"batch_size {batch_size}"
    if mode == "auto":
        if count not in (1, slots):
            either = "one replay buffer" + (f" (shared) or {slots} (per_env)" if slots > 1 else "")
            raise SpaceError(
                f"replay_buffers: expected {either} for an environment of {said}, got {count}; give one to "
                "share, or one for each slot"
            )
        return "shared" if count == 1 else "per_env"
    if mode == "shared" and count != 1:
        raise SpaceError(
            f"replay_buffers: expected one replay buffer in mode 'shared', got {count}; give one, or choose "
            "mode 'per_env'"
        )
    if mode == "per_env" and count != slots:
        raise SpaceError(
            f"replay_buffers: expected {slots} in mode 'per_env', one for each slot of an environment of "
            f"{said}, got {count}; give {slots}, or one in mode 'shared'"
        )
    return cast(ResolvedMode, mode)


def check_usable(
    buffers: Sequence[AnyBuffer], *, own: Sequence[AnyBuffer] = (), ending: bool = False
) -> None:
    """Check that episodes can be recorded into buffers.

    Args:
        buffers: the buffers.
        own: those that are collected into already, by whoever asks.
        ending: whether open segments of those are about to end.

    Raises:
        ClosedError: one is closed.
        ReadOnlyError: one was opened for reading.
        SegmentError: one has an open segment, or is being collected into by somebody else.
        SpaceError: one has other rows than the first.
    """
    for position, buffer in enumerate(buffers):
        name = f"replay_buffers[{position}]"
        is_own = any(buffer is other for other in own)
        buffer._require_open()
        if not buffer.is_mutable:
            raise ReadOnlyError(f"{name}: opened for reading; open it with read_only=False")
        if buffer.single_space != buffers[0].single_space:
            raise SpaceError(
                f"{name}: expected the space of replay_buffers[0], {buffers[0].single_space}, "
                f"got {buffer.single_space}"
            )
        if buffer.is_fed and not is_own:
            raise SegmentError(f"{name}: another wrapper is collecting into it; close that one first")
        if buffer.has_open_segment and not (is_own and ending):
            raise SegmentError(
                f"{name}: a segment is open; call mark_segment_end() before collecting into it"
            )


def is_durable(buffer: AnyBuffer) -> bool:
    """Whether a commit makes what is in the buffer outlive the process."""
    storage = buffer.storage
    return isinstance(storage, CommittingStorage) and storage.is_durable
