"""Buffers of rows: growing or rings, with episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.replay_buffer.collecting import ReplayBufferCollectionWrapper
    from unienv_data.replay_buffer.replay_buffer import ReplayBuffer

__all__ = ["ReplayBuffer", "ReplayBufferCollectionWrapper"]

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "ReplayBuffer": "unienv_data.replay_buffer.replay_buffer",
        "ReplayBufferCollectionWrapper": "unienv_data.replay_buffer.collecting",
    },
)
