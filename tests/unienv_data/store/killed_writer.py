"""A writer that is going to be killed: it says what it has been told is safe."""

from __future__ import annotations

import random
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from unienv_data import ReplayBuffer, open
from unienv_data.storages import ZarrStorage
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace, TextSpace

__all__ = ["check_segment", "length_of", "rows_of", "write_extends", "write_segments"]


def space() -> Any:
    backend: Any = NumpyComputeBackend
    frame = BoxSpace(backend, 0, 255, dtype=np.dtype(np.uint8), shape=(6, 5, 3))
    number = BoxSpace(backend, -np.inf, np.inf, dtype=np.dtype(np.float64), shape=(2,))
    return DictSpace(backend, {"frame": frame, "number": number, "text": TextSpace(backend, max_length=40)})


def length_of(segment: int) -> int:
    """How many rows a segment has: from one to some dozens."""
    return 1 + segment * 7919 % 37


def rows_of(segment: int) -> dict[str, Any]:
    """The rows of a segment, all different from those of others."""
    n = np.arange(length_of(segment))
    return {
        "frame": ((segment * 31 + n[:, None] + np.arange(90)) % 256).astype(np.uint8).reshape(-1, 6, 5, 3),
        "number": np.stack([n + segment * 1000.0, -n / 7], axis=1),
        "text": np.array([f"segment {segment}, {i // 4}" if i % 5 else "" for i in n], dtype=object),
    }


def check_segment(found: Any, segment: int) -> None:
    """That these are the rows of a segment, and all of them."""
    expected = rows_of(segment)
    for name, data in expected.items():
        np.testing.assert_array_equal(found[name], data, f"{name} of segment {segment}")


def opened(path: str, interval: float) -> Any:
    if ReplayBuffer.is_loadable_from(path):
        return open(path, mode="a", commit_interval=interval)
    chunks = {"frame": 1, "number": 4, "text": 4}
    shards = {"frame": 16, "number": 8, "text": 8}
    # One who was killed before the first commit has left what is no dataset yet.
    return ReplayBuffer.create(
        ZarrStorage,
        space(),
        cache_path=path,
        chunks=chunks,
        shards=shards,
        commit_interval=interval,
        overwrite=True,
    )


def write_segments(path: str, seed: int, pipe: Connection) -> None:
    """Append rows in pieces and end segments, for ever; a segment that has ended is told to the pipe."""
    order = random.Random(seed)
    buffer = opened(path, 1.0)
    if buffer.has_open_segment:
        pipe.send("a segment is open")
        return
    segment = len(buffer.get_segments())
    while True:
        rows = rows_of(segment)
        done = 0
        while done < length_of(segment):
            count = order.choice([0, 1, 1, 3, 10])
            if count == 0:
                buffer.append({name: data[done] for name, data in rows.items()})
                done += 1
            else:
                buffer.append_batch({name: data[done : done + count] for name, data in rows.items()})
                done += count
        buffer.mark_segment_end({"segment": segment})
        pipe.send(segment)
        segment += 1


def write_extends(path: str, seed: int, pipe: Connection) -> None:
    """Extend by whole segments, committed now and then; at each commit of our own the pipe is told."""
    order = random.Random(seed)
    buffer = opened(path, 0.01)
    segment = len(buffer.get_segments())
    while True:
        buffer.extend(rows_of(segment), {"segment": segment})
        segment += 1
        if order.random() < 0.1:
            buffer.commit()
            pipe.send(segment - 1)
