"""What of a dataset's objects is near: nothing, a cache, or a stream."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import warnings

from unienv_data.store.cache.fetcher import Fetcher
from unienv_data.store.cache.folder import CacheFolder
from unienv_data.store.cache.landing import Lander
from unienv_data.store.cache.memory import KeepingMemory
from unienv_data.store.cache.options import CacheOptions, dataset_key
from unienv_data.store.cache.place import KeepingPlace
from unienv_data.store.home import Home, private_home
from unienv_data.store.objects.base import ObjectStore, StreamPlace

__all__ = ["Nearby"]

_MEMORY = "/dev/shm"
_STREAMED = "streamed"


class Nearby:
    """What brings a dataset's objects near, shared by all who look at the dataset by one opening of it.

    Args:
        source: where the dataset stands.
        uuid: the dataset's, in hexadecimal digits; None where it is not known yet.

    Attributes:
        fetcher: what brings them; None where nothing does.
    """

    def __init__(self, source: ObjectStore, uuid: str | None) -> None:
        self.fetcher: Fetcher | None = None
        self._source = source
        self._uuid = uuid
        self._home: Home | None = None
        self._place: StreamPlace | None = None
        self._is_cache = False
        self._mutex = threading.Lock()

    def open_cache(self, options: CacheOptions) -> None:
        """Keep whatever is read in a folder; where it cannot be, a warning says so."""
        if self._uuid is None:
            return
        try:
            options.tag()
            folder = CacheFolder(options.folder, dataset_key(self._uuid, self._source.url), options.limit)
        except OSError as exc:
            warnings.warn(
                f"cache_dir: {options.folder}: nothing can be kept there ({exc.strerror or exc}); "
                f"{self._source.url} is read from where it stands",
                stacklevel=2,
            )
        else:
            self.fetcher = self._over(folder, eager=True)
            self._is_cache = True

    def open_stream(
        self, buffer_bytes: int, place: StreamPlace | None, *, shared: bool = False
    ) -> StreamPlace | None:
        """Keep what is expected in this machine's memory, unless there is a cache.

        Args:
            buffer_bytes: how much of it; the most that anybody has asked for counts.
            place: where another process keeps it already; None for a place of its own.
            shared: other processes are to find it there. What only this one needs it keeps as it came, which
                saves writing files, mapping and removing them.

        Returns:
            Where it is kept, for processes that are to share it; None where nothing is.
        """
        if self._uuid is None or buffer_bytes < 1:
            return None
        with self._mutex:
            if self._is_cache:
                return None
            if self.fetcher is not None and self._place is not None:
                self._place = self._place._replace(buffer_bytes=max(buffer_bytes, self._place.buffer_bytes))
                self.fetcher.folder.limit = self._place.buffer_bytes
                return self._place
            if place is None and not shared:
                self._keep_here(buffer_bytes)
                return None
            is_shared = place is not None
            try:
                if place is None:
                    self._home = private_home(_base(buffer_bytes), self._uuid)
                    place = StreamPlace(self._home.path, buffer_bytes)
                else:
                    self._home = Home(place.path)
                folder = CacheFolder(place.path, _STREAMED, place.buffer_bytes)
            except OSError as exc:
                warnings.warn(
                    f"{self._source.url} is read row by row: nothing can be kept in memory "
                    f"({exc.strerror or exc})",
                    stacklevel=2,
                )
                self._home = None
                return None
            self.fetcher = self._over(folder, eager=False, follows=is_shared)
            self._place = place
            return place

    def _keep_here(self, buffer_bytes: int) -> None:
        """Keep what is expected for this process alone."""
        if self.fetcher is None:
            self.fetcher = self._over(KeepingMemory("<memory>", buffer_bytes), eager=False)
        folder = self.fetcher.folder
        folder.limit = max(buffer_bytes, folder.limit or 0)

    def _over(self, folder: KeepingPlace, *, eager: bool, follows: bool = False) -> Fetcher:
        dataset = bytes.fromhex(self._uuid or "")
        return Fetcher(Lander(self._source, folder, dataset), folder, eager=eager, follows=follows)

    def close(self) -> None:
        """Bring nothing more; what has been streamed goes with its last user."""
        if self.fetcher is not None:
            self.fetcher.close()
        if not self._is_cache:
            self.fetcher, self._place = None, None
        if self._home is not None:
            self._home.leave()
            self._home = None


def _base(size: int) -> str:
    """Where streams of this user have their folders: in memory, where there is room for one."""
    base = tempfile.gettempdir()
    if os.path.isdir(_MEMORY) and os.access(_MEMORY, os.W_OK):
        memory = shutil.disk_usage(_MEMORY)
        base = _MEMORY if memory.free >= size else base
    user = os.getuid() if hasattr(os, "getuid") else 0
    return os.path.join(base, f"unienv-data-streams-{user}")
