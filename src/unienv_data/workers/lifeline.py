"""A process that ends when the one that started it does, whatever it is doing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing import connection
from types import FrameType
from typing import Any

from unienv_data.store import platform

__all__ = ["Termination", "end_with_parent"]

_LOOK_EVERY = 1.0  # seconds, where the system does not tell that a process has ended
_GRACE = 1.0  # seconds in which to end in an orderly way


class Termination(SystemExit):
    """This process has been told to end: no failure of what it is working on."""


def end_with_parent() -> None:
    """Have this process, started by `multiprocessing`, end as soon as its parent does.

    Its main thread is to call this. An interrupt from the terminal, which reaches all processes, is left to
    the parent; a termination signal raises `Termination`, which ends this process in an orderly way.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        arguments = (parent.sentinel, parent.pid)
        threading.Thread(target=_watch, args=arguments, daemon=True, name="unienv-data-lifeline").start()


def _watch(sentinel: Any, parent: int) -> None:
    # The sentinel is a pipe, whose other end others may hold who have been forked from the parent.
    handle = platform.process_handle(parent)
    watched = [sentinel] if handle is None else [sentinel, handle]
    timeout = None if handle is not None else _LOOK_EVERY
    while not connection.wait(watched, timeout) and platform.process_exists(parent):
        pass
    if sys.platform != "win32":
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_GRACE)
    os._exit(1)


def _leave(number: int, frame: FrameType | None) -> None:
    raise Termination(128 + number)
