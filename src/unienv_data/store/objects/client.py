"""What clients of remote places have in common: each range ends for itself, and forks need others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from unienv_data.errors import ReadOnlyError
from unienv_data.store.objects.base import ObjectStore, Range

__all__ = ["ClientObjects"]


class ClientObjects(ObjectStore):
    """A place behind requests, each of which is made once and may fail by itself.

    Attributes:
        writes_refused: why nothing can be written, as a sentence's end; None where it can.
    """

    writes_refused: str | None = None

    @abstractmethod
    def attempt_ranges(self, ranges: Sequence[Range]) -> list[bytes | Exception]:
        """The bytes of each range, or what went wrong with it, fetched concurrently."""

    @abstractmethod
    def after_fork(self) -> ClientObjects:
        """The same place for a forked child, which has no part in its parent's connections."""

    @abstractmethod
    def below(self, prefix: str) -> ClientObjects:
        """The same place with `prefix` as its root."""

    def read_ranges(self, ranges: Sequence[Range]) -> list[bytes]:
        data: list[bytes] = []
        for found in self.attempt_ranges(ranges):
            if isinstance(found, Exception):
                raise found
            data.append(found)
        return data

    def check_writable(self) -> None:
        """Refuse to write where that cannot be done.

        Raises:
            ReadOnlyError: nothing is written here.
        """
        if self.writes_refused is not None:
            raise ReadOnlyError(f"{self.url}: {self.writes_refused}")
