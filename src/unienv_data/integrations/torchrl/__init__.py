"""Storages and buffers for TorchRL's replay buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.integrations.torchrl.storage import to_torchrl

__all__ = ["to_torchrl"]

__getattr__, __dir__ = lazy_exports(globals(), {"to_torchrl": "unienv_data.integrations.torchrl.storage"})
