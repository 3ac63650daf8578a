"""What happens to open buffers at the end of the process."""

from __future__ import annotations

import atexit
import os
from typing import Protocol

__all__ = ["commit_at_exit", "forget"]


class _Closable(Protocol):
    def close(self) -> None: ...


# Strong references: a buffer that its user has dropped without closing it still has rows to commit.
_open: dict[int, tuple[int, _Closable]] = {}


def commit_at_exit(buffer: _Closable) -> None:
    """Have `buffer` closed, and so committed, when the interpreter ends normally."""
    _open[id(buffer)] = (os.getpid(), buffer)


def forget(buffer: _Closable) -> None:
    """`buffer` has been closed."""
    _open.pop(id(buffer), None)


@atexit.register
def _close_all() -> None:
    failures: list[Exception] = []
    for owner, buffer in list(_open.values()):
        if owner != os.getpid():  # a forked child is not the writer of what it inherited
            continue
        try:
            buffer.close()
        except Exception as exc:
            failures.append(exc)  # the other buffers have rows of their own to commit
    if failures:
        raise ExceptionGroup("buffers that could not be committed at the end of the process", failures)
