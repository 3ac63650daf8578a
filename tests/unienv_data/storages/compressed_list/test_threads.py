"""Threads and processes: a write is seen as a whole or not at all."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

from unienv_data.storages import CompressedListStorage
from unienv_data.store.pool import limit_threads

Storage = CompressedListStorage[Any, Any, Any, Any, Any]


def batch(number: int, count: int = 16) -> dict[str, Any]:
    return {"image": np.full((count, 40, 40), number, np.uint8), "n": np.full(count, number)}


def test_batches_are_never_torn() -> None:
    storage: Storage = CompressedListStorage(16)
    storage.set(range(16), batch(0))
    stop = threading.Event()
    torn: list[Any] = []

    def read() -> None:
        while not stop.is_set():
            found = storage.get(range(16))
            values = {*found["n"].tolist(), *found["image"].ravel().tolist()}
            if len(values) != 1:
                torn.append(values)

    def write(numbers: range) -> None:
        for number in numbers:
            storage.set(range(16), batch(number))

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(range(i, i + 60),)) for i in (1, 100)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert torn == []
    items, _ = storage._items.all()
    assert storage.bytes() == sum(len(item or b"") for item in items)


def test_appending_threads_do_not_lose_items() -> None:
    storage: Storage = CompressedListStorage(None)

    def append(start: int) -> None:
        for number in range(start, start + 50):
            with storage._items.writing:  # which slot comes next, and writing it
                storage.set(len(storage), np.int64(number))

    threads = [threading.Thread(target=append, args=(start,)) for start in (0, 50, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(storage.get(slice(None)).tolist()) == list(range(150))


def test_many_threads_decompress_what_one_does() -> None:
    storage: Storage = CompressedListStorage(200)
    frames = np.random.default_rng(0).integers(0, 9, (200, 84, 84, 3), dtype=np.uint8)
    storage.set(range(200), frames)
    order = np.random.default_rng(1).integers(0, 200, 300)
    try:
        for threads in (1, 2, 7):
            limit_threads(threads)
            assert np.array_equal(storage.get(order), frames[order])
    finally:
        limit_threads(None)


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_reads_and_writes_its_copy() -> None:
    storage: Storage = CompressedListStorage(50)
    storage.set(range(50), batch(1, 50))
    busy, done = threading.Event(), threading.Event()

    def hold() -> None:
        with storage._items.writing:
            busy.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    busy.wait()
    child = os.fork()
    if not child:
        storage.set(3, storage.get(2))
        os._exit(0 if storage.get(range(50))["n"].tolist() == [1] * 50 else 1)
    deadline = time.monotonic() + 20
    ended, status = os.waitpid(child, os.WNOHANG)
    while not ended and time.monotonic() < deadline:
        time.sleep(0.01)
        ended, status = os.waitpid(child, os.WNOHANG)
    done.set()
    holder.join()
    assert (ended, status) == (child, 0)
