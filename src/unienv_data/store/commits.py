"""The sequence of commits: finding the newest, making the next, pruning the old."""

from __future__ import annotations

import contextlib
import re
import secrets
import struct
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from unienv_data.checksum import crc32c
from unienv_data.errors import CorruptDataError, DocumentError, FencedError, StaleCommitError
from unienv_data.schema.commit import Commit
from unienv_data.store.objects import ObjectStore, read_checked

__all__ = ["HINT", "CommitLog", "find_commit", "read_commit", "storage_objects", "utc_now"]

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
        found = self._hinted() or self._listed(0)
        return found and (self.newer(found) or found)

    def newer(self, commit: Commit) -> Commit | None:
        """The newest commit after `commit`, or None where there is none.

        Raises:
            StaleCommitError: another dataset has taken the place of this one.
        """
        newest = None
        number = commit.number + 1
        while (found := self._read(number)) is not None:
            newest = found
            number += 1
        if not self.exists(commit.number):
            # Pruned, and perhaps what follows it too: the sequence goes on beyond a gap.
            newest = self._listed(commit.number + 1) or newest
        if newest is not None and newest.uuid != commit.uuid:
            raise StaleCommitError(
                f"{self._objects.url}: another dataset has taken the place of this one; open it again"
            )
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

    def publish(self, commit: Commit) -> Commit:
        """Make `commit` the newest. What it refers to must be durable.

        Returns:
            The commit as it stands: of a later number where an attempt of this writer that had been given up
            for lost has arrived after all.

        Raises:
            FencedError: another writer has taken over.
            OSError: nobody knows whether it has been made; it can be tried again.
        """
        base = commit.number - 1
        while (data := self._create(commit)) is None:
            commit = replace(commit, number=commit.number + 1)
        self._refuse_beyond_pruned(base, commit)
        with contextlib.suppress(OSError):  # a hint: readers find the commit without it
            self._root.replace(HINT, data, durable=False)
        if commit.number % _KEPT == 0:
            with contextlib.suppress(OSError, DocumentError):  # the commit stands; the next time will do
                self.prune(commit)
        return commit

    def _create(self, commit: Commit) -> bytes | None:
        """Create the commit's object; None where an earlier attempt of this writer stands in its place."""
        name = _name(commit.number)
        data = self._with_runs_aside(commit).to_bytes()
        try:
            self._objects.create(name, data)
        except OSError as exc:
            # It was taken, or the answer was lost, perhaps with the request: what is there now tells.
            try:
                if self._objects.read(name) == data:
                    return data
            except FileNotFoundError:
                raise exc from None
            there = self.read(commit.number)
            if there.writer != commit.writer:
                raise FencedError(
                    f"{self._objects.url}: writer {there.writer} made commit {commit.number} at "
                    f"{there.time}; this writer has been replaced and writes no more; open the dataset again"
                ) from exc
            return None
        return data

    def _refuse_beyond_pruned(self, base: int, commit: Commit) -> None:
        """Take `commit` back where the commit that it follows is gone.

        Pruning goes by number and stops short of the newest commits. So the number of `commit` was only free
        because others had made so many after it that it has been pruned.
        """
        if base < 0 or self.exists(base):
            return
        with contextlib.suppress(OSError):
            self._objects.delete([_name(commit.number)])
        raise FencedError(
            f"{self._objects.url}: others have made many commits since commit {base}, which has been pruned; "
            "this writer has been replaced and writes no more; open the dataset again"
        )

    def prune(self, newest: Commit) -> None:
        """Remove commits before the last 100 and followed ten minutes ago, and what only they need."""
        limit = utc_now() - _GRACE
        gone: list[int] = []
        for number in self._numbers():
            if number > newest.number - _KEPT:
                break
            # Whoever opened a commit did so before the next one was made, whose time therefore counts.
            following = self._read(number + 1)
            if following is not None and datetime.fromisoformat(following.time) >= limit:
                break
            gone.append(number)
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
        statistics = {commit.buffer.statistics or "" for commit in kept}
        # Beside the document there may stand a table of the same name.
        needed |= statistics | {f"{name.removesuffix('.json')}.parquet" for name in statistics}
        for folder in ("episodes", "removed", "stats"):
            old = [f"{folder}/{name}" for name in self._root.list(folder) if _number(name) < first_kept]
            self._root.delete(name for name in old if name not in needed)

    def _hinted(self) -> Commit | None:
        with contextlib.suppress(FileNotFoundError, CorruptDataError, DocumentError):
            place = f"{self._root.url}/{HINT}"
            hint = read_checked(self._root, HINT, lambda data: Commit.from_bytes(data, place))
            return self._read(hint.number)
        return None

    def _listed(self, first: int) -> Commit | None:
        """The last of the commits that are there, from number `first` on."""
        numbers = [number for number in self._numbers() if number >= first]
        return self.read(numbers[-1]) if numbers else None

    def _numbers(self) -> list[int]:
        return sorted(int(match[1]) for name in self._objects.list(_FOLDER) if (match := _NAME.match(name)))

    def _read(self, number: int) -> Commit | None:
        name = _name(number)
        place = f"{self._objects.url}/{name}"
        try:
            commit = read_checked(self._objects, name, lambda data: Commit.from_bytes(data, place))
        except FileNotFoundError:
            return None
        if commit.number != number:
            raise CorruptDataError(f"{place}: it says that it is commit {commit.number}")
        if commit.runs_object is None:
            return commit
        return replace(commit, runs=self._read_runs(commit.runs_object))

    def _with_runs_aside(self, commit: Commit) -> Commit:
        if len(commit.runs) <= _RUNS_IN_COMMIT:
            return replace(commit, runs_object=None)
        name = f"rows/{commit.number:020d}-{secrets.token_hex(12)}"
        body = np.array(commit.runs, dtype="<i8").tobytes()
        self._objects.write(name, [body, struct.pack("<I", crc32c(body))])
        self._objects.sync()
        return replace(commit, runs=(), runs_object=name)

    def _read_runs(self, name: str) -> tuple[tuple[int, int, int], ...]:
        place = f"{self._objects.url}/{name}"

        def decode(data: bytes) -> tuple[tuple[int, int, int], ...]:
            if len(data) % 24 != 4 or crc32c(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
                raise CorruptDataError(f"{place}: checksum does not match")
            runs: Iterable[list[int]] = np.frombuffer(data[:-4], dtype="<i8").reshape(-1, 3).tolist()
            return tuple((slot, row, count) for slot, row, count in runs)

        try:
            return read_checked(self._objects, name, decode)
        except FileNotFoundError as exc:
            raise CorruptDataError(f"{place}: missing, but a commit refers to it") from exc


def _name(number: int) -> str:
    return f"{_FOLDER}/{number:020d}.json"


def _number(name: str) -> int:
    digits = name.split("-", 1)[0]
    return int(digits) if digits.isdigit() else 1 << 62


def find_commit(root: ObjectStore, path: str) -> Commit | None:
    """The newest commit of the storage at `path` below `root`; None where there is none."""
    return CommitLog(root, storage_objects(root, path)).newest()


def read_commit(root: ObjectStore, path: str, number: int) -> Commit:
    """Commit `number` of the storage at `path` below `root`.

    Raises:
        StaleCommitError: it has been pruned, or has not been made.
    """
    return CommitLog(root, storage_objects(root, path)).read(number)


def storage_objects(root: ObjectStore, path: str) -> ObjectStore:
    """Where the storage at `path` below `root` stands; an empty path means the root itself."""
    return root.below(path) if path else root
