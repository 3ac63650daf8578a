"""Bringing one object: from where it stands into the cache's folder, whole and checked."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import ExitStack

from unienv_data.store.cache.checking import is_whole_shard
from unienv_data.store.cache.folder import CacheFolder
from unienv_data.store.cache.names import is_shard
from unienv_data.store.objects.base import ObjectStore

__all__ = ["Lander"]

_ATTEMPTS = 2


class Lander:
    """Brings objects of one dataset, whichever process needs them, one at a time each.

    Where the folder cannot be written, because its disk is full, say, a warning is given once and nothing is
    brought any more: whoever reads, reads from where the objects stand.

    Args:
        source: where they stand.
        folder: where they go.
        dataset: the dataset's uuid, 16 bytes.
    """

    def __init__(self, source: ObjectStore, folder: CacheFolder, dataset: bytes) -> None:
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

    def land(self, name: str, seconds: float, is_pinned: Callable[[str], bool]) -> bool:
        """Have an object in the folder.

        Args:
            name: the object.
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
                return self._give_up(exc)
            return self._landed(name, is_pinned)

    def _landed(self, name: str, is_pinned: Callable[[str], bool]) -> bool:
        if self._folder.has(name):
            self._folder.touch([name])
            return True
        data = self._fetched(name)
        if data is None:
            return False
        try:
            durable = not is_shard(name)  # what else is damaged need not show
            return self._folder.land(name, data, durable=durable, is_pinned=is_pinned)
        except BlockingIOError:  # somebody stands still in the midst of it
            return False
        except OSError as exc:
            return self._give_up(exc)

    def _fetched(self, name: str) -> bytes | None:
        """All of an object; None where it comes damaged again and again, which a reader will find, too."""
        for _ in range(_ATTEMPTS):
            data = self.source.read(name)
            self._sizes[_array_of(name)] = len(data)
            if is_whole_shard(data, self._dataset) if is_shard(name) else len(data) == self.source.size(name):
                return data
        return None

    def _give_up(self, cause: OSError) -> bool:
        if not self._is_broken:
            self._is_broken = True
            warnings.warn(
                f"{self._folder.base}: nothing can be kept there ({cause.strerror or cause}); "
                f"{self.source.url} is read from where it stands",
                stacklevel=2,
            )
        return False


def _array_of(name: str) -> str:
    return name.rpartition("/")[0]
