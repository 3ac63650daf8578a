"""Objects in this process's memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from unienv_data.store.objects.base import ObjectStore, Range, Run

__all__ = ["MemoryObjects"]


class MemoryObjects(ObjectStore):
    """Objects in a dictionary, gone with it.

    Args:
        url: what to call the place in messages.
    """

    is_local = True

    def __init__(self, url: str = "<memory>") -> None:
        super().__init__()
        self.url = url
        self._objects: dict[str, bytes] = {}
        self._prefix = ""
        self._mutex = threading.Lock()

    def _get(self, name: str) -> bytes:
        try:
            return self._objects[self._prefix + name]
        except KeyError:
            raise FileNotFoundError(f"{self.url}/{name}") from None

    def read(self, name: str) -> bytes:
        return self._get(name)

    def read_ranges(self, ranges: Sequence[Range]) -> list[bytes]:
        return [self._get(item.name)[item.start : item.stop] for item in ranges]

    def views(self, runs: Sequence[Run]) -> list[NDArray[np.uint8]] | None:
        views: list[NDArray[np.uint8]] = []
        for name, starts, stops in runs:
            whole = np.frombuffer(self._get(name), dtype=np.uint8)
            if stops.max() > len(whole):
                return None
            views += [whole[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        return views

    def read_end(self, name: str, length: int) -> bytes:
        data = self._get(name)
        return data[max(len(data) - length, 0) :]

    def size(self, name: str) -> int:
        return len(self._get(name))

    def exists(self, name: str) -> bool:
        return self._prefix + name in self._objects

    def list(self, prefix: str) -> list[str]:
        start = f"{self._prefix}{prefix}/" if prefix else self._prefix
        with self._mutex:
            names = [name[len(start) :] for name in self._objects if name.startswith(start)]
        return sorted({name.split("/", 1)[0] for name in names})

    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        data = b"".join(parts)
        with self._mutex:
            self._objects[self._prefix + name] = data

    def create(self, name: str, data: bytes, *, durable: bool = True) -> None:
        with self._mutex:
            if self._prefix + name in self._objects:
                raise FileExistsError(f"{self.url}/{name}")
            self._objects[self._prefix + name] = data

    def replace(self, name: str, data: bytes, *, durable: bool = True) -> None:
        self.write(name, [data])

    def sync(self) -> None:
        pass

    def delete(self, names: Iterable[str]) -> None:
        with self._mutex:
            for name in names:
                self._objects.pop(self._prefix + name, None)

    def delete_all(self) -> None:
        with self._mutex:
            for name in [name for name in self._objects if name.startswith(self._prefix)]:
                del self._objects[name]

    def close(self) -> None:
        pass  # nothing is kept open

    def below(self, prefix: str) -> MemoryObjects:
        inner = MemoryObjects(f"{self.url}/{prefix}")
        inner._objects, inner._mutex = self._objects, self._mutex
        inner.traffic = self.traffic
        inner._prefix = f"{self._prefix}{prefix}/"
        return inner
