"""Where the position of a memory is kept: in one process, or in all that share it."""

from __future__ import annotations

import multiprocessing
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from unienv_data.memory.position import Position
from unienv_interface._optional import import_optional

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["Place"]


class Place:
    """The position of a memory, and the turn of who looks at it or moves it.

    Args:
        position: where the memory stands.
    """

    def __init__(self, position: Position) -> None:
        self._memory_size = position.memory_size
        self._num_envs = position.num_envs
        self._numbers = torch.zeros(3, dtype=torch.int64)
        self._turn: AbstractContextManager[Any] = nullcontext()
        self.move_to(position)

    @property
    def is_shared(self) -> bool:
        """Whether other processes may have it."""
        return bool(self._numbers.is_shared())

    def share(self) -> None:
        """Keep the position in memory that processes share; those started from now on may get it."""
        if not self.is_shared:
            # Spawned processes receive it too, which is not so of a lock of the fork context.
            self._turn = multiprocessing.get_context("spawn").RLock()
            self._numbers.share_memory_()

    def turn(self) -> AbstractContextManager[Any]:
        """The time in which no other process looks at the memory or changes it. May be nested."""
        return self._turn

    def position(self) -> Position:
        """Where the memory stands."""
        row, env, filled = self._numbers.tolist()
        return Position(self._memory_size, self._num_envs, row, env, bool(filled))

    def move_to(self, position: Position) -> None:
        """Have the memory stand there."""
        numbers = (position.memory_index, position.env_index, int(position.filled))
        self._numbers.copy_(torch.tensor(numbers, dtype=torch.int64))
