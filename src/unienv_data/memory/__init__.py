"""Circular memories of PyTorch tensors, for agents that learn while they act. Needs the extra `torch`."""

from __future__ import annotations

from unienv_data.memory.memory import Memory
from unienv_data.memory.random_memory import RandomMemory

__all__ = ["Memory", "RandomMemory"]
