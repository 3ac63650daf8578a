"""A place of named bytes whose every request is counted, and shards for it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from unienv_data.store.cache.fetcher import Fetcher
from unienv_data.store.cache.folder import CacheFolder
from unienv_data.store.cache.landing import Lander
from unienv_data.store.objects.base import Range
from unienv_data.store.objects.memory import MemoryObjects
from unienv_data.store.shard import ShardTag, encode_shard

DATASET = bytes(range(16))


def shard(chunks: Sequence[bytes], number: int = 0, dataset: bytes = DATASET) -> bytes:
    """A shard of these chunks."""
    return b"".join(encode_shard(chunks, len(chunks) + 1, ShardTag(dataset, 1, number, bytes(12), 1)))


def name_of(number: int) -> str:
    return f"storage/columns/x/c.{number}"


class Place(MemoryObjects):
    """A remote place: slow if it is told to, failing when it is told to."""

    is_local = False

    def __init__(self, objects: Mapping[str, bytes] | None = None) -> None:
        super().__init__("far://place")
        self._objects.update(objects or {})
        self.whole: Counter[str] = Counter()
        self.ranges: Counter[str] = Counter()
        self.seconds = 0.0
        self.before: Callable[[str], None] = lambda name: None
        self.at_once, self.most_at_once = 0, 0
        self._counting = threading.Lock()

    def read(self, name: str) -> bytes:
        with self._counting:
            self.whole[name] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.before(name)
            time.sleep(self.seconds)
            return super().read(name)
        finally:
            with self._counting:
                self.at_once -= 1

    def read_ranges(self, ranges: Sequence[Range]) -> list[bytes]:
        for item in ranges:
            self.ranges[item.name] += 1
        return super().read_ranges(ranges)

    def read_end(self, name: str, length: int) -> bytes:
        self.ranges[name] += 1
        return super().read_end(name, length)

    def below(self, prefix: str) -> MemoryObjects:
        raise AssertionError("not needed here")


def fetcher(place: MemoryObjects, base: str, limit: int | None, *, eager: bool) -> Fetcher:
    folder = CacheFolder(base, "dataset", limit)
    return Fetcher(Lander(place, folder, DATASET), folder, eager=eager)


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something that happens in the background has happened."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def names(numbers: Iterable[int]) -> list[str]:
    return [name_of(number) for number in numbers]
