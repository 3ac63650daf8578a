"""How far a long operation has come: told to whoever wants to know, by default nobody.

Operations take a `Progress` and open one task for each stretch of work; the base class does nothing, and
`TqdmProgress` draws bars. Commands bring their own.

Example:
    >>> def double(items, progress=NO_PROGRESS):
    ...     with progress.task("doubling", total=len(items), unit="item") as task:
    ...         for item in items:
    ...             yield 2 * item
    ...             task.advance()
    >>> list(double([1, 2]))
    [2, 4]
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["NO_PROGRESS", "Progress", "Task", "TqdmProgress"]


class Task:
    """A stretch of work that advances; this one tells nobody."""

    def advance(self, amount: int = 1) -> None:
        """`amount` more units are done."""

    def weigh(self, size: int) -> None:
        """What has been done since the last time had `size` bytes."""

    def set_total(self, total: int | None) -> None:
        """How many units there are, where that became known or changed."""


_SILENT_TASK: Final = Task()


class Progress:
    """Where operations report; this one tells nobody. Subclasses override `task`."""

    def task(
        self, description: str, *, total: int | None = None, unit: str = "row"
    ) -> AbstractContextManager[Task]:
        """Begin a stretch of work, which ends with the context.

        Args:
            description: what is being done, in a few words.
            total: how many units there are; None where nobody knows.
            unit: what is counted, in the singular.
        """
        return _silent()


@contextmanager
def _silent() -> Iterator[Task]:
    yield _SILENT_TASK


NO_PROGRESS: Final = Progress()
"""The default of every operation that takes a `Progress`."""


class TqdmProgress(Progress):
    """Draws a tqdm bar for each task, on the standard error stream."""

    def task(
        self, description: str, *, total: int | None = None, unit: str = "row"
    ) -> AbstractContextManager[Task]:
        """Begin a stretch of work, drawn as a bar until the context is left."""
        return _drawn(description, total, unit)


@contextmanager
def _drawn(description: str, total: int | None, unit: str) -> Iterator[Task]:
    from tqdm import tqdm  # only those who ask for a bar pay for the import

    with tqdm(desc=description, total=total, unit=f" {unit}s", unit_scale=True) as bar:
        yield _TqdmTask(bar)


class _TqdmTask(Task):
    """A task that a tqdm bar shows."""

    def __init__(self, bar: tqdm[NoReturn]) -> None:
        self._bar = bar
        self._bytes = 0

    def weigh(self, size: int) -> None:
        self._bytes += size
        self._bar.set_postfix_str(f"{self._bar.format_sizeof(self._bytes, 'B', 1000)}", refresh=False)

    def advance(self, amount: int = 1) -> None:
        self._bar.update(amount)

    def set_total(self, total: int | None) -> None:
        self._bar.total = total
        self._bar.refresh()
