"""256 random rows of 20,000 camera frames of 84x84x3, compressed without loss."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

import unienv_data
from benchmarks.measure import interleave
from benchmarks.readers import READERS, Reader, Recording
from benchmarks.report import Result
from benchmarks.scenes import render_episode
from unienv_data.storages.zarr import ZarrStorage
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import BoxSpace, DictSpace

EPISODES, LENGTH, SIZE = 100, 200, 84
BATCH = 256
BATCHES_A_TURN = 5
COLUMN = "image"
#: Part of the name of what is kept between runs: raise it when the frames change.
VERSION = 1


def run(folder: Path, rounds: int, readers: tuple[type[Reader], ...] = READERS) -> Result:
    """Prepare the frames where that has not been done, and time the readers on them."""
    recording = prepare(folder / f"frames-v{VERSION}")
    warm_page_cache(recording)
    expected = np.load(recording.raw, mmap_mode="r")
    rng = np.random.default_rng(0)
    rows = [
        np.stack([rng.choice(len(expected), BATCH, replace=False) for _ in range(BATCHES_A_TURN)])
        for _ in range(rounds)
    ]
    taking_part = [reader() for reader in readers if reader.is_available()]
    for reader in taking_part:
        reader.setup(recording)
    try:
        timings = interleave(taking_part, rows, expected)
    finally:
        for reader in taking_part:
            reader.close()
    return Result(
        title=f"{BATCH} random rows of {len(expected):,} frames of {SIZE}x{SIZE}x3",
        batch=BATCH,
        timings=tuple(timings),
        missing=tuple(reader.name for reader in readers if not reader.is_available()),
        notes={
            "raw_bytes": recording.raw.stat().st_size,
            "stored_bytes": sum(path.stat().st_size for path in recording.store.rglob("*") if path.is_file()),
        },
    )


def warm_page_cache(recording: Recording) -> None:
    """Read every file once: what is measured is not the disk."""
    for path in [recording.raw, *recording.store.rglob("*")]:
        if path.is_file():
            with path.open("rb") as file:
                while file.read(1 << 24):
                    pass


def prepare(folder: Path) -> Recording:
    """Write the frames once, as raw rows and as a sealed dataset; later runs find them."""
    shape = (EPISODES * LENGTH, SIZE, SIZE, 3)
    recording = Recording(folder / "frames.zarr", COLUMN, folder / "frames.npy", shape)
    if (folder / "complete").exists():
        return recording
    folder.mkdir(parents=True, exist_ok=True)
    raw = np.lib.format.open_memmap(recording.raw, mode="w+", dtype=np.uint8, shape=shape)
    for episode in range(EPISODES):
        raw[episode * LENGTH : (episode + 1) * LENGTH] = render_episode((VERSION, episode), LENGTH, SIZE)
    raw.flush()

    space = DictSpace(
        NumpyComputeBackend, {COLUMN: BoxSpace(NumpyComputeBackend, 0, 255, np.uint8, shape=shape[1:])}
    )
    start = time.perf_counter()
    with unienv_data.ReplayBuffer.create(
        ZarrStorage, space, cache_path=str(recording.store), capacity=None, overwrite=True
    ) as buffer:
        for first in range(0, len(raw), LENGTH):
            buffer.extend({COLUMN: raw[first : first + LENGTH]})
        buffer.seal()
    seconds = time.perf_counter() - start
    print(f"wrote {len(raw):,} frames in {seconds:.1f} s ({len(raw) / seconds:,.0f} frames/s)")
    (folder / "complete").touch()
    return recording
