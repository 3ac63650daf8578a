"""Trying again, with growing pauses and for a stated time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from unienv_data.errors import AccessRefusedError, UnreachableError
from unienv_data.store.objects.failures import Failure, failure_of, sentence_of
from unienv_data.store.objects.secrets import Secrets
from unienv_interface.errors import UniEnvError

__all__ = ["RETRY_SECONDS", "Patience"]

T = TypeVar("T")

RETRY_SECONDS = 60.0
"""For how long requests are repeated where nothing else is said."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 8.0  # seconds; each is up to a half shorter, so that crowds disperse


@dataclass(frozen=True)
class Patience:
    """How failing requests are treated.

    Attributes:
        seconds: for how long a request is repeated.
        secrets: what messages must not show.
        sleep: waits for so many seconds.
        clock: a monotonic clock, seconds.
    """

    seconds: float = RETRY_SECONDS
    secrets: Secrets = Secrets()  # noqa: RUF009 - it never changes
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def call(self, place: str, attempt: Callable[[], T]) -> T:
        """What `attempt` gives, repeated while its failures pass.

        Args:
            place: what is asked for, for messages.
            attempt: makes the request.

        Raises:
            UnreachableError: no answer has come in time.
            AccessRefusedError: the credentials do not do.
        """
        began, tries, pause = self.clock(), 0, _FIRST_PAUSE
        while True:
            tries += 1
            try:
                return attempt()
            except Exception as exc:
                if isinstance(exc, UniEnvError):
                    raise
                failure = failure_of(exc)
                if failure is Failure.REFUSED:
                    self._refused(place, exc)
                if failure is Failure.ANSWER:
                    self._answered(exc)
                spent, wait = self.clock() - began, pause * random.uniform(0.5, 1.0)
                if spent + wait > self.seconds:
                    self._given_up(place, exc, spent, tries)
            self.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _refused(self, place: str, exc: Exception) -> NoReturn:
        said = self.secrets.hidden(sentence_of(exc))
        told = AccessRefusedError(
            f"{place}: access was refused ({said}); check the credentials in storage_options or the "
            "environment"
        )
        raise told from self._cause(exc)

    def _given_up(self, place: str, exc: Exception, spent: float, tries: int) -> NoReturn:
        said = self.secrets.hidden(sentence_of(exc))
        told = UnreachableError(
            f"{place}: no answer in {spent:.1f} s and {tries} attempts ({said}); check the network and the "
            "address, or pass a longer retry_seconds"
        )
        raise told from self._cause(exc)

    def _answered(self, exc: Exception) -> NoReturn:
        if not self.secrets.shown_by(exc):
            raise exc
        kind = next((kind for kind in _TOLD if isinstance(exc, kind)), RuntimeError)
        if isinstance(exc, OSError) and exc.errno:
            where = None if exc.filename is None else self.secrets.hidden(str(exc.filename))
            raise kind(exc.errno, self.secrets.hidden(str(exc.strerror)), where) from None
        raise kind(self.secrets.hidden(sentence_of(exc))) from None

    def _cause(self, exc: Exception) -> Exception | None:
        """What a traceback may show."""
        return None if self.secrets.shown_by(exc) else exc


_TOLD: tuple[type[Exception], ...] = (
    FileNotFoundError,
    FileExistsError,
    OSError,
    TypeError,
    ValueError,
)
