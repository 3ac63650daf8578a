"""Files that have been written and are to be made durable: of large ones that begins at once."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from unienv_data.store import platform

__all__ = ["UnsyncedFiles"]

_BEGIN_AT_ONCE = 1 << 20  # bytes: smaller files cost more to hand over than to wait for
_THREADS = 2
_WORTH_THREADS = 4

_executor: ThreadPoolExecutor | None = None
_forks = 0


def _threads() -> ThreadPoolExecutor:
    global _executor
    if _executor is None:
        _executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="unienv-data-sync")
    return _executor


def _forget() -> None:
    # The parent's threads do not exist in the child, nor does what they were to do.
    global _executor, _forks
    _executor = None
    _forks += 1


platform.on_fork(_forget)


class UnsyncedFiles:
    """Paths of files that were written and never synced."""

    def __init__(self) -> None:
        self._begun: dict[str, Future[Any] | None] = {}
        self._forks = _forks

    def add(self, path: str, size: int) -> None:
        """A file has been written, with so many bytes, and will not change."""
        begins = size >= _BEGIN_AT_ONCE
        self._begun[path] = _threads().submit(platform.sync_file, path) if begins else None

    def forget(self, path: str) -> None:
        """A file is no longer wanted."""
        begun = self._begun.pop(path, None)
        if begun is not None and not begun.cancel() and self._forks == _forks:
            with contextlib.suppress(OSError):
                begun.result()

    def paths(self) -> list[str]:
        """The files that have still to be synced."""
        return list(self._begun)

    def sync(self) -> None:
        """Have every file on the disk.

        Raises:
            OSError: one could not be written; all stay what they are.
        """
        waiting = [path for path, begun in self._begun.items() if begun is None]
        if (
            len(waiting) >= _WORTH_THREADS
        ):  # the system writes several at a time sooner than one after another
            self._begun |= {path: _threads().submit(platform.sync_file, path) for path in waiting}
        for path, begun in self._begun.items():
            # Linux tells of a failure once: whoever has synced before has heard of it.
            if begun is None or self._forks != _forks:
                platform.sync_file(path)
            else:
                begun.result()

    def clear(self) -> None:
        """All has been made durable."""
        self._begun.clear()
