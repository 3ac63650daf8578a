"""A store of numbered rows of every kind of column, tiny shards, and what each row must hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from unienv_data.columns.data import ColumnData, ColumnSpec, Ragged
from unienv_data.schema.commit import BufferState, Commit
from unienv_data.store import layout
from unienv_data.store.commits import find_commit
from unienv_data.store.creation import NewStore, create_store
from unienv_data.store.layout import LayoutOptions
from unienv_data.store.logstore import LogStore
from unienv_data.store.objects import ObjectStore

PATH = "storage"
COLUMNS = (
    ColumnSpec("group/number", "box", np.dtype(np.int64), (3,)),
    ColumnSpec("frame", "box", np.dtype(np.uint8), (2, 3)),
    ColumnSpec("flag", "binary", np.dtype(np.bool_), ()),
    ColumnSpec("nothing", "box", np.dtype(np.float32), (0, 2)),
    ColumnSpec("text", "text", np.dtype(np.uint8), ragged_axes=1),
    ColumnSpec("ragged", "dynamic_box", np.dtype(np.int16), ragged_axes=2),
)
NAMES = [column.name for column in COLUMNS]
TINY = LayoutOptions(
    chunks={"group/number": 2, "frame": 1, "flag": 4, "nothing": 2, "text": 2, "ragged": 1},
    shards={"group/number": 4, "frame": 8, "flag": 4, "nothing": 4, "text": 4, "ragged": 2},
)
SPACE = {"type": "BoxSpace", "shape": [], "dtype": "float32", "low": "-Infinity", "high": "Infinity"}


@pytest.fixture
def tiny_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 32 values, in shards of 16 and chunks of 4."""
    monkeypatch.setattr(layout, "_SHARD_BYTES", 16)
    monkeypatch.setattr(layout, "_CHUNK_BYTES", 4)
    monkeypatch.setattr(layout, "_VALUE_SHARDS_IN_BLOCK", 2)


def create(root: ObjectStore, *, capacity: int | None = None, options: LayoutOptions = TINY) -> LogStore:
    new = NewStore("zarr", SPACE, COLUMNS, capacity, options)
    return create_store(root, PATH, new, buffer=BufferState(capacity=capacity), attributes={})


def newest(root: ObjectStore) -> Commit:
    commit = find_commit(root, PATH)
    assert commit is not None
    return commit


def reopen(root: ObjectStore, *, writable: bool, commit: Commit | None = None) -> LogStore:
    return LogStore(root, commit or newest(root), COLUMNS, writable=writable)


def kill(store: LogStore) -> None:
    """What the death of its process leaves of a writer: nothing but the lock is given back."""
    if store._lock is not None:
        store._lock.release()


# Rows


def text_of(row: int) -> bytes:
    """Many rows share a text, some have none, some have one longer than a block of values."""
    if row % 5 == 0:
        return b""
    if row % 17 == 0:
        return f"a long one of {row}: ".encode() * 4
    return f"t{row // 3}".encode()


def ragged_of(row: int) -> NDArray[np.int16]:
    return np.arange(row, row + (row % 3) * (row % 4), dtype=np.int16).reshape(row % 3, row % 4)


def _joined(arrays: Sequence[NDArray[Any]], shapes: Sequence[tuple[int, ...]], axes: int) -> Ragged:
    counts = [len(array) for array in arrays]
    starts = np.cumsum([0, *counts])[:-1].astype(np.int64)
    values = np.concatenate(arrays) if arrays else np.empty(0)
    return Ragged(values, starts, np.array(shapes, dtype=np.int64).reshape(-1, axes))


def rows(numbers: Sequence[int]) -> dict[str, ColumnData]:
    """The rows of these numbers, of every column."""
    n = np.array(numbers, dtype=np.int64)
    texts = [np.frombuffer(text_of(number), dtype=np.uint8) for number in numbers]
    boxes = [ragged_of(number) for number in numbers]
    return {
        "group/number": n[:, None] * np.array([1, 2**40, -1]),
        "frame": ((n[:, None] + np.arange(6)) % 251).astype(np.uint8).reshape(-1, 2, 3),
        "flag": n % 3 == 0,
        "nothing": np.empty((len(n), 0, 2), dtype=np.float32),
        "text": _joined(texts, [(len(text),) for text in texts], 1),
        "ragged": _joined([box.reshape(-1) for box in boxes], [box.shape for box in boxes], 2),
    }


def check_rows(found: dict[str, ColumnData], numbers: Sequence[int | None]) -> None:
    """That these are the rows of these numbers; None stands for one that was never written."""
    written = [i for i, number in enumerate(numbers) if number is not None]
    expected = rows([number for number in numbers if number is not None])
    for name, data in found.items():
        wanted = expected[name]
        if isinstance(data, Ragged):
            assert isinstance(wanted, Ragged)
            assert len(data) == len(numbers)
            shapes = np.zeros((len(numbers), wanted.shapes.shape[1]), dtype=np.int64)
            shapes[written] = wanted.shapes
            np.testing.assert_array_equal(data.shapes, shapes, name)
            np.testing.assert_array_equal(_values(data), _values(wanted), name)
        else:
            assert not isinstance(wanted, Ragged)
            dense = np.zeros((len(numbers), *wanted.shape[1:]), dtype=wanted.dtype)
            dense[written] = wanted
            np.testing.assert_array_equal(data, dense, name, strict=True)


def _values(data: Ragged) -> NDArray[Any]:
    """The values of all rows, one row after another."""
    spans = zip(data.starts.tolist(), data.counts.tolist(), strict=True)
    return np.concatenate([data.values[:0], *(data.values[start : start + count] for start, count in spans)])


def check(store: LogStore, numbers: Sequence[int | None]) -> None:
    """That the store's slots show these rows, read as a whole, backwards, and here and there."""
    assert store.length == len(numbers)
    check_rows(store.get(range(len(numbers)), NAMES), numbers)
    some = np.array([i * 7919 % len(numbers) for i in range(min(9, 2 * len(numbers)))], dtype=np.int64)
    check_rows(store.get(some, NAMES[::-1]), [numbers[i] for i in some])
    check_rows(store.get(range(len(numbers) - 1, -1, -2), ["text", "frame"]), numbers[::-2])


def append(store: LogStore, numbers: Sequence[int]) -> None:
    start = store.length
    store.extend_length(len(numbers))
    try:
        store.set(range(start, start + len(numbers)), rows(numbers))
    except BaseException:
        store.shrink_length(len(numbers))
        raise


def commit(store: LogStore, **options: Any) -> Commit:
    return store.commit(store.commit_read.buffer, **options)


def close(store: LogStore) -> None:
    store.close(store.commit_read.buffer)
