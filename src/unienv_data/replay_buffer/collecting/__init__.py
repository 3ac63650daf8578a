"""Environments whose transitions go into replay buffers."""

from __future__ import annotations

from unienv_data.replay_buffer.collecting.wrapper import ReplayBufferCollectionWrapper

__all__ = ["ReplayBufferCollectionWrapper"]
