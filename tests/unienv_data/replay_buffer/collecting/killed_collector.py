"""Collects for ever, and says after each step how many rows have to survive. Arguments: folder, mode."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tests.unienv_data.replay_buffer.collecting.worlds import CountingWorld, new_buffer
from unienv_data import ReplayBufferCollectionWrapper

SLOTS = 3

if __name__ == "__main__":
    folder, mode = Path(sys.argv[1]), sys.argv[2]
    world = CountingWorld(SLOTS)
    count = SLOTS if mode == "per_env" else 1
    buffers = [new_buffer(world, folder / f"{number}.zarr") for number in range(count)]
    env = ReplayBufferCollectionWrapper(world, buffers, mode)  # type: ignore[arg-type]
    env.reset()
    rng = np.random.default_rng(0)
    ended = [0] * count
    steps = [0] * count
    while True:
        ends = {slot: "terminated" for slot in range(SLOTS) if rng.random() < 0.05}
        world.next_ends = dict(ends)
        env.step(np.zeros(SLOTS, dtype=np.int64))
        for number in range(count):
            steps[number] += SLOTS // count
        for slot in ends:
            number = slot if mode == "per_env" else 0
            ended[number] = steps[number]
        print(*ended, flush=True)
        if ends:
            env.reset(mask=np.array([slot in ends for slot in range(SLOTS)]))
