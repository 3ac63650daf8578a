"""A remote place whose passing failures are waited out, and whose refusals are one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from unienv_data.store.objects.base import ObjectStore, Range, Sink, WriterLock
from unienv_data.store.objects.client import ClientObjects
from unienv_data.store.objects.lease import take_lease
from unienv_data.store.objects.patience import Patience

__all__ = ["RetryingObjects"]

T = TypeVar("T")


class RetryingObjects(ObjectStore):
    """A client's place, whose requests are repeated while they fail for reasons that pass.

    Args:
        client: makes the requests.
        patience: for how long, and what is said in the end.
    """

    def __init__(self, client: ClientObjects, patience: Patience) -> None:
        super().__init__()
        self._inner, self._pid = client, os.getpid()
        self._patience = patience
        self.url = client.url
        self.exclusive_create = client.exclusive_create
        self.traffic = client.traffic

    @property
    def client(self) -> ClientObjects:
        """What makes the requests; in a forked child, one of its own."""
        if self._pid != os.getpid():
            self._inner, self._pid = self._inner.after_fork(), os.getpid()
        return self._inner

    def _try(self, name: str, attempt: Callable[[ClientObjects], T]) -> T:
        return self._patience.call(f"{self.url}/{name}", lambda: attempt(self.client))

    # Reading

    def read(self, name: str) -> bytes:
        return self._try(name, lambda client: client.read(name))

    def copy_to(self, name: str, sink: Sink) -> None:
        self._try(name, lambda client: client.copy_to(name, sink))

    def read_ranges(self, ranges: Sequence[Range]) -> list[bytes]:
        if not ranges:
            return []
        found: dict[int, bytes] = {}

        def attempt(client: ClientObjects) -> None:
            left = [place for place in range(len(ranges)) if place not in found]
            came = client.attempt_ranges([ranges[place] for place in left])
            failed = [data for data in came if isinstance(data, Exception)]
            found.update(
                (place, data)
                for place, data in zip(left, came, strict=True)
                if not isinstance(data, Exception)
            )
            if failed:
                raise failed[0]

        self._try(ranges[0].name, attempt)
        return [found[place] for place in range(len(ranges))]

    def read_end(self, name: str, length: int) -> bytes:
        return self._try(name, lambda client: client.read_end(name, length))

    def size(self, name: str) -> int:
        return self._try(name, lambda client: client.size(name))

    def exists(self, name: str) -> bool:
        return self._try(name, lambda client: client.exists(name))

    def list(self, prefix: str) -> list[str]:
        return self._try(prefix, lambda client: client.list(prefix))

    # Writing

    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        data = b"".join(parts)
        self._try(name, lambda client: client.write(name, [data]))

    def create(self, name: str, data: bytes, *, durable: bool = True) -> None:
        lost = 0

        def attempt(client: ClientObjects) -> None:
            nonlocal lost
            try:
                client.create(name, data, durable=durable)
            except FileExistsError:
                # An attempt whose answer was lost may have made it. Nobody else writes the very same.
                if not lost or client.read(name) != data:
                    raise
            except Exception:
                lost += 1
                raise

        self._try(name, attempt)

    def replace(self, name: str, data: bytes, *, durable: bool = True) -> None:
        self._try(name, lambda client: client.replace(name, data, durable=durable))

    def sync(self) -> None:
        self.client.sync()

    def delete(self, names: Iterable[str]) -> None:
        gone = list(names)
        if gone:
            self._try(gone[0], lambda client: client.delete(gone))

    def delete_all(self) -> None:
        self._try("", lambda client: client.delete_all())

    # The place

    def below(self, prefix: str) -> RetryingObjects:
        return RetryingObjects(self.client.below(prefix), self._patience)

    def lock(self, name: str, holder: str) -> WriterLock:
        self.client.check_writable()
        return take_lease(self, self.client, name, holder)

    def close(self) -> None:
        self.client.close()
