"""What the cache asks of a place that keeps whole objects of one dataset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from unienv_data.store.cache.part import Part
from unienv_data.store.objects.base import ObjectStore

__all__ = ["KeepingPlace"]


class KeepingPlace(ABC):
    """Whole objects on this machine. One is there as a whole or not at all.

    Attributes:
        base: what the place is called in messages.
        limit: bytes that all of it may take; None for as much as there is room for.
    """

    base: str
    limit: int | None

    @abstractmethod
    def path(self, name: str) -> str:
        """What an object is called when `land` asks whether it must stay."""

    @abstractmethod
    def below(self, prefix: str) -> ObjectStore:
        """The objects whose names begin with `prefix`, empty or ending with `/`, by the rest."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether the object is here."""

    @abstractmethod
    def size(self, name: str) -> int | None:
        """How many bytes the object has; None where it is not here."""

    @abstractmethod
    def touch(self, names: Iterable[str]) -> None:
        """Objects have been used."""

    @abstractmethod
    def demote(self, names: Iterable[str]) -> None:
        """Objects will not be used again: they go first, whoever needs room."""

    @abstractmethod
    def landing(self, name: str, seconds: float) -> AbstractContextManager[object]:
        """The time in which nobody else brings an object.

        Args:
            name: the object.
            seconds: how long to wait for whoever brings it.

        Raises:
            BlockingIOError: somebody has been bringing it all the time.
            OSError: nothing can be written here.
        """

    @abstractmethod
    def land(
        self,
        name: str,
        bring: Callable[[Part], bool],
        *,
        likely: int,
        durable: bool,
        is_pinned: Callable[[str], bool] = lambda _: False,
    ) -> bool:
        """Have an object, in a `landing`.

        Args:
            name: the object.
            bring: has all of it written to a file; gives whether it is good.
            likely: bytes for which there must be room before it is brought.
            durable: a loss of power must not leave another content, because nothing would tell.
            is_pinned: whether the object that `path` calls so must stay.

        Returns:
            Whether it is there: it may be no good, or there may be no room for it.

        Raises:
            CannotKeepError: nothing can be written here.
            BlockingIOError: somebody stands still in the midst of counting.
        """

    @abstractmethod
    def drop(self, names: Iterable[str]) -> None:
        """Have objects no longer."""

    @abstractmethod
    def drop_removed(self) -> None:
        """Let go of what somebody has removed."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open."""
