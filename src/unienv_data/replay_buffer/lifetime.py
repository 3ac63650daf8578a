"""What happens to buffers that nobody closes: when they are dropped, and at the end of the process."""

from __future__ import annotations

import atexit
import contextlib
import os
import weakref
from typing import Protocol

__all__ = ["close_dropped", "commit_at_exit", "drop", "forget"]


class _Closable(Protocol):
    def close(self) -> None: ...


_open: dict[int, tuple[int, weakref.ref[_Closable]]] = {}
_dropped: dict[int, tuple[int, _Closable]] = {}


def commit_at_exit(buffer: _Closable) -> None:
    """Have `buffer` closed, and so committed, when the interpreter ends normally."""
    _open[id(buffer)] = (os.getpid(), weakref.ref(buffer))


def forget(buffer: _Closable) -> None:
    """`buffer` has been closed."""
    _open.pop(id(buffer), None)
    _dropped.pop(id(buffer), None)


def drop(buffer: _Closable) -> None:
    """Keep `buffer`, to which nobody refers any more, until it can be closed.

    Its finalizer calls this, in the midst of anything: that is no time to write.
    """
    owner, _ = _open.pop(id(buffer), (0, None))
    if owner == os.getpid():  # a forked child is not the writer of what it inherited
        _dropped[id(buffer)] = (owner, buffer)


def close_dropped() -> None:
    """Close what has been dropped, so that its rows are committed and its place can be opened again.

    What cannot be committed now is tried again at the end of the process, which says so.
    """
    for owner, buffer in list(_dropped.values()):
        if owner == os.getpid():
            with contextlib.suppress(Exception):
                buffer.close()


@atexit.register
def _close_all() -> None:
    failures: list[Exception] = []
    known = [(owner, reference()) for owner, reference in _open.values()]
    for owner, buffer in [*_dropped.values(), *known]:
        if owner != os.getpid() or buffer is None:
            continue
        try:
            buffer.close()
        except Exception as exc:
            failures.append(exc)  # the other buffers have rows of their own to commit
    if failures:
        raise ExceptionGroup("buffers that could not be committed at the end of the process", failures)
