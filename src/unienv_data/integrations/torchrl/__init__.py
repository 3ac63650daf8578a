"""Storages and buffers for TorchRL's replay buffers. Needs the extra `torchrl`."""

from __future__ import annotations

from unienv_data.integrations.torchrl.storage import to_torchrl

__all__ = ["to_torchrl"]
