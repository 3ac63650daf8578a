"""Waiting for a lock that others hold for moments."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from unienv_data.errors import WriterLockedError

__all__ = ["wait_for_lock"]

T = TypeVar("T")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.02  # seconds


def wait_for_lock(take: Callable[[], T], seconds: float) -> T:
    """Try `take` until it gets the lock.

    Raises:
        WriterLockedError: it has not within `seconds`; names the holder.
    """
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            return take()
        except WriterLockedError:
            if time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
