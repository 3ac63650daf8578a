"""Processes that share a buffer: each operation of one is a turn, in which no other writes."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from unienv_data.storages import CommittingStorage
from unienv_data.store import platform

__all__ = ["Turns", "process_has_ended", "this_process"]

_HERE: AbstractContextManager[None] = nullcontext()


def this_process() -> str:
    """Who this process is, among those that may share a buffer."""
    return f"{socket.gethostname()}:{os.getpid()}"


def process_has_ended(name: str) -> bool:
    """Whether a process that `this_process` named runs no more; False where nobody here can tell."""
    host, _, pid = name.rpartition(":")
    return host == socket.gethostname() and pid.isdigit() and not platform.process_exists(int(pid))


class Turns:
    """The turns of one process.

    A turn waits for the others', goes to the newest commit, and ends with a commit; where it fails, nothing
    of it stays.

    Args:
        storage: what is shared.
        arrive: called at the beginning of a turn, on the newest commit.
        commit: called at its end.
        leave: called when the turn is over, on the commit that it left.
    """

    def __init__(
        self,
        storage: CommittingStorage[Any, Any, Any, Any, Any],
        arrive: Callable[[], None],
        commit: Callable[[], None],
        leave: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._arrive = arrive
        self._commit = commit
        self._leave = leave
        self._mutex = threading.RLock()
        self._taken = False

    @property
    def taken(self) -> bool:
        """Whether it is this process's turn."""
        return self._taken

    def turn(self) -> AbstractContextManager[None]:
        """The turn, for as long as the context lasts; within a turn, no other one."""
        return _HERE if self._taken else self._take()

    @contextmanager
    def _take(self) -> Iterator[None]:
        with self._mutex:
            self._storage.begin_turn()
            self._taken = True
            try:
                self._arrive()
                yield
                self._commit()
            finally:
                self._taken = False
                self._storage.end_turn()
                self._leave()
