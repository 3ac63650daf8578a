"""SIGKILL while video is written: what was acknowledged is there, and the next writer goes on."""

from __future__ import annotations

import multiprocessing
import random
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import unienv_data

pytest.importorskip("av")

from tests.unienv_data.store.video_writer import frames, write

pytestmark = pytest.mark.durable


def write_and_kill(path: Path, seed: int, order: random.Random) -> int:
    """Run a writer for a random while and kill it; the rows that it acknowledged last, or 0."""
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    if sys.platform != "win32":
        context.set_forkserver_preload(["tests.unienv_data.store.video_writer"])
    reading, writing = context.Pipe(duplex=False)
    process = context.Process(target=write, args=(str(path), seed, writing), daemon=True)
    process.start()
    writing.close()
    rows = 0
    try:
        for _ in range(order.choice([0, 1, 2, 4])):
            assert reading.poll(60), "the writer does not get on"
            rows = int(reading.recv())
        time.sleep(order.random() * 0.05)
    finally:
        process.kill()
        process.join()
    while True:
        try:
            if not reading.poll():
                break
            rows = int(reading.recv())
        except EOFError:
            break
    reading.close()
    return rows


def test_kills(tmp_path: Path) -> None:
    path, order = tmp_path / "x.zarr", random.Random(5)
    acknowledged = 0
    for seed in range(8):
        acknowledged = max(acknowledged, write_and_kill(path, seed, order))
        if not unienv_data.ReplayBuffer.is_loadable_from(path):
            assert not acknowledged
            continue
        with unienv_data.open(path) as buffer:
            count = len(buffer)
            assert count >= acknowledged
            np.testing.assert_array_equal(buffer[:], frames(0, count))
    assert acknowledged > 20
