"""Commits and stores for the tests of this folder, and object stores that fail when told to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from unienv_data.schema.commit import ArrayEntry, Commit, LogEntry
from unienv_data.store.objects import ObjectStore, Range, WriterLock

SPACE = {"type": "BoxSpace", "shape": [], "dtype": "float32", "low": "-Infinity", "high": "Infinity"}
ENTRY = ArrayEntry(
    0, "rows", "float32", (), 2, 4, "raw", ({"name": "bytes", "configuration": {"endian": "little"}},)
)


def a_commit(number: int = 0, writer: str = "a", **changes: Any) -> Commit:
    """A commit that names nothing; `writer` is a digit of its token."""
    fields: dict[str, Any] = {
        "uuid": "5" * 32,
        "time": "2026-01-01T00:00:00+00:00",
        "storage": "zarr",
        "path": "storage",
        "group": "columns",
        "space": SPACE,
        "length": 0,
        "capacity": None,
        "runs": (),
        "logs": {"rows": LogEntry(8)},
        "arrays": {"value": ENTRY},
    }
    return Commit(number=number, writer=writer * 24, **{**fields, **changes})


Hook = Callable[[str, str], None]


def nothing(method: str, name: str) -> None:
    """The hook of a store that works."""


class Interposed(ObjectStore):
    """Another object store, with a say in what happens to each call that changes something.

    Places below this one share its hooks, which are told the names as seen from here.

    Attributes:
        before: called with the method and the object's name; what it raises, the call raises, undone.
        after: the same once the call has been carried out: the answer is lost.
        log: every (method, name) so far.
    """

    def __init__(self, inner: ObjectStore, above: Interposed | None = None, prefix: str = "") -> None:
        self.inner = inner
        self.url, self.is_local = inner.url, inner.is_local
        self.has_locks, self.exclusive_create = inner.has_locks, inner.exclusive_create
        self._above, self._prefix = above, prefix
        self.before: Hook = (lambda *call: above.before(call[0], prefix + call[1])) if above else nothing
        self.after: Hook = (lambda *call: above.after(call[0], prefix + call[1])) if above else nothing
        self.log: list[tuple[str, str]] = []

    def _call(self, method: str, name: str, *arguments: Any) -> None:
        self.log.append((method, name))
        self.before(method, name)
        getattr(self.inner, method)(name, *arguments)
        self.after(method, name)

    def write(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        self._call("write", name, parts)

    def create(self, name: str, data: bytes, *, durable: bool = True) -> None:
        self._call("create", name, data)

    def replace(self, name: str, data: bytes, *, durable: bool = True) -> None:
        self._call("replace", name, data)

    def delete(self, names: Iterable[str]) -> None:
        for name in list(names):
            self.log.append(("delete", name))
            self.before("delete", name)
            self.inner.delete([name])
            self.after("delete", name)

    def read(self, name: str) -> bytes:
        self.before("read", name)
        return self.inner.read(name)

    def exists(self, name: str) -> bool:
        self.before("exists", name)
        return self.inner.exists(name)

    def read_ranges(self, ranges: Sequence[Range]) -> list[bytes]:
        return self.inner.read_ranges(ranges)

    def read_end(self, name: str, length: int) -> bytes:
        return self.inner.read_end(name, length)

    def size(self, name: str) -> int:
        return self.inner.size(name)

    def list(self, prefix: str) -> list[str]:
        return self.inner.list(prefix)

    def sync(self) -> None:
        self.inner.sync()

    def delete_all(self) -> None:
        self.inner.delete_all()

    def below(self, prefix: str) -> Interposed:
        return Interposed(self.inner.below(prefix), self, f"{prefix}/")

    def lock(self, name: str, holder: str) -> WriterLock | None:
        return self.inner.lock(name, holder)

    def close(self) -> None:
        self.inner.close()


def failing(method: str, name: str, error: BaseException, times: int = 1) -> Hook:
    """A hook that raises `error` the first `times` that `method` is called on names that begin so."""
    left = times

    def hook(called: str, on: str) -> None:
        nonlocal left
        if called == method and on.startswith(name) and left:
            left -= 1
            raise error

    return hook
