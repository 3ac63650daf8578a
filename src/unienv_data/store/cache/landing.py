"""Bringing one object: from where it stands into the cache's folder, whole and checked."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import ExitStack

from unienv_data.store.cache.checking import is_whole_shard
from unienv_data.store.cache.names import is_shard
from unienv_data.store.cache.part import CannotKeepError, Part, TooLargeError
from unienv_data.store.cache.place import KeepingPlace
from unienv_data.store.objects.base import ObjectStore

__all__ = ["Lander"]

_ATTEMPTS = 2
_END_BYTES = 64 << 10  # in which most shards' indexes are


class Lander:
    """Brings objects of one dataset, whichever process needs them, one at a time each.

    Where the folder cannot be written, because its disk is full, say, a warning is given once and nothing is
    brought any more: whoever reads, reads from where the objects stand.

    Args:
        source: where they stand.
        folder: where they go.
        dataset: the dataset's uuid, 16 bytes.
    """

    def __init__(self, source: ObjectStore, folder: KeepingPlace, dataset: bytes) -> None:
        self.source = source
        self._folder = folder
        self._dataset = dataset
        self._is_broken = False
        self._sizes: dict[str, int] = {}

    @property
    def is_broken(self) -> bool:
        """Whether the folder could not be written."""
        return self._is_broken

    def likely_bytes(self, name: str) -> int | None:
        """How many bytes an object may have, going by one of the same array; None where none has come."""
        return self._sizes.get(_array_of(name))

    def land(self, name: str, likely: int, seconds: float, is_pinned: Callable[[str], bool]) -> bool:
        """Have an object in the folder.

        Args:
            name: the object.
            likely: how many bytes it may have.
            seconds: how long to wait for a process that is bringing it.
            is_pinned: whether the file of a path must stay.

        Returns:
            Whether it is there: there may be no room, or somebody else may still be bringing it.

        Raises:
            OSError: it cannot be read from where it stands.
        """
        if self._is_broken:
            return False
        with ExitStack() as stack:
            try:
                stack.enter_context(self._folder.landing(name, seconds))
            except BlockingIOError:
                return False
            except OSError as exc:
                return self._give_up(CannotKeepError(exc))
            return self._landed(name, likely, is_pinned)

    def _landed(self, name: str, likely: int, is_pinned: Callable[[str], bool]) -> bool:
        if self._folder.has(name):
            self._folder.touch([name])
            return True
        try:
            return self._folder.land(
                name,
                lambda file: self._bring(name, file),
                likely=likely,
                durable=not is_shard(name),  # what else is damaged need not show
                is_pinned=is_pinned,
            )
        except BlockingIOError:  # somebody stands still in the midst of counting
            return False
        except CannotKeepError as exc:
            return self._give_up(exc)

    def _bring(self, name: str, file: Part) -> bool:
        """Bring an object; False where it comes damaged again and again, which a reader will find, too."""
        for _ in range(_ATTEMPTS):
            try:
                self.source.copy_to(name, file)
            except TooLargeError:
                self._sizes[_array_of(name)] = file.size
                raise
            self._sizes[_array_of(name)] = file.size
            if self._is_whole(name, file):
                return True
        return False

    def _is_whole(self, name: str, file: Part) -> bool:
        if not is_shard(name):
            return file.size == self.source.size(name)
        end = file.last(_END_BYTES)
        if is_whole_shard(end, self._dataset, file.size - len(end)):
            return True
        return file.size > len(end) and is_whole_shard(file.last(file.size), self._dataset)

    def _give_up(self, cause: Exception) -> bool:
        if not self._is_broken:
            self._is_broken = True
            warnings.warn(
                f"{self._folder.base}: nothing can be kept there ({cause}); "
                f"{self.source.url} is read from where it stands",
                stacklevel=2,
            )
        return False


def _array_of(name: str) -> str:
    return name.rpartition("/")[0]
