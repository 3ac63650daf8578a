"""Which objects are brought when: those that somebody reads at once, those that are expected ahead of it."""

from __future__ import annotations

import os
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial

from unienv_data.base.expectation import Expectation
from unienv_data.store import platform
from unienv_data.store.cache.landing import Lander
from unienv_data.store.cache.names import is_kept
from unienv_data.store.cache.place import KeepingPlace

__all__ = ["Fetcher"]

_THREADS = 8
_IN_FLIGHT_BYTES = 256 << 20
_LIKELY_BYTES = 8 << 20  # of an object of an array of which none has come yet
_LIKELY_PARTS = 8  # but no more than this part of the budget
_GLANCE = 0.05  # seconds for which the background does; whoever sweeps holds a lock for less
_PATIENCE = 60.0  # seconds for which a reader waits for another process that brings what it needs


class Fetcher:
    """Brings whole objects of one dataset, several at a time.

    What is expected is brought in the order in which it was asked for, as long as there is room for it beside
    what was expected before and has not been released. A reader that needs something takes it out of turn.
    An error is the reader's who needs the object, and who tries once more first.

    Args:
        lander: brings one.
        folder: where they go.
        eager: bring whatever is read; without it, only what is expected.
        follows: another process says what is kept, and sees to it that there is room: what is expected here
            is brought if it is not there yet, and stays as long as that process wants it.
    """

    def __init__(self, lander: Lander, folder: KeepingPlace, *, eager: bool, follows: bool = False) -> None:
        self.folder = folder
        self._lander = lander
        self._eager = eager
        self._follows = follows
        self._renew()

    def _renew(self) -> None:
        self._pid = os.getpid()
        self._mutex = threading.RLock()
        self._queue: OrderedDict[str, None] = OrderedDict()
        self._under_way: dict[str, Future[bool]] = {}
        self._pins: Counter[str] = Counter()
        self._pinned_paths: set[str] = set()
        self._held: dict[str, int] = {}  # bytes of what is pinned and here, or on its way
        self._held_bytes = 0

    def _own(self) -> None:
        """Begin anew in a forked child, which has none of its parent's threads."""
        if self._pid != os.getpid():
            self._renew()

    # Ahead of reading

    def expect(self, names: Sequence[str]) -> Expectation:
        """Have objects brought ahead of being read, and kept until what is returned is released."""
        self._own()
        wanted = [name for name in dict.fromkeys(names) if is_kept(name)]
        if not wanted or self._lander.is_broken:
            return Expectation()
        with self._mutex:
            for name in wanted:
                self._pins[name] += 1
                self._pinned_paths.add(self.folder.path(name))
                size = self.folder.size(name)
                if size is not None:
                    self._hold(name, size)
                elif name not in self._under_way:
                    self._queue.setdefault(name)
            self.folder.touch(wanted)
            self._pump()
        return Expectation(partial(self._release, wanted, self._pid))

    def _release(self, names: Sequence[str], pid: int) -> None:
        if pid != os.getpid():
            return
        done: list[str] = []
        with self._mutex:
            for name in names:
                self._pins[name] -= 1
                if not self._pins[name]:
                    done.append(name)
                    del self._pins[name]
                    self._pinned_paths.discard(self.folder.path(name))
                    self._queue.pop(name, None)
                    self._held_bytes -= self._held.pop(name, 0)
            if not self._eager and not self._follows:
                self.folder.demote(done)
            self._pump()
        self.folder.drop_removed()

    def _pump(self) -> None:
        """Begin with what comes next, as far as there is room."""
        while self._queue:
            name = next(iter(self._queue))
            likely = self._likely(name)
            in_flight = sum(map(self._likely, list(self._under_way)))
            if self._under_way and in_flight + likely > _IN_FLIGHT_BYTES:
                return
            if len(self._under_way) >= _THREADS or not self._fits(name, likely):
                return
            self._queue.pop(name, None)
            self._begin(name, likely)
            try:
                _threads().submit(self._bring, name, _GLANCE)
            except RuntimeError:  # the interpreter is about to end
                self._queue.clear()
                del self._under_way[name]

    def _fits(self, name: str, likely: int) -> bool:
        limit = self.folder.limit
        return limit is None or self._follows or not self._held or self._held_bytes + likely <= limit

    # For a reader

    def bring(self, names: Iterable[str]) -> None:
        """Have objects in the folder, and wait for them; where there is no room, they are not brought.

        Raises:
            OSError: one cannot be read.
        """
        self._own()
        wanted = list(names)
        while wanted:
            wanted = self._bring_some(wanted)

    def _bring_some(self, names: Sequence[str]) -> list[str]:
        """Bring what there is room for; gives what there may be room for once others have come."""
        mine: list[str] = []
        others: list[tuple[str, Future[bool]]] = []
        later: list[str] = []
        with self._mutex:
            running = list(self._under_way.values())
            for name in names:
                future = self._under_way.get(name)
                if future is not None:
                    others.append((name, future))
                elif self._is_for(name):
                    self._queue.pop(name, None)
                    mine.append(name)
                    self._begin(name, self._likely(name))
                elif name in self._queue:
                    later.append(name)
            for name in reversed(later):
                self._queue.move_to_end(name, last=False)
        brought = [_threads().submit(self._bring, name, _PATIENCE) for name in mine[1:]]
        for name in mine[:1]:  # one in this thread: alone, it need not wait for another
            self._bring(name, _PATIENCE).result()
        for one in brought:
            one.result().result()
        for name, future in others:
            if future.exception() is not None or not future.result():
                self._again(name)
        if not (later and running):
            return []
        wait(running, return_when=FIRST_COMPLETED)  # they may turn out smaller than was thought
        return [name for name in later if not self.folder.has(name)]

    def _is_for(self, name: str) -> bool:
        """Whether an object that is read is brought as a whole."""
        if self._lander.is_broken or not is_kept(name):
            return False
        likely = self._likely(name)
        if self._eager:
            return self.folder.limit is None or likely <= self.folder.limit
        return name in self._pins and self._fits(name, likely)

    def _again(self, name: str) -> None:
        """What failed in the background, or was left to another process, is the reader's own."""
        with self._mutex:
            if self.folder.has(name) or name in self._under_way or not self._is_for(name):
                return
            self._begin(name, self._likely(name))
        self._bring(name, _PATIENCE).result()

    # Each object

    def _begin(self, name: str, likely: int) -> None:
        self._under_way[name] = Future()
        if name in self._pins:
            self._hold(name, likely)

    def _bring(self, name: str, patience: float) -> Future[bool]:
        """Bring an object that has begun; its future tells what became of it."""
        future = self._under_way[name]
        try:
            landed = self._lander.land(name, self._likely(name), patience, self._is_pinned)
        except BaseException as exc:
            self._done(name)
            future.set_exception(exc)
            if not isinstance(exc, Exception):
                raise
        else:
            self._done(name)
            future.set_result(landed)
        return future

    def _done(self, name: str) -> None:
        with self._mutex:
            del self._under_way[name]
            if name in self._held:
                self._hold(name, self.folder.size(name) or 0)
            self._pump()

    def _hold(self, name: str, size: int) -> None:
        self._held_bytes += size - self._held.get(name, 0)
        self._held[name] = size

    def _is_pinned(self, path: str) -> bool:
        return path in self._pinned_paths

    def _likely(self, name: str) -> int:
        known = self._lander.likely_bytes(name)
        if known is not None:
            return known
        limit = self.folder.limit
        return _LIKELY_BYTES if limit is None else min(_LIKELY_BYTES, limit // _LIKELY_PARTS)

    def close(self) -> None:
        """Expect nothing more, and let go of open files."""
        self._own()
        with self._mutex:
            self._queue.clear()
        self.folder.close()


_pool: ThreadPoolExecutor | None = None


def _threads() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="unienv-fetch")
    return _pool


def _forget_threads() -> None:
    global _pool
    _pool = None


platform.on_fork(_forget_threads)
