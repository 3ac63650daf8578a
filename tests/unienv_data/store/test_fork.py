"""Other people's fork: children read, do not write, and never wait for threads that they do not have."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unienv_data
from tests.unienv_data.store.killed_writer import check_segment, length_of, rows_of, space
from unienv_data import ReplayBuffer
from unienv_data.errors import ReadOnlyError, WriterLockedError
from unienv_data.storages import ZarrStorage
from unienv_data.store import pool

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    # Forking with threads about is what the users of fork do; only later Pythons warn of it.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

SEGMENTS = 12
ZSTD = [{"name": "bytes"}, {"name": "zstd", "configuration": {"level": 1, "checksum": False}}]


def in_fork(work: Callable[[], None], seconds: float = 30.0) -> None:
    """Run `work` in a forked child, which must return in time."""
    child = os.fork()
    if not child:
        status = 1
        try:
            signal.alarm(int(seconds) + 5)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("a forked child hangs")


@pytest.fixture(params=["zstd", "stand-in"])
def buffer(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    codecs: Any = {"frame": "zstd" if request.param == "zstd" else ZSTD}
    made = ReplayBuffer.create(
        ZarrStorage,
        space(),
        cache_path=tmp_path / "x.zarr",
        codecs=codecs,
        chunks={"frame": 1},
        shards={"frame": 16},
    )
    for segment in range(SEGMENTS):
        made.extend(rows_of(segment))
    made.commit()
    yield made
    made.close()


def read_everything(buffer: Any) -> None:
    segments = buffer.get_segments()
    assert len(segments) == SEGMENTS
    for number, (start, stop) in enumerate(segments):
        check_segment(buffer[start:stop], number)
    order = np.random.default_rng(os.getpid()).permutation(len(buffer))
    shuffled = buffer[order]
    starts = np.array([start for start, _ in segments])
    segment = np.searchsorted(starts, order, side="right") - 1
    np.testing.assert_array_equal(shuffled["number"][:, 0], order - starts[segment] + segment * 1000.0)


def test_fifty_children_read_what_the_parent_opened(buffer: Any, tmp_path: Path) -> None:
    with unienv_data.open(tmp_path / "x.zarr") as reader:
        read_everything(reader)  # with the pool at work, files open and indexes known
        pool.map_threaded(lambda number: number, range(50))
        for _ in range(50):
            in_fork(lambda: read_everything(reader))
        read_everything(reader)


def test_children_read_while_threads_of_the_parent_do(buffer: Any, tmp_path: Path) -> None:
    """A fork takes the locks of other threads with it, in whatever state they are."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def keep_reading() -> None:
        try:
            while not stop.is_set():
                read_everything(reader)
        except BaseException as exc:
            failures.append(exc)

    with unienv_data.open(tmp_path / "x.zarr") as reader:
        read_everything(reader)  # what a thread is importing, a forked child can never import
        threads = [threading.Thread(target=keep_reading) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(15):
                in_fork(lambda: read_everything(reader))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert not failures


def test_a_child_cannot_write_and_leaves_the_parent_alone(buffer: Any, tmp_path: Path) -> None:
    rows = rows_of(SEGMENTS)
    buffer.append({name: data[0] for name, data in rows.items()})

    def misuse() -> None:
        read_first = buffer[0]["number"][0]
        assert read_first == 0
        for use in (lambda: buffer.append_batch(rows), buffer.mark_segment_end, buffer.commit, buffer.clear):
            with pytest.raises(ReadOnlyError, match="forked child"):
                use()
        with pytest.raises(WriterLockedError):
            unienv_data.open(tmp_path / "x.zarr", mode="a")
        buffer.close()
        with pytest.raises(WriterLockedError):
            unienv_data.open(tmp_path / "x.zarr", mode="a")

    number = buffer.storage.commit_number
    in_fork(misuse)
    assert buffer.storage.commit_number == number
    buffer.append_batch({name: data[1:] for name, data in rows.items()})
    buffer.mark_segment_end()
    with unienv_data.open(tmp_path / "x.zarr") as reader:
        start, stop = reader.get_segments()[SEGMENTS]
        assert stop - start == length_of(SEGMENTS)
        check_segment(reader[start:stop], SEGMENTS)


def test_a_child_writes_a_dataset_of_its_own(buffer: Any, tmp_path: Path) -> None:
    def write() -> None:
        with ReplayBuffer.create(ZarrStorage, space(), cache_path=tmp_path / "child.zarr") as made:
            made.extend(rows_of(3))

    for _ in range(3):
        in_fork(write)
        with unienv_data.open(tmp_path / "child.zarr") as reader:
            check_segment(reader[...], 3)
        shutil.rmtree(tmp_path / "child.zarr")
