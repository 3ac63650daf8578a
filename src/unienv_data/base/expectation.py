"""What somebody has said that they will read soon."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable

__all__ = ["Expectation"]


class Expectation:
    """Rows, or what holds them, that will be read soon: brought near, and kept there until this is released.

    It is released when nobody refers to it any more, too.

    Args:
        release: lets go of what is kept; None where nothing is.

    Example:
        >>> kept = {"a"}
        >>> expectation = Expectation(lambda: kept.discard("a"))
        >>> expectation.release()
        >>> kept
        set()
    """

    def __init__(self, release: Callable[[], object] | None = None) -> None:
        self._end = None if release is None else weakref.finalize(self, release)
        if self._end is not None:
            self._end.atexit = False

    def release(self) -> None:
        """What was expected has been read, or will not be; a second call does nothing."""
        if self._end is not None:
            self._end()

    @classmethod
    def of(cls, parts: Iterable[Expectation]) -> Expectation:
        """Several as one."""
        held = list(parts)

        def release() -> None:
            for part in held:
                part.release()

        return held[0] if len(held) == 1 else cls(release if held else None)
