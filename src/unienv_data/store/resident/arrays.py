"""Which of a dataset's arrays are resident, and their rows."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import CorruptDataError
from unienv_data.indexing import RowIndex, row_array
from unienv_data.schema.commit import Commit
from unienv_data.store import pool
from unienv_data.store.array import StoredArray, stored_arrays
from unienv_data.store.codecs import PieceCodec
from unienv_data.store.home import Home
from unienv_data.store.resident.budget import budget_bytes, smallest_within
from unienv_data.store.resident.file import Load, RowFile
from unienv_data.store.resident.home import home_of, home_path, used_bytes

__all__ = ["ResidentArrays"]

_TIMES = 1  # how often an array is decoded before it becomes resident


class ResidentArrays:
    """The resident arrays of one dataset, as this process uses them.

    An array becomes resident when as many of its chunks have been decoded as it has, or when another process
    has made it so; from then on it costs no more than what had been spent on it anyway. Frames, which stand
    alone in their chunks or are video, never do.

    Args:
        dataset: the dataset's uuid, in hexadecimal digits.
        url: where it stands.
        at_once: make every such array resident when it is first read, shard by shard as its rows are asked
            for: where reading means requests, a shard of some hundred kilobytes costs what one chunk does.
    """

    def __init__(self, dataset: str, url: str, *, at_once: bool = False) -> None:
        self._dataset = dataset
        self._url = url
        self._at_once = at_once
        self._renew()

    def _renew(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._home: Home | None = None
        self._files: dict[str, RowFile] = {}
        self._refused: set[str] = set()
        self._looked_for: set[str] = set()
        self._decoded: Counter[str] = Counter()
        self._gapped: set[tuple[str, int]] = set()  # arrays and shards

    def close(self) -> None:
        """Let go of the files, which go when nobody uses them."""
        self._renew()

    def decoded(self, array: StoredArray, chunks: int) -> None:
        """Chunks of an array have been decoded, because it is not resident."""
        self._decoded[_name(array)] += chunks

    def rows(self, array: StoredArray, rows: RowIndex, commit: Commit, load: Load) -> NDArray[Any] | None:
        """Committed rows of an array, (N, *shape); None where it is not resident.

        Args:
            array: which array.
            rows: rows of its log that `commit` holds.
            commit: what is committed.
            load: decodes rows.
        """
        file = self._file(array, commit)
        if file is None:
            return None
        if isinstance(rows, range) and rows.step == 1:
            return self.spans(array, [(rows.start, rows.stop)] if rows else [], commit, load)
        numbers = row_array(rows)
        if len(numbers) and not file.is_complete(int(numbers.max())):
            ascending = np.sort(numbers)
            shards, first = np.unique(ascending // array.entry.shard_rows, return_index=True)
            last = ascending[np.append(first[1:], len(ascending)) - 1]
            if not self._filled(
                file, array, dict(zip(shards.tolist(), last.tolist(), strict=True)), commit, load
            ):
                return None
        return _as_entries(file.rows.take(numbers, axis=0), array)

    def spans(
        self, array: StoredArray, spans: Sequence[tuple[int, int]], commit: Commit, load: Load
    ) -> NDArray[Any] | None:
        """As `rows`, those of each span [start, stop) after those of the one before."""
        file = self._file(array, commit)
        if file is None:
            return None
        if not file.is_complete(max((stop for _, stop in spans), default=0) - 1):
            per_shard = array.entry.shard_rows
            needed: dict[int, int] = {}
            for start, stop in spans:
                for shard in range(start // per_shard, -(-stop // per_shard)):
                    last_row = min(stop, (shard + 1) * per_shard) - 1
                    needed[shard] = max(needed.get(shard, 0), last_row)
            if not self._filled(file, array, dict(sorted(needed.items())), commit, load):
                return None
        parts = [file.rows[start:stop] for start, stop in spans]
        return _as_entries(np.concatenate([file.rows[:0], *parts]), array)

    def unfilled(self, array: StoredArray, rows: NDArray[np.int64], commit: Commit) -> NDArray[np.int64]:
        """Those of an array's committed rows, ascending, that cannot be had without decoding."""
        file = self._file(array, commit)
        if file is None or not len(rows):
            return rows
        if file.is_complete(int(rows[-1])):
            return rows[:0]
        shards = rows // array.entry.shard_rows
        spans = file.unfilled(np.unique(shards), int(rows[-1]) + 1)
        return rows[np.isin(shards, [span.start // array.entry.shard_rows for span in spans])]

    def has(self, array: StoredArray) -> bool:
        """Whether rows of an array can be asked for."""
        return _name(array) in self._files and self._pid == os.getpid()

    def _filled(
        self, file: RowFile, array: StoredArray, needed: Mapping[int, int], commit: Commit, load: Load
    ) -> bool:
        """Have rows of some shards filled in; False where they cannot be.

        Args:
            file: where they go.
            array: which array.
            needed: by shard, ascending, the last row that is asked for.
            commit: what is committed.
            load: decodes rows.
        """
        length = commit.logs[array.entry.log].length
        try:
            try:
                self._fill(file, self._cut(array, file.unfilled([*needed], length), needed), load)
            except CorruptDataError:
                # Where a writer's block ended, a log has gaps: what is asked for may be there all the same.
                left = file.unfilled([*needed], length)
                self._gapped.update((_name(array), span.start // array.entry.shard_rows) for span in left)
                self._fill(file, self._cut(array, left, needed), load)
        except (OSError, CorruptDataError):  # no room on the disk; or rows are damaged
            self._refuse(array)
            return False
        return True

    def _cut(self, array: StoredArray, unfilled: Sequence[range], needed: Mapping[int, int]) -> list[range]:
        """What is to be filled in: all of a shard, but of one with gaps no more chunks than are needed."""
        cut = []
        for span in unfilled:
            shard, size = span.start // array.entry.shard_rows, array.entry.chunk_rows
            if (_name(array), shard) in self._gapped:
                stop = min(span.stop, (needed[shard] // size + 1) * size)
                span = range(span.start, max(stop, span.start))
            cut.append(span)
        return [span for span in cut if span]

    def _fill(self, file: RowFile, spans: Sequence[range], load: Load) -> None:
        if self._at_once:
            pool.map_waiting(lambda span: file.fill(span, load), spans)
            return
        for span in spans:
            file.fill(span, load)

    # Files

    def _file(self, array: StoredArray, commit: Commit) -> RowFile | None:
        """The array's file, with room for what is committed; None where it is not resident."""
        entry = array.entry
        if not _can_be(array):
            return None
        if self._pid != os.getpid():  # a forked child shares the files, and not what is kept here
            self._renew()
        length = commit.logs[entry.log].length
        name = _name(array)
        file = self._files.get(name)
        if file is not None and length <= len(file.rows):
            return file
        if name in self._refused or sys.platform != "linux":
            return None
        with self._lock:
            try:
                return self._opened(array, commit, length)
            except OSError:
                self._refuse(array)
                return None

    def _opened(self, array: StoredArray, commit: Commit, length: int) -> RowFile | None:
        name = _name(array)
        times = 0 if self._at_once else _TIMES
        is_worth_it = self._decoded[name] * array.entry.chunk_rows >= times * length
        if name not in self._files and not is_worth_it and not self._is_there(name):
            return None
        if self._home is None:
            self._home = home_of(self._dataset, self._url)
        path = os.path.join(self._home.path, name)
        if not self._may_take(array, commit, length, path):
            self._refuse(array)
            return None
        file = self._files.get(name) or RowFile(path, array.row_bytes, array.entry.shard_rows)
        file.grow(length)
        self._files[name] = file
        return file

    def _is_there(self, name: str) -> bool:
        """Whether another process has made an array resident, which is looked for once."""
        if name in self._looked_for:
            return False
        self._looked_for.add(name)
        return os.path.exists(os.path.join(home_path(self._dataset, self._url), name))

    def _may_take(self, array: StoredArray, commit: Commit, length: int, path: str) -> bool:
        budget = budget_bytes()
        sizes = {
            _name(other): commit.logs[other.entry.log].length * other.row_bytes
            for other in stored_arrays(commit).values()
            if _can_be(other)
        }
        if _name(array) not in smallest_within(sizes, budget):
            return False
        if self._home is None or os.path.exists(path):
            return True
        return used_bytes(self._home) + length * array.row_bytes <= budget

    def _refuse(self, array: StoredArray) -> None:
        self._refused.add(_name(array))
        self._files.pop(_name(array), None)


def _name(array: StoredArray) -> str:
    """Tells an array from all others of the dataset: compaction begins a group of its own."""
    return f"{array.group}.{array.entry.id}"


def _as_entries(rows: NDArray[np.uint8], array: StoredArray) -> NDArray[Any]:
    """Rows (N, row_bytes), of which nobody else holds any, as entries (N, *shape)."""
    return rows.reshape(-1).view(array.dtype).reshape(len(rows), *array.entry.shape)


def _can_be(array: StoredArray) -> bool:
    """Whether an array is of a kind that is worth having decoded."""
    is_video = isinstance(array.codec, PieceCodec)
    return array.entry.chunk_rows > 1 and array.row_bytes > 0 and not is_video
