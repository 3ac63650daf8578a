"""Being asked to end while something is half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["ending_as_exceptions"]


@contextmanager
def ending_as_exceptions() -> Iterator[None]:
    """Have SIGINT, SIGTERM and SIGHUP raise, so that what is half done is cleaned up on the way out.

    SIGINT raises KeyboardInterrupt, the others SystemExit with the code that a shell gives for them. After
    the first signal the next are ignored until the context is left: they would break into the cleaning up.
    Does nothing outside the main thread, which alone receives signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]

    def end(number: int, frame: FrameType | None) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    previous = {number: signal.getsignal(number) for number in numbers}
    # nohup and background jobs ignore some: that stays.
    handled = [number for number in numbers if previous[number] not in (signal.SIG_IGN, None)]
    try:
        for number in handled:
            signal.signal(number, end)
        yield
    finally:
        for number in numbers:
            if previous[number] is not None:
                signal.signal(number, previous[number])
