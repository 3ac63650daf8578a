"""Circular memories of PyTorch tensors, for agents that learn while they act. Needs the extra `torch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.memory.memory import Memory
    from unienv_data.memory.random_memory import RandomMemory

__all__ = ["Memory", "RandomMemory"]

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "Memory": "unienv_data.memory.memory",
        "RandomMemory": "unienv_data.memory.random_memory",
    },
)
