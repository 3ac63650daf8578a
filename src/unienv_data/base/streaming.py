"""An epoch block by block: what it needs is fetched, and its batches are read, ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeGuard, TypeVar

from unienv_data.base.batch import BatchBase
from unienv_data.base.expectation import Expectation
from unienv_data.order import BlockEpoch, MixtureBlockEpoch, Plan

__all__ = ["Expecting", "computed_ahead", "is_streamed"]

# Batches that are read before they are asked for.
_AHEAD = 2

T = TypeVar("T")


def is_streamed(plan: Plan) -> TypeGuard[BlockEpoch | MixtureBlockEpoch]:
    """Whether what a plan needs is to be fetched block by block."""
    return isinstance(plan, BlockEpoch | MixtureBlockEpoch) and plan.is_remote


class Expecting:
    """Tells data which blocks an epoch needs, some ahead of their use, and lets go of them after it.

    Args:
        data: what is read; from now on it keeps blocks near.
        plan: the epoch.
        buffer_bytes: what may be kept of blocks, as they are stored; more, where those that mix take more.
        rows: how many are being read at a time.
        shared: workers read what is kept, too.
    """

    def __init__(
        self,
        data: BatchBase[Any, Any, Any, Any, Any],
        plan: BlockEpoch | MixtureBlockEpoch,
        buffer_bytes: int,
        rows: int,
        *,
        shared: bool = False,
    ) -> None:
        self._data = data
        self._most, kept_bytes = plan.streaming(buffer_bytes, rows)
        data._stream(kept_bytes, shared=shared)
        self._coming = plan.arrivals()
        self._next = next(self._coming, None)
        self._held: list[tuple[int, Expectation]] = []

    def reach(self, first: int, last: int) -> None:
        """Batches before `first` have been read, and those up to `last` are about to be."""
        for until, expectation in self._held:
            if until < first:
                expectation.release()
        self._held = [held for held in self._held if held[0] >= first]
        while self._next is not None and (self._next.first <= last or len(self._held) < self._most):
            expectation = self._data._expect(self._next.rows, ((),))
            self._held.append((self._next.last, expectation))
            self._next = next(self._coming, None)

    def close(self) -> None:
        """Let go of everything."""
        for _, expectation in self._held:
            expectation.release()
        self._held.clear()


def computed_ahead(compute: Callable[[int], T], count: int) -> Iterator[T]:
    """`compute(0)` to `compute(count - 1)`, one after another in another thread, ahead of being asked for."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="unienv-epoch")
    under_way: deque[Future[T]] = deque()
    asked = 0
    try:
        for number in range(count):
            while asked < min(number + 1 + _AHEAD, count):
                under_way.append(thread.submit(compute, asked))
                asked += 1
            yield under_way.popleft().result()
    finally:
        thread.shutdown(wait=True, cancel_futures=True)
