"""SIGKILL at random moments: what was acknowledged is there, whole, and the next writer goes on."""

from __future__ import annotations

import multiprocessing
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import unienv_data
from tests.unienv_data.store.killed_writer import check_segment, length_of, write_extends, write_segments

pytestmark = pytest.mark.durable


def run_and_kill(work: Callable[..., None], path: Path, seed: int, order: random.Random) -> int:
    """Run a writer for a random while and kill it; the last segment that it acknowledged, or -1."""
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    if sys.platform != "win32":
        context.set_forkserver_preload(["tests.unienv_data.store.killed_writer"])
    reading, writing = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(str(path), seed, writing), daemon=True)
    process.start()
    writing.close()
    last = -1
    try:
        # Some die as they begin, some after a number of acknowledgements, all at no particular instruction.
        for _ in range(order.choice([0, 1, 1, 2, 4])):
            assert reading.poll(60), "the writer does not get on"
            last = reading.recv()
            assert isinstance(last, int), last
        time.sleep(order.random() * 0.08)
    finally:
        process.kill()
        process.join()
    while True:
        try:
            last = reading.recv() if reading.poll() else last
        except EOFError:
            break
    reading.close()
    return last


def check(path: Path, acknowledged: int, checked: int) -> int:
    """That every acknowledged segment is there, whole, and no other than whole ones; how many there are."""
    with unienv_data.open(path) as buffer:
        segments = buffer.get_segments()
        assert segments is not None
        assert len(segments) > acknowledged
        start = 0
        for number, (first, stop) in enumerate(segments):
            assert (first, stop) == (start, start + length_of(number))
            start = stop
        assert buffer.episodes["segment"].to_pylist() == list(range(len(segments)))
        for number in range(checked, len(segments)):
            first, stop = segments[number]
            check_segment(buffer[first:stop], number)
        assert start == len(buffer)  # nothing of a segment that had not ended
        return len(segments)


@pytest.mark.parametrize(("work", "kills"), [(write_segments, 25), (write_extends, 5)])
def test_kills(tmp_path: Path, work: Callable[..., None], kills: int) -> None:
    path = tmp_path / "x.zarr"
    order = random.Random(kills)
    acknowledged, checked = -1, 0
    for seed in range(kills):
        acknowledged = max(acknowledged, run_and_kill(work, path, seed, order))
        if not unienv_data.ReplayBuffer.is_loadable_from(path):  # killed before it had made the dataset
            assert acknowledged == -1
            continue
        checked = check(path, acknowledged, max(checked - 1, 0))
    assert acknowledged > kills // 2
    check(path, acknowledged, 0)
    # The dead have left no lock, and what they had begun is in nobody's way.
    with unienv_data.open(path, mode="a") as buffer:
        rows: Any = buffer[:3]
        buffer.extend(rows, {"segment": checked})
    with unienv_data.open(path) as buffer:
        assert len(buffer.get_segments() or []) == checked + 1
        dumped = tmp_path / "copy.zarr"
        buffer.dumps(dumped)
        with unienv_data.open(dumped) as copy:
            assert len(copy) == len(buffer)
