"""The sequence of commits: finding the newest, making the next, pruning the old."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from unienv_data.errors import CorruptDataError, DocumentError, FencedError, StaleCommitError
from unienv_data.schema.commit import Commit
from unienv_data.store.objects import ObjectStore
from unienv_data.store.shard import crc32c

__all__ = ["HINT", "CommitLog", "find_commit", "storage_objects", "utc_now"]

HINT = "metadata.json"
_FOLDER = "commits"
_NAME = re.compile(r"^(\d{20})\.json$")
_RUNS_IN_COMMIT = 64
_KEPT = 100
_GRACE = timedelta(minutes=10)


def utc_now() -> datetime:
    """The time of a commit."""
    return datetime.now(UTC)


class CommitLog:
    """Commits of one storage.

    Commit N exists once the object `commits/<N, 20 digits>.json` does; it never changes.

    Args:
        root: where the dataset stands; it holds the hint.
        objects: where the storage stands.
    """

    def __init__(self, root: ObjectStore, objects: ObjectStore) -> None:
        self._root = root
        self._objects = objects

    def newest(self) -> Commit | None:
        """The newest commit, or None where there is none.

        The hint says where to begin; from there every next number is tried until one is absent.
        """
        found = self._hinted()
        if found is None:
            numbers = self._numbers()
            if not numbers:
                return None
            found = self.read(numbers[-1])
        return self.newer(found) or found

    def newer(self, commit: Commit) -> Commit | None:
        """The newest commit after `commit`, or None where there is none."""
        newest = None
        number = commit.number + 1
        while (found := self._read(number)) is not None:
            newest = found
            number += 1
        if newest is None and self._read(commit.number) is None:
            # Pruned: the sequence goes on beyond the gap.
            numbers = [n for n in self._numbers() if n > commit.number]
            return self.newer(self.read(numbers[-1])) or self.read(numbers[-1]) if numbers else None
        return newest

    def read(self, number: int) -> Commit:
        """Commit `number`.

        Raises:
            StaleCommitError: it has been pruned.
        """
        commit = self._read(number)
        if commit is None:
            raise StaleCommitError(
                f"{self._objects.url}: commit {number} has been pruned; refresh() moves to the newest"
            )
        return commit

    def exists(self, number: int) -> bool:
        """Whether commit `number` is there."""
        return self._objects.exists(_name(number))

    def publish(self, commit: Commit) -> None:
        """Make `commit` the newest. What it refers to must be durable.

        Raises:
            FencedError: another writer has made a commit of this number.
        """
        document = self._with_runs_aside(commit)
        data = document.to_bytes()
        name = _name(commit.number)
        try:
            self._objects.create(name, data)
        except FileExistsError:
            self._refuse_unless_mine(commit)
        except OSError:
            # The answer was lost, perhaps with the request: what is there now tells.
            if not self._objects.exists(name):
                raise
            self._refuse_unless_mine(commit)
        with contextlib.suppress(OSError):  # a hint: readers find the commit without it
            self._root.replace(HINT, data)
        if commit.number % _KEPT == 0:
            self.prune(commit)

    def prune(self, newest: Commit) -> None:
        """Remove commits before the last 100 older than ten minutes, and what they alone need."""
        numbers = [number for number in self._numbers() if number <= newest.number - _KEPT]
        limit = utc_now() - _GRACE
        # Commits are in the order of time: the first that must stay ends the search.
        gone: list[int] = []
        for number in numbers:
            commit = self._read(number)
            if commit is None or datetime.fromisoformat(commit.time) < limit:
                gone.append(number)
            else:
                break
        if not gone:
            return
        first_kept = gone[-1] + 1
        kept = [commit for n in self._numbers() if n >= first_kept and (commit := self._read(n)) is not None]
        needed = {commit.tail.object for commit in kept if commit.tail is not None}
        needed |= {commit.runs_object for commit in kept if commit.runs_object is not None}
        self._objects.delete(_name(number) for number in gone)
        for folder in ("tails", "rows"):
            old = [f"{folder}/{name}" for name in self._objects.list(folder) if _number(name) < first_kept]
            self._objects.delete(name for name in old if name not in needed)
        needed = {part.object for commit in kept for part in commit.buffer.episodes}
        needed |= {commit.buffer.removed_object or "" for commit in kept}
        for folder in ("episodes", "removed"):
            old = [f"{folder}/{name}" for name in self._root.list(folder) if _number(name) < first_kept]
            self._root.delete(name for name in old if name not in needed)

    def _hinted(self) -> Commit | None:
        with contextlib.suppress(FileNotFoundError, CorruptDataError, DocumentError):
            hint = Commit.from_bytes(self._root.read(HINT), f"{self._root.url}/{HINT}")
            return self._read(hint.number)
        return None

    def _numbers(self) -> list[int]:
        return sorted(int(match[1]) for name in self._objects.list(_FOLDER) if (match := _NAME.match(name)))

    def _read(self, number: int) -> Commit | None:
        name = _name(number)
        try:
            data = self._objects.read(name)
        except FileNotFoundError:
            return None
        commit = Commit.from_bytes(data, f"{self._objects.url}/{name}")
        if commit.number != number:
            raise CorruptDataError(f"{self._objects.url}/{name}: it says that it is commit {commit.number}")
        if commit.runs_object is None:
            return commit
        return replace(commit, runs=self._read_runs(commit.runs_object))

    def _with_runs_aside(self, commit: Commit) -> Commit:
        if len(commit.runs) <= _RUNS_IN_COMMIT:
            return replace(commit, runs_object=None)
        name = f"rows/{commit.number:020d}-{commit.writer}"
        body = np.array(commit.runs, dtype="<i8").tobytes()
        self._objects.write(name, [body, struct.pack("<I", crc32c(body))])
        self._objects.sync()
        return replace(commit, runs=(), runs_object=name)

    def _read_runs(self, name: str) -> tuple[tuple[int, int, int], ...]:
        try:
            data = self._objects.read(name)
        except FileNotFoundError as exc:
            raise CorruptDataError(f"{self._objects.url}/{name}: missing, but a commit refers to it") from exc
        if len(data) % 24 != 4 or crc32c(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
            raise CorruptDataError(f"{self._objects.url}/{name}: checksum does not match")
        runs: Iterable[list[int]] = np.frombuffer(data[:-4], dtype="<i8").reshape(-1, 3).tolist()
        return tuple((slot, row, count) for slot, row, count in runs)

    def _refuse_unless_mine(self, commit: Commit) -> None:
        there = self.read(commit.number)
        if there.writer != commit.writer:
            raise FencedError(
                f"{self._objects.url}: writer {there.writer} made commit {commit.number} at {there.time}; "
                "this writer has been replaced and writes no more; open the dataset again"
            )


def _name(number: int) -> str:
    return f"{_FOLDER}/{number:020d}.json"


def _number(name: str) -> int:
    digits = name.split("-", 1)[0]
    return int(digits) if digits.isdigit() else 1 << 62


def find_commit(root: ObjectStore, path: str) -> Commit | None:
    """The newest commit of the storage at `path` below `root`; None where there is none."""
    return CommitLog(root, storage_objects(root, path)).newest()


def storage_objects(root: ObjectStore, path: str) -> ObjectStore:
    """Where the storage at `path` below `root` stands; an empty path means the root itself."""
    return root.below(path) if path else root
