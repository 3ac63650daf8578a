"""Threads of one process: some append while others read, and no row is lost or torn."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unienv_data import ReplayBuffer
from unienv_data.errors import ClosedError
from unienv_data.testing import BufferPlace, InMemory, LocalFolder, MemoryUrl
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace, DictSpace, TextSpace

SPACE = DictSpace(
    B,
    {
        "n": BoxSpace(B, 0, 2**31, B.int64, shape=()),
        "v": BoxSpace(B, -np.inf, np.inf, B.float32, shape=(64,)),
        "t": TextSpace(B, 12),
    },
)
PLACES = [LocalFolder(), MemoryUrl(), InMemory()]
SMALL = {"chunks": {"**": 4}, "shards": {"**": 16}}


def batch(numbers: Any) -> dict[str, Any]:
    texts = np.empty(len(numbers), dtype=object)
    texts[:] = [str(number) for number in numbers]
    v = np.repeat(np.asarray(numbers, dtype=np.float32)[:, None], 64, axis=1)
    return {"n": np.asarray(numbers, dtype=np.int64), "v": v, "t": texts}


def whole(found: Any) -> list[int]:
    """The numbers of a batch, each row of which must be of one piece."""
    numbers: list[int] = found["n"].tolist()
    assert found["t"].tolist() == [str(number) for number in numbers]
    assert (found["v"] == np.asarray(numbers, dtype=np.float32)[:, None]).all()
    return numbers


def together(*actions: Callable[[], None]) -> None:
    """Run every action in a thread of its own, switching between them often."""
    failures: list[BaseException] = []

    def guarded(action: Callable[[], None]) -> None:
        try:
            action()
        except BaseException as exc:
            failures.append(exc)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=guarded, args=(action,)) for action in actions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive(), "a deadlock"
    finally:
        sys.setswitchinterval(interval)
    if failures:
        raise failures[0]


@pytest.fixture(params=PLACES, ids=lambda place: type(place).__name__)
def place(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("capacity", [None, 50])
def test_one_appends_and_others_read(place: BufferPlace, capacity: int | None, tmp_path: Path) -> None:
    buffer = place.make(tmp_path, SPACE, capacity=capacity, commit_interval=0.01, **SMALL)
    buffer.extend(batch([0, 1]))
    done = threading.Event()

    def append() -> None:
        try:
            for start in range(2, 402, 4):
                buffer.extend(batch(range(start, start + 4)), episode={"n": start})
        finally:
            done.set()

    def read() -> None:
        rng = np.random.default_rng(0)
        while not done.is_set():
            numbers = whole(buffer[rng.integers(0, len(buffer), 8)])
            assert max(numbers) < 402
            everything = whole(buffer[:])
            assert everything == list(range(everything[0], everything[-1] + 1))
            assert buffer.get_segments()
            assert len(buffer.episodes) > 0

    together(append, read, read)
    expected = list(range(402))
    assert whole(buffer[:]) == (expected if capacity is None else expected[-capacity:])


def test_several_append(place: BufferPlace, tmp_path: Path) -> None:
    buffer = place.make(tmp_path, SPACE, commit_interval=0.01, **SMALL)

    def append(start: int) -> None:
        for number in range(start, start + 100, 5):
            buffer.extend(batch(range(number, number + 5)), episode={"n": number})
            buffer[-1] = {key: value[0] for key, value in batch([7777]).items()}

    together(*(lambda start=start: append(start) for start in (0, 1000, 2000)))
    assert len(buffer) == 300
    numbers = whole(buffer[:])
    for (start, stop), episode in zip(buffer.get_segments(), buffer.episodes.to_pylist(), strict=True):
        assert (start, stop - start) == (episode["start"], episode["length"])
        found = [number for number in numbers[start:stop] if number != 7777]
        assert found == [number for number in range(episode["n"], episode["n"] + 5) if number in found]
    if place.persists:
        buffer.close()
        assert whole(place.open(buffer.cache_path, SPACE)[:]) == numbers


def test_closing_while_others_append(place: BufferPlace, tmp_path: Path) -> None:
    buffer = place.make(tmp_path, SPACE, **SMALL)
    appended = threading.Event()

    def append_for_ever() -> None:
        for start in range(0, 10**6, 3):
            buffer.extend(batch(range(start, start + 3)))
            appended.set()

    def append() -> None:
        with pytest.raises(ClosedError):
            append_for_ever()

    def close() -> None:
        appended.wait(60)
        buffer.close()

    together(append, close, close)
    if place.persists:
        numbers = whole(place.open(buffer.cache_path, SPACE)[:])
        assert numbers == list(range(len(numbers)))
        assert len(numbers) % 3 == 0


def test_many_read_one_reader(tmp_path: Path) -> None:
    with LocalFolder().make(tmp_path, SPACE, **SMALL) as buffer:
        buffer.extend(batch(range(500)))
    reader = ReplayBuffer.load_from(buffer.cache_path)

    def read() -> None:
        rng = np.random.default_rng(threading.get_ident())
        for _ in range(50):
            rows = rng.integers(0, 500, 16)
            assert whole(reader[rows]) == rows.tolist()

    together(*[read] * 4)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_reads_though_a_thread_was_appending(tmp_path: Path) -> None:
    buffer = LocalFolder().make(tmp_path, SPACE, **SMALL)
    buffer.extend(batch(range(8)))
    buffer.commit()
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with buffer._turn():
            inside.set()
            leave.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(60)
    child = os.fork()
    if not child:
        try:
            os._exit(0 if whole(buffer[:]) == list(range(8)) else 3)
        finally:
            os._exit(4)
    leave.set()
    thread.join(60)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
